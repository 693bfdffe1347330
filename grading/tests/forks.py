"""Submissions whose checks run in forks of one process, which has imported numba.

A worker needs two seconds of processor time for its imports, more than most checks of one mistake.
The forks have no sandbox: for trusted code only.
"""

import importlib.machinery
import multiprocessing
import multiprocessing.forkserver
import os
import signal
import sys
import traceback
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from functools import cache, partial
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext
from pathlib import Path
from types import CodeType, FrameType
from typing import Any, NoReturn

from grading.driver.in_process import InProcessSubject
from grading.isolation import IsolatedSubject
from grading.paths import ROOT
from grading.protocol.messages import Request, Response, Subject
from grading.submissions.submission import Submission
from grading.tasks.table import table

ENVIRONMENT = {"NUMBA_DISABLE_JIT": "1", "OPENBLAS_NUM_THREADS": "1"}
"""Environment variables of the forks: kernels run as plain Python."""

PRELOADED = (
    "numba.cuda",
    "PIL.ImageOps",
    "psutil",
    "pytest",
    "safetensors.numpy",
    "grading.tests.running",
)
"""Modules that forks share besides those of the checks; none of them imports the packages."""

SECONDS = 10.0
"""Longest processor time of a request, in seconds; a function that needs more does not return."""


class ForkedSubject(InProcessSubject):
    """A submission that this process imports; it has imported no package of the course yet."""

    def __init__(self, tree: Path) -> None:
        assert not any(name.startswith(("minitorch", "mt_")) for name in sys.modules)
        self.folder = tree
        sys.path_hooks.insert(0, partial(_finder, tree))
        sys.path[:0] = map(str, Submission.at(tree).import_paths)
        signal.signal(signal.SIGVTALRM, _out_of_time)

    def answer(self, request: Request) -> Response:
        """Perform a request in this process.

        Raises:
            SubjectError: The code under test raised an exception, or did not return in time.
            DriverError: The driver raised one.
        """
        signal.setitimer(signal.ITIMER_VIRTUAL, SECONDS)
        try:
            return super().answer(request)
        finally:
            signal.setitimer(signal.ITIMER_VIRTUAL, 0.0)

    def changed(
        self, sources: Mapping[str, str], compiled: bool = True
    ) -> AbstractContextManager[Subject]:
        """Return a subject with a worker, for a copy of the submission with changes."""
        return IsolatedSubject(self.folder, environment=ENVIRONMENT, changes=sources)


def _finder(tree: Path, path: str) -> importlib.machinery.FileFinder:
    if not Path(path).is_relative_to(tree):
        raise ImportError

    class Loader(importlib.machinery.SourceFileLoader):
        """A loader that takes the bytecode of files that are not changed from this repository."""

        def get_code(self, fullname: str) -> CodeType | None:
            original = ROOT / Path(self.path).relative_to(tree)
            source = self.get_data(self.path)
            if not original.is_file() or original.read_bytes() != source:
                return self.source_to_code(source, self.path)
            return importlib.machinery.SourceFileLoader(fullname, str(original)).get_code(fullname)

    return importlib.machinery.FileFinder(path, (Loader, importlib.machinery.SOURCE_SUFFIXES))


def _out_of_time(number: int, frame: FrameType | None) -> NoReturn:
    raise TimeoutError(f"the call needs more than {SECONDS} s")


def in_fork(function: Callable[..., Any], tree: Path, *arguments: object) -> Any:
    """Return the result of a function of a submission as a subject, and of further arguments.

    Raises:
        AssertionError: The function raised an exception, or its process died.
    """
    receiver, sender = _context().Pipe(duplex=False)
    process = _context().Process(target=_run, args=(sender, function, tree, arguments))
    process.start()
    sender.close()
    with receiver:
        try:
            result, error = receiver.recv()
        except EOFError:
            result, error = None, "the process of the checks died"
    process.join()
    process.close()
    assert not error, error
    return result


def _run(
    sender: Connection, function: Callable[..., Any], tree: Path, arguments: tuple[object, ...]
) -> None:
    result, error = None, ""
    try:
        result = function(ForkedSubject(tree), *arguments)
    except Exception:
        error = traceback.format_exc()
    sender.send((result, error))


@cache
def _context() -> ForkServerContext:
    """Return a context whose processes are forks of a server, which starts now."""
    context = multiprocessing.get_context("forkserver")
    checks = [f"grading.checks.test_{task.marker}" for task in table().tasks]
    context.set_forkserver_preload([*PRELOADED, *checks])
    before = dict(os.environ)
    os.environ |= ENVIRONMENT
    try:
        multiprocessing.forkserver.ensure_running()
    finally:
        os.environ.clear()
        os.environ |= before
    return context
