"""Training on several processes: `--ranks N`, and processes that an MPI launcher started.

With `--ranks` this process starts the MPI launcher and watches the ranks; they run the same command
without the option. Both ends share a folder with a file for each rank.
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
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType

import click

from mt_models.cli.cores import share_cores
from mt_models.cli.errors import EXPECTED
from mt_models.training import DivergedError
from mt_nn.distributed import (
    LIMIT,
    Communicator,
    Measured,
    Mpi,
    gather_texts,
    world,
)

FOLDER = "MINITORCH_RANKS"
"""The environment variable with the folder of the ranks' files."""
NEXT = "next"
"""The file in it in which rank 0 writes how to continue the run."""
ENDED = ".ended"
"""The suffix of a rank's file after the end of its command."""
FAILED = ".failed"
"""The suffix of a rank's file after an error that it prints itself."""
GRACE = 4.0
"""The time in seconds in which the launcher ends all ranks after the end of one, before the
processes are killed."""
POLL = 0.1
"""The time in seconds between two looks at the ranks."""


@contextmanager
def agreeing(communicator: Communicator) -> Iterator[None]:
    """Run a block on every rank; an expected error on one of them ends the command on all.

    The error is printed once, by rank 0, with the number of the rank on which it occurred.
    """
    if communicator.size == 1:
        yield
        return
    failure: click.ClickException | None = None
    try:
        yield
    except click.ClickException as error:
        failure = error
    except EXPECTED as error:
        failure = click.ClickException(str(error))
    own = "" if failure is None else f"{failure.exit_code} {failure.format_message()}"
    for rank, text in enumerate(gather_texts(communicator, own)):
        if text:
            code, _, message = text.partition(" ")
            if failure is None or rank != 0:
                failure = click.ClickException(f"rank {rank}: {message}")
            end_together(communicator, failure, int(code))


def end_together(communicator: Communicator, error: click.ClickException, code: int = 1) -> None:
    """End this rank with an error that every rank has; rank 0 prints it."""
    if communicator.rank == 0:
        error.show()
        sys.stderr.flush()
    sys.exit(code)


@contextmanager
def joined(limit: float = LIMIT, measures: bool = False) -> Iterator[Communicator]:
    """Join the ranks of this launch; an error that leaves the block ends all of them.

    Args:
        limit: The time, in seconds, that a rank waits for the others.
        measures: True measures the communication of each rank.
    """
    communicator = world(limit)
    if not isinstance(communicator, Mpi):
        yield communicator
        return
    with communicator, _registered(communicator):
        try:
            yield Measured(communicator) if measures else communicator
        except click.ClickException as error:
            end_together(communicator, error, error.exit_code)
        except DivergedError as error:
            end_together(communicator, click.ClickException(str(error)))


@contextmanager
def _registered(communicator: Communicator) -> Iterator[None]:
    """Tell the process that watches the ranks, if there is one, about this rank."""
    folder = os.environ.get(FOLDER)
    if folder is None:
        yield
        return
    file = Path(folder) / f"rank-{communicator.rank}"
    file.write_text(f"{os.getpid()}", encoding="utf-8")
    try:
        yield
    except SystemExit:
        file.rename(file.with_suffix(ENDED))
        raise
    except BaseException:
        file.rename(file.with_suffix(FAILED))
        raise
    else:
        file.rename(file.with_suffix(ENDED))


def announce(state: Path, way_on: str) -> None:
    """Tell the process that watches the ranks the file of the last state, and how to continue."""
    folder = os.environ.get(FOLDER)
    if folder is not None:
        (Path(folder) / NEXT).write_text(f"{state.absolute()}\n{way_on}", encoding="utf-8")


# The process that starts the ranks


def launch(ranks: int) -> None:
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
    sys.exit(_Watch(ranks).run(command(ranks, arguments)))


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
    beside = Path(sys.executable).parent / "mpiexec"
    launcher = str(beside) if beside.exists() else shutil.which("mpiexec")
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

    The launcher ends all ranks when one ends early; if it does not, this process does. A first
    Ctrl-C reaches rank 0 only, with which all ranks stop after the same step; a second one ends
    them at once.
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
        """Wait until the launcher ends; kill it if a rank has been gone for some time."""
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
        """Find the first rank that ends without saying so.

        The launcher ends the other ranks milliseconds later, so the system tells about each end.
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
