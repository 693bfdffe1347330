"""Answers of mutants to the checks of their tasks, as a run of the grader collects them."""

import tempfile
from pathlib import Path

from grading.isolation import IsolatedSubject
from grading.judge.recorder import Outcome, RunOptions
from grading.judge.session import run_checks
from grading.judge.subjects import Device, Subjects
from grading.tasks.model import Task
from grading.tests.mutants.mutant import Mutant
from grading.tests.mutants.rewriting import make_tree

OPTIONS = RunOptions(examples=15, shrinking_seconds=1.0)
"""Options of the runs: fewer inputs and less shrinking than in a run of the grader."""


def outcomes_of(task: Task, mutant: Mutant, seed: int) -> list[Outcome]:
    """Run the checks of a task on the packages with one mistake.

    Kernels are not compiled, unless the mistake shows only in compiled code.
    """
    with tempfile.TemporaryDirectory() as folder:
        tree = make_tree(Path(folder) / "tree", mutant.rewrites)

        def start(device: Device) -> IsolatedSubject:
            environment = {"NUMBA_ENABLE_CUDASIM": "1"} if device == "simulator" else {}
            if not mutant.compiled:
                environment["NUMBA_DISABLE_JIT"] = "1"
            return IsolatedSubject(tree, environment=environment)

        with Subjects(start, simulate=True) as subjects:
            subjects.begin_task(task.seconds, task.memory_mb)
            return run_checks(task, subjects, seed, OPTIONS)
