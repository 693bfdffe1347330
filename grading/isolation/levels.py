"""The levels of isolation, best first, and which of them this machine really offers.

Whether a system lets a process have namespaces cannot be read anywhere: it depends on the kernel,
its settings, the container around, and the user. So each level is tried, with a worker that sees an
empty submission, until one comes up.
"""

import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal, TypeAlias

from grading.isolation import bubblewrap
from grading.isolation.bubblewrap import Bubblewrap
from grading.isolation.bytecode import compile_once
from grading.isolation.errors import IsolationError
from grading.isolation.launch import Level
from grading.isolation.limits import Limits
from grading.isolation.namespaces import Namespaces
from grading.isolation.plain import Plain
from grading.isolation.process import WorkerProcess
from grading.isolation.worker_files import WorkerSetup, third_party

Isolation: TypeAlias = Literal["best", "required", "none"]


@dataclass(frozen=True)
class Found:
    """What trying the levels showed.

    Attributes:
        level: The best that came up.
        failures: Why the better ones did not, one sentence each.
    """

    level: Level
    failures: tuple[str, ...]


def best_level(isolation: Isolation) -> Level:
    """Return the level at which workers run.

    Raises:
        IsolationError: A sandbox is required, and none comes up.
    """
    if isolation == "none":
        return Plain(own_user=False)
    found = find()
    if isolation == "required" and isinstance(found.level, Plain):
        reasons = "\n".join(f"- {failure}" for failure in found.failures)
        raise IsolationError(
            "isolation is required, and this machine offers no sandbox; install bubblewrap, "
            f"or allow unprivileged user namespaces\n{reasons}"
        )
    return found.level


@lru_cache(maxsize=1)
def find() -> Found:
    """Try the levels, best first; the first that comes up is the answer for this process."""
    compile_once(third_party())
    failures: list[str] = []
    for level in candidates():
        failure = try_level(level)
        if failure is None:
            return Found(level, tuple(failures))
        failures.append(f"{level.name}: {failure}")
    return Found(Plain(own_user=False), tuple(failures))


def try_level(level: Level) -> str | None:
    """Start a worker at a level; return what went wrong, None if it came up."""
    with tempfile.TemporaryDirectory(prefix="mt-try-") as folder:
        # As a copy of a submission is: the worker goes into it, as whichever user it is.
        Path(folder).chmod(0o755)
        setup = WorkerSetup(Path(folder).resolve(), (), {}, gpu=False)
        try:
            WorkerProcess(level, setup, Limits(start_seconds=30)).end()
        except IsolationError as error:
            return str(error)
    return None


def candidates() -> Iterator[Level]:
    """Go through the levels that may be there, best first."""
    root = os.getuid() == 0
    for kind, there in ((Bubblewrap, bubblewrap.available()), (Namespaces, True)):
        if there:
            if root:
                yield kind(own_user=True)
            yield kind(own_user=False)
    if root:
        yield Plain(own_user=True)
