"""Running unmodified scripts of the course: ``python -P -m minitorch.course_scripts SCRIPT``.

The scripts import `mnist`, `embeddings` and `datasets` to read data. This module replaces the three
by the data sets of this repository, so that nothing is downloaded or installed. A folder
`minitorch` in the working directory or beside the script has priority over this package; `-P`
keeps Python from searching it for this module.
"""

import runpy
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from mt_models.datasets import load_glove, load_mnist, load_sst2
from mt_models.datasets.sst2 import Sentences

__all__ = ["MNIST", "GloveEmbedding", "Split", "load_dataset", "main", "serve_data"]


class MNIST:
    """The reader of python-mnist, which returns lists. It ignores the folder."""

    def __init__(self, path: str = ".", *args: Any, **kwargs: Any) -> None:
        self.path = path

    def load_training(self) -> tuple[list[list[int]], Any]:
        """Return the 60,000 training images as lists of 784 grey values, and their labels."""
        data = load_mnist()
        return data.train_images.reshape(-1, 784).tolist(), data.train_labels.tolist()

    def load_testing(self) -> tuple[list[list[int]], Any]:
        """Return the 10,000 test images as lists of 784 grey values, and their labels."""
        data = load_mnist()
        return data.test_images.reshape(-1, 784).tolist(), data.test_labels.tolist()


class GloveEmbedding:
    """The 50-dimensional vectors of the words of SST-2.

    Raises:
        ValueError: The number of dimensions is not 50.
    """

    def __init__(
        self,
        name: str = "wikipedia_gigaword",
        d_emb: int = 50,
        show_progress: bool = True,
        default: str = "none",
    ) -> None:
        self._glove = load_glove()
        self.d_emb = self._glove.vectors.shape[1]
        if d_emb != self.d_emb:
            raise ValueError(
                f"GloveEmbedding: d_emb is {d_emb}; only {self.d_emb} dimensions are available"
            )

    def __contains__(self, word: object) -> bool:
        return word in self._glove.index

    def __len__(self) -> int:
        return len(self._glove.words)

    def emb(self, word: str, default: str | None = None) -> list[float | None]:
        """Return the vector of a word; for an unknown word a list of None, as the original does."""
        row = self._glove.index.get(word)
        if row is None:
            return [0.0 if default == "zero" else None] * self.d_emb
        vector: list[float | None] = self._glove.vectors[row].tolist()
        return vector


class Split:
    """A split of a data set, with access by column and by row as in Hugging Face `datasets`."""

    def __init__(self, sentences: Sentences) -> None:
        self._columns: dict[str, list[Any]] = {
            "sentence": list(sentences.texts),
            "label": sentences.labels.tolist(),
            "idx": list(range(len(sentences))),
        }

    def __len__(self) -> int:
        return len(self._columns["label"])

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return (self[i] for i in range(len(self)))

    def __getitem__(self, key: str | int | slice) -> Any:
        if isinstance(key, str):
            return self._columns[key]
        return {name: column[key] for name, column in self._columns.items()}


def load_dataset(path: str, name: str | None = None, **options: Any) -> Any:
    """Return SST-2, with all phrases as training set, as the hub's version has.

    Raises:
        ValueError: The data set is not SST-2.
    """
    requested = "/".join(part for part in (path, name) if part is not None)
    if requested not in ("glue/sst2", "nyu-mll/glue/sst2", "sst2", "stanfordnlp/sst2"):
        raise ValueError(
            f'load_dataset: {requested} is not available; use load_dataset("glue", "sst2")'
        )
    data = load_sst2(train="phrases")
    splits = {
        "train": Split(data.train),
        "validation": Split(data.dev),
        "test": Split(data.test),
    }
    return splits[options["split"]] if options.get("split") is not None else splits


USAGE = "python -P -m minitorch.course_scripts SCRIPT [ARGUMENT]..."

SERVED: dict[str, dict[str, Any]] = {
    "mnist": {"MNIST": MNIST},
    "embeddings": {"GloveEmbedding": GloveEmbedding},
    "datasets": {"load_dataset": load_dataset},
}
"""The modules that scripts import, with their attributes."""


def serve_data() -> None:
    """Register the modules of `SERVED`, so that scripts import the data of this repository."""
    for name, members in SERVED.items():
        module = ModuleType(name, "The data of this repository, as the course's scripts read it.")
        vars(module).update(members)
        sys.modules[name] = module


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a script with its arguments."""
    args = list(sys.argv[1:] if arguments is None else arguments)
    if not args or not Path(args[0]).is_file():
        problem = f"{args[0]} is not a file" if args else "the argument SCRIPT is missing"
        raise SystemExit(f"{problem}\nusage: {USAGE}")
    serve_data()
    sys.argv = args
    # As in Python: the folder of the script, and with `-m` the working directory.
    sys.path[:0] = [str(Path(args[0]).resolve().parent), str(Path.cwd())]
    # The script may import another package `minitorch`.
    for name in [name for name in sys.modules if name.partition(".")[0] == "minitorch"]:
        del sys.modules[name]
    runpy.run_path(args[0], run_name="__main__")


if __name__ == "__main__":
    main()
