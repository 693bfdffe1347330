"""The option `--ranks N`: start this command on several ranks with an MPI launcher, and watch them.

The ranks run the same command without the option. Each writes a file in a folder that this process
shares with them (`mt_models.cli.ranks`).
"""

import importlib.util
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import NoReturn

import click

from mt_models.cli.cores import share_cores
from mt_models.cli.ranks import ENDED, FAILED, FOLDER, NEXT

GRACE = 4.0
"""The time in seconds in which the launcher ends all ranks after the end of one, before the
processes are killed."""
POLL = 0.1
"""The time in seconds between two looks at the ranks."""


def launch(ranks: int) -> NoReturn:
    """Start this command on several ranks, wait for them, and exit with their code.

    Raises:
        click.UsageError: mpi4py or the launcher is not installed.
    """
    arguments = _without_ranks(sys.argv[1:])
    if importlib.util.find_spec("mpi4py") is None and "HATCH_ENV_ACTIVE" in os.environ:
        # The commands of a checkout have an environment with MPI.
        hatch = [sys.executable, "-m", "hatch", "run", f"mpi:{arguments[0]}"]
        words = [*hatch, *arguments[1:], "--ranks", str(ranks)]
        os.execv(words[0], words)
    words = command(ranks, arguments)
    sys.exit(_Watch(ranks).run(words))


def command(ranks: int, arguments: Sequence[str]) -> list[str]:
    """Return the command of the MPI launcher.

    Args:
        ranks: The number of ranks.
        arguments: The arguments of the program.

    Raises:
        click.UsageError: mpi4py or the launcher is not installed.
    """
    if sys.platform == "win32":
        raise click.UsageError(
            f"--ranks {ranks} starts processes on Linux and macOS only; use WSL (Ubuntu in "
            "Windows), or leave the option out"
        )
    launcher = mpiexec()
    missing = [
        name
        for name, found in (
            ("the package mpi4py", importlib.util.find_spec("mpi4py")),
            ("the program mpiexec of an MPI library", launcher),
        )
        if found is None
    ]
    if missing:
        raise click.UsageError(
            f"--ranks {ranks} needs {' and '.join(missing)}, and this environment has none; "
            'install both with: pip install "mt-models[mpi]"'
        )
    assert launcher is not None
    script = Path(sys.argv[0])
    program = ["-m", "mt_models"] if script.name == "__main__.py" else [str(script)]
    return [launcher, "-n", str(ranks), sys.executable, *program, *arguments]


def mpiexec() -> str | None:
    """Return the path of the MPI launcher: that of this environment, or else of the search path."""
    beside = Path(sys.executable).parent / "mpiexec"
    return str(beside) if beside.exists() else shutil.which("mpiexec")


def _without_ranks(arguments: Sequence[str]) -> list[str]:
    """Return arguments without the option `--ranks` and its value.

    >>> _without_ranks(["train", "mnist", "--ranks", "2", "--lr=0.1", "--ranks=3"])
    ['train', 'mnist', '--lr=0.1']
    """
    kept: list[str] = []
    words = iter(arguments)
    for word in words:
        if word == "--ranks":
            next(words, None)
        elif not word.startswith("--ranks="):
            kept.append(word)
    return kept


class _Watch:
    """The watch over the ranks of one command.

    The launcher ends all ranks when one ends early; if it does not, this process does. The first
    Ctrl-C is sent to rank 0 only, and all ranks stop after the same step; a second one ends them at
    once.
    """

    def __init__(self, ranks: int) -> None:
        self.ranks = ranks
        self._signals = 0
        self._processes: dict[int, int] = {}
        self._ends: dict[int, int] = {}
        self._poll = select.poll()
        self._first_dead: int | None = None

    def run(self, words: Sequence[str]) -> int:
        """Run the launcher, and return the exit code of the ranks."""
        with tempfile.TemporaryDirectory(prefix="minitorch-ranks-") as name:
            self.folder = Path(name)
            environment = {**os.environ, FOLDER: name}
            share_cores(environment, self.ranks)
            # A session of its own: a terminal sends its signals to this process only.
            self.launcher = subprocess.Popen(words, env=environment, start_new_session=True)
            numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
            previous = {number: signal.signal(number, self._forward) for number in numbers}
            try:
                code = self._wait()
            finally:
                for number, handler in previous.items():
                    signal.signal(number, handler)
                self._kill()
                for descriptor in self._ends:
                    os.close(descriptor)
            if self._first_dead is not None:
                self._report(self._first_dead)
                code = code or 1
            return code if code >= 0 else 128 - code

    def _wait(self) -> int:
        """Wait until the launcher ends; kill it if it goes on for some time after a rank's end."""
        since = None
        while True:
            code = self.launcher.poll()
            self._find_dead()
            if code is not None:
                return code
            if self._first_dead is not None:
                since = since or time.monotonic()
                if time.monotonic() - since > GRACE:
                    self._kill()

    def _find_dead(self) -> None:
        """Find the first rank that ends without a file of its end.

        The launcher ends the other ranks milliseconds later, so the system reports each end.
        """
        for path in self.folder.glob("rank-*"):
            rank = int(path.stem.removeprefix("rank-"))
            with suppress(OSError, ValueError):
                if rank not in self._processes and path.suffix != ENDED:
                    process = int(path.read_text(encoding="utf-8"))
                    self._processes[rank] = process
                    self._register(rank, process)
        if not hasattr(os, "pidfd_open"):  # macOS: which of several ranks ended first is a guess.
            time.sleep(POLL)
            for rank, process in self._processes.items():
                if not _exists(process):
                    self._has_ended(rank)
            return
        for descriptor, _ in self._poll.poll(POLL * 1000):
            self._poll.unregister(descriptor)
            self._has_ended(self._ends[descriptor])

    def _register(self, rank: int, process: int) -> None:
        if not hasattr(os, "pidfd_open"):
            return
        try:
            descriptor = os.pidfd_open(process)
        except ProcessLookupError:
            self._has_ended(rank)
            return
        self._ends[descriptor] = rank
        self._poll.register(descriptor, select.POLLIN)

    def _has_ended(self, rank: int) -> None:
        if self._first_dead is None and not (self.folder / f"rank-{rank}{ENDED}").exists():
            self._first_dead = rank

    def _report(self, rank: int) -> None:
        """Print which rank ended, and how to continue."""
        text = "Error: all ranks are ended, because one failed."
        if not any(self.folder.glob(f"*{FAILED}")):
            process = self._processes[rank]
            text = f"Error: rank {rank} (process {process}) ended early; all ranks are ended."
        with suppress(OSError):
            state, _, way_on = (self.folder / NEXT).read_text(encoding="utf-8").partition("\n")
            text += "\n" + (way_on if Path(state).is_file() else "No state is saved.")
        click.echo(text, err=True)

    def _forward(self, number: int, frame: FrameType | None) -> None:
        self._signals += 1
        process = self._processes.get(0)
        if self._signals > 1 or process is None:
            self.launcher.terminate()
            return
        with suppress(ProcessLookupError):
            os.kill(process, number)

    def _kill(self) -> None:
        """Kill the launcher and the ranks that are left; nothing happens after a usual end."""
        if self.launcher.poll() is None:
            os.killpg(self.launcher.pid, signal.SIGKILL)
        if self._first_dead is not None:
            for rank, process in self._processes.items():
                if not (self.folder / f"rank-{rank}{ENDED}").exists():
                    with suppress(ProcessLookupError, PermissionError):
                        os.kill(process, signal.SIGKILL)


def _exists(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True
