"""SST-2 with Hugging Face `datasets`: from a folder of local files, or from the hub.

The module needs the extra `hub`. `datasets` is slow to import, so it is imported only when data
is read. Training uses this module only with the option --hub.
"""

import csv
import importlib.util
import re
import threading
from collections.abc import Mapping, Sequence
from http.client import HTTPException
from os import PathLike
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from mt_models.datasets.errors import DataFormatError, HubUnreachableError, MissingDataError
from mt_models.datasets.sst2 import Sentences, Sst2, labelled, plain_text

# The options of `datasets` for each kind of file. Without them its CSV reader treats sentences
# such as "nan" or "null" as missing values.
_READERS: dict[str, tuple[str, dict[str, object]]] = {
    ".parquet": ("parquet", {}),
    ".tsv": ("csv", {"sep": "\t", "quoting": csv.QUOTE_NONE, "keep_default_na": False}),
    ".csv": ("csv", {"keep_default_na": False}),
}
_SPLIT_OF_NAME = {"train": "train", "validation": "dev", "dev": "dev", "test": "test"}
_FILE_NAME = re.compile(
    r"(?P<split>train|validation|dev|test)(-\d+-of-\d+)?(?P<kind>\.parquet|\.tsv|\.csv)(\.gz)?"
)
_NO_HUB = "The embedded data needs no network: `load_sst2()`."


def load_sst2_from_hub(
    path_or_name: str | PathLike[str] = "stanfordnlp/sst2",
    *,
    config: str | None = None,
    cache_dir: str | PathLike[str] | None = None,
) -> Sst2:
    """Read SST-2 with Hugging Face `datasets`.

    A folder is searched, with its sub-folders, for `train`, `validation` (or `dev`) and `test`
    as `.parquet`, `.tsv` or `.csv`, also numbered (`train-00000-of-00001.parquet`) and, for
    text, with `.gz`. Anything else is the name of a data set on the hub. Either must have the
    columns `sentence` and `label`. GLUE hides the labels of its test split (-1): the test
    split is then empty, as for a data set without one.

    Without a network a name fails at once. With `HF_HUB_OFFLINE=1` in the environment no request
    is sent, and a copy in the cache is read.

    Args:
        path_or_name: The folder, or the name of a data set such as "nyu-mll/glue".
        config: The part of a data set that has several, such as "sst2" of "nyu-mll/glue".
        cache_dir: The cache of `datasets`, by default its own choice.

    Raises:
        ImportError: The extra `hub` is not installed.
        MissingDataError: There is no such folder, no such data set, or no training or
            development split in it.
        HubUnreachableError: The hub does not answer, or requests are disabled.
        DataFormatError: `datasets` cannot read a file, a column is missing, or a label is
            not 0 or 1.
    """
    if importlib.util.find_spec("datasets") is None:
        raise ImportError(
            "load_sst2_from_hub needs Hugging Face `datasets`; install it with "
            "`pip install mt-models[hub]`, or read the embedded data with `load_sst2()`"
        )
    folder, name = Path(path_or_name), str(path_or_name)
    options = {"cache_dir": None if cache_dir is None else str(cache_dir)}
    if folder.is_dir():
        kind, files = _local_files(folder)
        reader, reader_options = _READERS[kind]
        # One split at a time: `datasets` requires equal columns in one call, and GLUE's splits
        # differ.
        splits = {
            split: _load(
                f"{name}, {split}",
                path=reader,
                split=split,
                data_files={split: of_split},
                **reader_options,
                **options,
            )
            for split, of_split in files.items()
        }
    elif _is_path(name):
        raise MissingDataError(
            f"{folder} is not a folder; pass a folder, or the name of a data set."
        )
    else:
        _refuse_if_unreachable(name)
        splits = _load(name, path=name, name=config, **options)
    return _assemble(splits, name)


def _is_path(name: str) -> bool:
    """Return whether a name is a path; names on the hub are `name` or `owner/name`."""
    return name.startswith((".", "~", "/")) or "\\" in name or name.count("/") > 1


def _local_files(folder: Path) -> tuple[str, dict[str, list[str]]]:
    """Return the preferred kind of file that exists, and the files of each split."""
    found: dict[str, dict[str, list[str]]] = {kind: {} for kind in _READERS}
    for file in sorted(folder.rglob("*")):
        match = _FILE_NAME.fullmatch(file.name)
        if match:
            split = _SPLIT_OF_NAME[match["split"]]
            found[match["kind"]].setdefault(split, []).append(str(file))
    for kind, files in found.items():
        if files:
            return kind, files
    raise MissingDataError(
        f"{folder} contains no train, validation or test file of kind {', '.join(_READERS)}."
    )


def _refuse_if_unreachable(name: str) -> None:
    """Raise an error if the hub does not answer. `datasets` would retry for half a minute."""
    from datasets import config

    if not config.HF_HUB_OFFLINE and not _answers(config.HF_ENDPOINT):
        raise HubUnreachableError(
            f"{config.HF_ENDPOINT} does not answer, so {name} cannot be read. With "
            f"HF_HUB_OFFLINE=1 a copy in the cache is read without a request. {_NO_HUB}"
        )


def _answers(endpoint: str, seconds: float = 5.0) -> bool:
    """Return whether a server answers one request in time, without a retry."""
    answered = threading.Event()

    def ask() -> None:
        try:
            urlopen(Request(endpoint, method="HEAD"), timeout=seconds).close()
        except HTTPError as refusal:
            refusal.close()
            answered.set()  # An HTTP error is an answer, too.
        except (OSError, HTTPException):
            return
        else:
            answered.set()

    # A thread, because the lookup of the host's name has no timeout.
    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(seconds)
    return answered.is_set()


def _load(source: str, **arguments: Any) -> Any:
    """Call `datasets.load_dataset`, and raise its errors as `DataError`."""
    import datasets
    from datasets.exceptions import DatasetsError

    try:
        return datasets.load_dataset(**arguments)
    except ConnectionError as error:
        raise HubUnreachableError(
            f"{source} cannot be read from the hub: {error}. {_NO_HUB}"
        ) from error
    except FileNotFoundError as error:
        raise MissingDataError(f"{source}: {error}") from error
    except (DatasetsError, ValueError, OSError) as error:
        # The cause is specific; the outermost error is not.
        reason = error.__cause__ or error
        raise DataFormatError(f"{source}: `datasets` cannot read it: {reason}") from error


def _assemble(splits: Mapping[str, Any], source: str) -> Sst2:
    parts: dict[str, Sentences] = {}
    for name, split in splits.items():
        if name in _SPLIT_OF_NAME:
            parts[_SPLIT_OF_NAME[name]] = _sentences(split, f"{source}, {name}")
    for name in ("train", "dev"):
        if name not in parts:
            raise MissingDataError(f"{source} has no {name} split, only {', '.join(splits)}.")
    return Sst2(parts["train"], parts["dev"], parts.get("test", labelled((), ())))


def _sentences(split: Any, source: str) -> Sentences:
    for column in ("sentence", "label"):
        if column not in split.column_names:
            raise DataFormatError(
                f"{source}: no column {column!r} among {', '.join(split.column_names)}."
            )
    texts: Sequence[object] = list(split["sentence"])
    labels: Sequence[object] = list(split["label"])
    if labels and all(label == -1 for label in labels):
        return labelled((), ())
    for number, (text, label) in enumerate(zip(texts, labels, strict=True)):
        if not isinstance(text, str) or not text.strip():
            raise DataFormatError(f"{source}, row {number}: {text!r} is not a sentence.")
        if label not in (0, 1):
            raise DataFormatError(f"{source}, row {number}: label {label!r} is neither 0 nor 1.")
    return labelled((plain_text(str(text)) for text in texts), (label == 1 for label in labels))
