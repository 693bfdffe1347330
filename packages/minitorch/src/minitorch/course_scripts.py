"""Runs a script of the course unmodified: ``python -P -m minitorch.course_scripts SCRIPT``.

The scripts import what they read data with: `mnist`, `embeddings` and `datasets`. Here these three
names stand for the data sets of this repository, so that nothing is downloaded, and nothing of
their kind has to be installed. A folder `minitorch` in the working directory, or beside the script,
is what the script imports under that name; `-P` keeps Python from searching it for this module.
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
    """What python-mnist's reader returns as lists, whatever folder it is given."""

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
        ValueError: Another number of dimensions is asked for.
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
            raise ValueError(f"there are vectors of {self.d_emb} dimensions, not of {d_emb}")

    def __contains__(self, word: object) -> bool:
        return word in self._glove.index

    def __len__(self) -> int:
        return len(self._glove.words)

    def emb(self, word: str, default: str | None = None) -> list[float | None]:
        """Return the vector of a word; of an unknown one a list of None, as the original does."""
        row = self._glove.index.get(word)
        if row is None:
            return [0.0 if default == "zero" else None] * self.d_emb
        vector: list[float | None] = self._glove.vectors[row].tolist()
        return vector


class Split:
    """A part of a data set, column by column or row by row, as Hugging Face's `datasets` has it."""

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
    """Return SST-2, with all the phrases that the hub's version trains on.

    Raises:
        ValueError: Another data set is asked for.
    """
    wanted = "/".join(part for part in (path, name) if part is not None)
    if wanted not in ("glue/sst2", "nyu-mll/glue/sst2", "sst2", "stanfordnlp/sst2"):
        raise ValueError(f'there is only load_dataset("glue", "sst2") here, not {wanted}')
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
"""The modules that scripts import, and what is in them."""


def serve_data() -> None:
    """Let ``import mnist``, ``embeddings`` and ``datasets`` find the data of this repository."""
    for name, members in SERVED.items():
        module = ModuleType(name, "The data of this repository, as the course's scripts read it.")
        vars(module).update(members)
        sys.modules[name] = module


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a script with the arguments that follow it."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if not given or not Path(given[0]).is_file():
        what = f"{given[0]} is no file" if given else "no script is named"
        raise SystemExit(f"{what}\nusage: {USAGE}")
    serve_data()
    sys.argv = given
    # As Python does: a script finds the files beside it, and `-m` those of the working directory.
    sys.path[:0] = [str(Path(given[0]).resolve().parent), str(Path.cwd())]
    # The script may bring a package of this name.
    for name in [name for name in sys.modules if name.partition(".")[0] == "minitorch"]:
        del sys.modules[name]
    runpy.run_path(given[0], run_name="__main__")


if __name__ == "__main__":
    main()
