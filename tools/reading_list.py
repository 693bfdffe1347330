"""The files that the tour recommends to read, with their numbers of lines.

`python -m tools.reading_list` writes the table into the tour of the documents.
"""

from dataclasses import dataclass
from pathlib import Path

from tools.blocks import write_block
from tools.workspace import ROOT

DOCUMENT = ROOT / "docs" / "tour.md"
BLOCK = "reading list"


@dataclass(frozen=True, slots=True)
class Reading:
    """A file to read.

    Attributes:
        path: The path relative to the root.
        subject: The description in the table.
    """

    path: str
    subject: str

    @property
    def file(self) -> Path:
        """The absolute path of the file."""
        return ROOT / self.path

    @property
    def lines(self) -> int:
        """The number of lines, docstrings and comments included."""
        return len(self.file.read_text("utf-8").splitlines())


TENSOR = "packages/mt-tensor/src/mt_tensor"
AUTODIFF = "packages/mt-autodiff/src/mt_autodiff"
CPU = "packages/mt-kernels-cpu/src/mt_kernels_cpu"
NN = "packages/mt-nn/src/mt_nn"

READING_LIST = (
    Reading(f"{TENSOR}/layout.py", "shapes, strides, broadcasting, as plain functions on tuples"),
    Reading(f"{TENSOR}/tensor_data.py", "a storage with a shape and strides"),
    Reading(f"{TENSOR}/backend.py", "the contract of every backend: memory and operations"),
    Reading(f"{TENSOR}/reference_loops.py", "the slow loops that define each result"),
    Reading(f"{AUTODIFF}/graph.py", "topological order and backpropagation"),
    Reading(f"{AUTODIFF}/engine.py", "nodes that keep a history, functions that make it"),
    Reading(f"{AUTODIFF}/functions/elementwise.py", "functions with their derivatives"),
    Reading(f"{CPU}/fast_ops.py", "the same loops, compiled and on all cores"),
    Reading(f"{CPU}/backend.py", "the contract, kept by the compiled loops"),
    Reading(f"{NN}/layers/linear.py", "a layer: weights and a product"),
    Reading(f"{NN}/optim/sgd.py", "an optimiser: steps against the gradient"),
    Reading("packages/mt-models/src/mt_models/networks/lenet.py", "a network that reads digits"),
)
"""The files in reading order, from numbers in memory to a network in training."""


def table() -> str:
    """Return the reading list as a Markdown table with the total of the lines."""
    rows = [
        f"| [`{_title(one.path)}`](../{one.path}) | {one.subject} | {one.lines} |"
        for one in READING_LIST
    ]
    total = sum(one.lines for one in READING_LIST)
    head = ["| file | subject | lines |", "| --- | --- | ---: |"]
    return "\n".join([*head, *rows, f"| | all of them | {total:,} |"])


def _title(path: str) -> str:
    """Return a path relative to the `src` folder of its package."""
    return path.rpartition("/src/")[2]


if __name__ == "__main__":
    write_block(DOCUMENT, BLOCK, table())
