"""Answers of mutants to the checks of their tasks, as a run of the grader collects them."""

import io
import pickle
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from grading.diagnosis import Answers
from grading.diagnosis.memory import order_in_memory
from grading.isolation import IsolatedSubject
from grading.judge.causes import answers_of
from grading.judge.recorder import RunOptions
from grading.judge.session import run_checks
from grading.judge.subjects import Device, Subjects
from grading.protocol.messages import Array
from grading.tasks.table import table
from grading.tests.mutants.mutant import Mutant
from grading.tests.mutants.rewriting import make_tree

OPTIONS = RunOptions(examples=15, shrinking_seconds=1)
"""Options of the runs: fewer inputs and less shrinking than in a run of the grader."""


def evidence_of(mutant: Mutant, seed: int) -> list[Answers]:
    """Return the answers of the packages with one mistake to the checks of its task.

    Kernels are not compiled, unless the mistake shows only in compiled code.
    """
    task = table().task(mutant.task)
    with tempfile.TemporaryDirectory() as folder:
        tree = make_tree(Path(folder) / "tree", mutant.rewrites)

        def start(device: Device) -> IsolatedSubject:
            environment = {"NUMBA_ENABLE_CUDASIM": "1"} if device == "simulator" else {}
            if not mutant.compiled:
                environment["NUMBA_DISABLE_JIT"] = "1"
            return IsolatedSubject(tree, environment=environment)

        with Subjects(start, simulate=True) as subjects:
            subjects.begin_task(task.seconds, task.memory_mb)
            return answers_of(task, run_checks(task, subjects, seed, OPTIONS))


class _Pickler(pickle.Pickler):
    """A pickler that keeps the strides of arrays."""

    def reducer_override(self, value: Any) -> Any:
        """Reduce an array to its memory and the order of its dimensions."""
        if not isinstance(value, np.ndarray) or value.flags.c_contiguous:
            return NotImplemented
        order = order_in_memory(value)
        axes = tuple(int(dim) for dim in np.argsort(order))
        return _transposed, (np.ascontiguousarray(value.transpose(order)), axes)


def _transposed(memory: Array, axes: Sequence[int]) -> Array:
    return memory.transpose(axes)


def dumps(answers: Sequence[Answers]) -> bytes:
    """Return answers as bytes."""
    buffer = io.BytesIO()
    _Pickler(buffer).dump(list(answers))
    return buffer.getvalue()


def kept_evidence(mutant: Mutant, seed: int, folder: Path | None) -> list[Answers]:
    """Return the answers of a mutant from a folder; collect them there if they are missing."""
    if folder is None:
        return evidence_of(mutant, seed)
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{str(mutant).replace('/', ' ')}-{seed}.pickle"
    if file.exists():
        answers: list[Answers] = pickle.loads(file.read_bytes())
        return answers
    answers = evidence_of(mutant, seed)
    file.write_bytes(dumps(answers))
    return answers
