"""Selection of the best level of isolation that works on this machine.

A system does not report whether a process may create namespaces: this depends on the kernel, its
settings, the container and the user. So each level is tried with a worker for an empty submission,
until one starts.
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
    """Result of trying the levels.

    Attributes:
        level: The best level that works.
        failures: For each better level, a sentence with the reason why it does not work.
    """

    level: Level
    failures: tuple[str, ...]


def best_level(isolation: Isolation) -> Level:
    """Return the level at which workers run.

    Raises:
        IsolationError: A sandbox is required, and none works.
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
    """Try the levels, best first; the result is cached for this process."""
    compile_once(third_party())
    failures: list[str] = []
    for level in candidates():
        failure = try_level(level)
        if failure is None:
            return Found(level, tuple(failures))
        failures.append(f"{level.name}: {failure}")
    return Found(Plain(own_user=False), tuple(failures))


def try_level(level: Level) -> str | None:
    """Start a worker at a level; return the error message, None if the worker starts."""
    with tempfile.TemporaryDirectory(prefix="mt-try-") as folder:
        # The folder of a copy is open, too: the worker may become another user.
        Path(folder).chmod(0o755)
        setup = WorkerSetup(Path(folder).resolve(), (), {}, gpu=False)
        try:
            WorkerProcess(level, setup, Limits(start_seconds=30)).end()
        except IsolationError as error:
            return str(error)
    return None


def candidates() -> Iterator[Level]:
    """Iterate over the levels that may work, best first."""
    root = os.getuid() == 0
    for kind, installed in ((Bubblewrap, bubblewrap.available()), (Namespaces, True)):
        if installed:
            if root:
                yield kind(own_user=True)
            yield kind(own_user=False)
    if root:
        yield Plain(own_user=True)
