"""Functions of the packages that the checks of each task run.

A mistake in a function that no check of a task runs cannot be caught by that task. Run as
``python -m grading.tests.mutants.reach TASK ...``; it prints the functions of each task as JSON.
"""

import ast
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from types import FrameType
from typing import Any

from grading.tests.mutants.mutant import Mutant
from grading.tests.mutants.rewriting import ROOT, original

Reach = dict[str, set[tuple[str, str]]]
"""For each task, functions: the file from the package on, and the name in it."""

EXAMPLES = 5

LARGER = (
    "test_large",
    "test_data_races",
    "test_synchronization",
    "test_many",
    "test_a_batch",
    "test_a_graph_20000",
)
"""First parts of the names of checks that repeat others on more or on larger inputs."""

OF_COPIES = ("test_your_tests", "test_calls_of_the_kernel")
"""First parts of the names of checks that run copies of the submission in separate workers."""


def reach_of(tasks: Sequence[str]) -> Reach:
    """Return what the checks of some tasks run, kernels without being compiled."""
    done = subprocess.run(
        [sys.executable, "-m", "grading.tests.mutants.reach", *tasks],
        env={**os.environ, "NUMBA_DISABLE_JIT": "1"},
        cwd=ROOT,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    return {
        task: {(file, name) for file, name in functions}
        for task, functions in json.loads(done.stdout).items()
    }


def reaches(functions: set[tuple[str, str]], mutant: Mutant) -> bool:
    """Return whether one of the functions is changed in a mutant."""
    for rewrite in mutant.rewrites:
        source = original(rewrite.file).read_text(encoding="utf-8")
        before, after = _definitions(source), _definitions(rewrite.apply(source))
        changed = {name for name in before if before[name] != after.get(name)}
        ran = {name for file, name in functions if file == rewrite.file}
        if any(name == one or name.startswith(f"{one}.") for one in changed for name in ran):
            return True
    return False


def _definitions(source: str) -> dict[str, str]:
    """Return the code of functions and methods by name; the last one of a name counts."""
    found: dict[str, str] = {}
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef):
            found[node.name] = ast.dump(node)
        elif isinstance(node, ast.ClassDef):
            for method in node.body:
                if isinstance(method, ast.FunctionDef):
                    found[f"{node.name}.{method.name}"] = ast.dump(method)
    return found


def main(tasks: Sequence[str]) -> None:
    """Run the checks of tasks here, and print what they ran."""
    # Loaded here, in the process that runs trusted code beside the checks.
    from grading.driver.in_process import InProcessSubject
    from grading.tests.running import checks_of, failures

    sources = str(ROOT / "packages")
    ran: set[tuple[str, str]] = set()

    def trace(frame: FrameType, event: str, arg: Any) -> None:
        # Without a result, Python reports the calls only, not the lines.
        code = frame.f_code
        if code.co_filename.startswith(sources):
            ran.add((code.co_filename.partition("/src/")[2], code.co_qualname))

    subject, reached = InProcessSubject(), {}
    for task in tasks:
        ran.clear()
        sys.settrace(trace)
        for check in checks_of(task):
            if check.__name__.startswith((*LARGER, *OF_COPIES)):
                continue
            failed = list(failures(check, subject, EXAMPLES))
            assert not failed, failed
        sys.settrace(None)
        reached[task] = sorted(ran)
    json.dump(reached, sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1:])
