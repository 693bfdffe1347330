"""Measurement of a row: contenders take turns, round by round, each in its own process.

A disturbance of the machine then affects all contenders. The ratio to a rival is computed for each
round; the median is the result, and the spread is its uncertainty.
"""

import contextlib
import json
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from asv_benchmarks.conditions import environment
from asv_benchmarks.contenders import Absent
from asv_benchmarks.contenders.names import AS_INSTALLED, ONE_THREAD
from asv_benchmarks.contenders.settings import rival_of, variables
from asv_benchmarks.peers.roofline import Limits
from asv_benchmarks.peers.rows import Row
from asv_benchmarks.peers.trees import ROOT, Tree
from asv_benchmarks.workloads import Workload


@dataclass(frozen=True, slots=True)
class Effort:
    """The amount of measurement.

    Attributes:
        rounds: The number of turns of each contender.
        seconds: The duration of a turn; a turn has at least one call.
        slow_rounds: The number of turns of contenders in `Row.slow`.
    """

    rounds: int = 15
    seconds: float = 0.05
    slow_rounds: int = 3


FULL, QUICK = Effort(), Effort(rounds=5, seconds=0.02, slow_rounds=1)


@dataclass(frozen=True, slots=True)
class Timing:
    """The times of one call of a contender in seconds, one for each round.

    Attributes:
        cpu: Processor time of all threads together.
        wall: Wall time.
    """

    cpu: tuple[float, ...]
    wall: tuple[float, ...]


class WorkerError(RuntimeError):
    """The process of a contender failed; the message says how."""


class Worker:
    """A process in which one contender runs.

    Between its turns the process is stopped, where the system supports that. Idle threads poll for
    tens of milliseconds before they sleep, which would slow down the turn of another contender.
    """

    def __init__(self, name: str, threads: int, tree: Tree | None = None) -> None:
        """Start the process.

        Args:
            name: The name of the contender, with its options.
            threads: The number of computing threads.
            tree: The working tree whose code runs; the installed packages by default.

        Attributes:
            versions: The versions of the libraries that the contender uses.
            absent: The reason why the contender cannot run at all, else None.
        """
        self.name = name
        if name == ONE_THREAD:
            threads = 1
        self.absent: str | None = None
        self.versions: dict[str, str] = {}
        try:
            settings = variables(name)
        except Absent as reason:
            self.absent = str(reason)
            return
        env = environment(threads, as_installed=name == AS_INSTALLED) | settings
        self.process = subprocess.Popen(
            [sys.executable, "-m", "asv_benchmarks.peers.worker", name, str(threads)],
            cwd=tree.root if tree else ROOT,
            env=env | tree.variables if tree else env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
        )
        response = self._read()
        self.absent = response.get("absent")
        self.versions = response.get("versions", {})

    def prepare(self, workload: Workload, warm: float | None = None) -> float | None:
        """Prepare a call and return its seconds; None if the contender cannot run it.

        Args:
            workload: The workload.
            warm: The seconds for which the call warms up; by default those of the worker.
        """
        if self.absent is not None:
            return None
        response = self._ask({"prepare": asdict(workload), "warm": warm})
        return response.get("seconds")

    def run(self, calls: int) -> tuple[float, float]:
        """Run a number of calls; return processor time and wall time of one call, in seconds."""
        response = self._ask({"run": calls})
        return response["cpu"], response["wall"]

    def limits(self) -> Limits:
        """Return the peaks of the machine, measured in this process."""
        values = self._ask({"limits": True})
        return Limits(**values | {"cached": tuple(map(tuple, values["cached"]))})

    def kill(self) -> None:
        """End the process, whatever it is doing."""
        self._send("SIGCONT")
        self.process.kill()
        self.close()

    def close(self) -> None:
        """End the process."""
        if not hasattr(self, "process"):
            return
        assert self.process.stdin is not None and self.process.stdout is not None
        self._send("SIGCONT")
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()

    def _ask(self, request: dict[str, Any]) -> dict[str, Any]:
        assert self.process.stdin is not None
        self._send("SIGCONT")
        try:
            self.process.stdin.write(json.dumps(request) + "\n")
        except BrokenPipeError as error:
            raise WorkerError(f"{self.name}: its process has ended") from error
        response = self._read()
        self._send("SIGSTOP")
        return response

    def _send(self, name: str) -> None:
        if hasattr(signal, name) and self.process.poll() is None:
            self.process.send_signal(getattr(signal, name))

    def _read(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise WorkerError(f"{self.name}: its process has ended; its message is above")
        response: dict[str, Any] = json.loads(line)
        if "failed" in response:
            raise WorkerError(f"{self.name}: {response['failed']}")
        return response


class Workers:
    """The processes of the contenders, each started at its first use."""

    def __init__(self, threads: int, tree: Tree | None = None) -> None:
        self.threads = threads
        self.tree = tree
        self._started: dict[str, Worker] = {}

    def __getitem__(self, name: str) -> Worker:
        worker = self._started.get(name)
        # An absent contender has ended; a new process would be absent, too.
        if worker is None or (worker.absent is None and worker.process.poll() is not None):
            worker = self._started[name] = Worker(name, self.threads, self.tree)
        return worker

    def versions(self) -> dict[str, str]:
        """Return the versions of the libraries of all contenders."""
        return {
            package: version
            for worker in self._started.values()
            for package, version in worker.versions.items()
        }

    def absent(self) -> dict[str, str]:
        """Return the reason why a contender cannot run at all, by its name."""
        return {name: one.absent for name, one in self._started.items() if one.absent is not None}

    def close(self) -> None:
        """End all processes."""
        for worker in self._started.values():
            worker.close()
        self._started.clear()


@contextlib.contextmanager
def workers(threads: int, tree: Tree | None = None) -> Iterator[Workers]:
    """Provide the processes of the contenders for a block, and end them after it."""
    started = Workers(threads, tree)
    try:
        yield started
    finally:
        started.close()


def measure(
    row: Row, contenders: Sequence[str], workers: Workers, effort: Effort
) -> dict[str, Timing]:
    """Measure a row and return the times of the contenders that can run it, by name."""
    calls: dict[str, int] = {}
    for name in contenders:
        seconds = workers[name].prepare(row.workload)
        if seconds is not None:
            calls[name] = max(1, round(effort.seconds / seconds))
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in calls}
    for at in range(effort.rounds):
        for name in calls:
            if rival_of(name) in row.slow and at >= effort.slow_rounds:
                continue
            taken[name].append(workers[name].run(calls[name]))
    return {
        name: Timing(*(tuple(part) for part in zip(*times, strict=True)))
        for name, times in taken.items()
    }


@dataclass(frozen=True, slots=True)
class Ratio:
    """The time of a rival divided by our time; more than 1 if we are faster.

    Attributes:
        median: The median of the rounds.
        spread: Half of the interquartile range of the rounds.
        least: The ratio of the smallest wall times.
    """

    median: float
    spread: float
    least: float

    @property
    def conservative(self) -> float:
        """The smaller of `median` and `least`, which is compared with targets."""
        return min(self.median, self.least)


def ratio(ours: Timing, rival: Timing, threads: int) -> Ratio:
    """Return the ratio of the times of two contenders.

    Processor time counts on one thread, because other processes disturb it least. On several
    threads it would include threads that poll while they wait, so wall time counts.
    """
    kind = "cpu" if threads == 1 else "wall"
    mine, theirs = np.array(getattr(ours, kind)), np.array(getattr(rival, kind))
    rounds = min(len(mine), len(theirs))
    ratios = theirs[:rounds] / mine[:rounds]
    low, median, high = np.quantile(ratios, [0.25, 0.5, 0.75])
    return Ratio(float(median), float(high - low) / 2, float(min(rival.wall) / min(ours.wall)))
