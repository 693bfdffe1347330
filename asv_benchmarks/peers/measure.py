"""Measures a row: every contender in turn, round by round, each in a process of its own.

What disturbs the machine for a moment then disturbs all of them. The ratio to a rival is taken
round by round; its median and its spread say how far the figures can be trusted.
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
from asv_benchmarks.contenders.names import AS_INSTALLED
from asv_benchmarks.peers.roofline import Limits
from asv_benchmarks.peers.rows import Row
from asv_benchmarks.peers.trees import ROOT, Tree
from asv_benchmarks.workloads import Workload


@dataclass(frozen=True, slots=True)
class Effort:
    """How much is measured.

    Attributes:
        rounds: How often every contender has its turn.
        seconds: How long a turn takes; a single call where that takes longer.
        slow_rounds: How often a contender has its turn that takes very much longer.
    """

    rounds: int = 15
    seconds: float = 0.05
    slow_rounds: int = 3


FULL, QUICK = Effort(), Effort(rounds=5, seconds=0.02, slow_rounds=1)


@dataclass(frozen=True, slots=True)
class Timing:
    """How long one call of one contender took, in seconds, round by round.

    Attributes:
        cpu: Time of the processor, of all threads together.
        wall: Time on the clock.
    """

    cpu: tuple[float, ...]
    wall: tuple[float, ...]


class WorkerError(RuntimeError):
    """A contender failed."""


class Worker:
    """A process in which one contender waits for its turns.

    Between them it is stopped, where the system can do that: threads that have nothing to do keep a
    core busy for tens of milliseconds before they sleep, and would do so in another one's turn.
    """

    def __init__(self, name: str, threads: int, tree: Tree | None = None) -> None:
        """Start the process.

        Args:
            name: The contender.
            threads: The number of threads that it computes on.
            tree: The working tree whose code runs; the installed packages by default.

        Attributes:
            versions: The versions of the packages that the contender runs on.
            absent: The reason why it cannot run at all, else None.
        """
        self.name = name
        env = environment(threads, as_installed=name == AS_INSTALLED)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "asv_benchmarks.peers.worker", name, str(threads)],
            cwd=tree.root if tree else ROOT,
            env=env | tree.variables if tree else env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
        )
        answer = self._read()
        self.absent: str | None = answer.get("absent")
        self.versions: dict[str, str] = answer.get("versions", {})

    def prepare(self, workload: Workload) -> float | None:
        """Make a call ready and return how many seconds it takes; None if it is declined."""
        if self.absent is not None:
            return None
        answer = self._ask({"prepare": asdict(workload)})
        return answer.get("seconds")

    def run(self, calls: int) -> tuple[float, float]:
        """Run the call so often and return the processor's and the clock's time of one."""
        answer = self._ask({"run": calls})
        return answer["cpu"], answer["wall"]

    def limits(self) -> Limits:
        """Return what the machine can do, measured where the contender runs."""
        return Limits(**self._ask({"limits": True}))

    def close(self) -> None:
        """End the process."""
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
        answer = self._read()
        self._send("SIGSTOP")
        return answer

    def _send(self, name: str) -> None:
        if hasattr(signal, name):
            self.process.send_signal(getattr(signal, name))

    def _read(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise WorkerError(f"{self.name}: its process has ended; see its message above")
        answer: dict[str, Any] = json.loads(line)
        if "failed" in answer:
            raise WorkerError(f"{self.name}: {answer['failed']}")
        return answer


class Workers:
    """The contenders' processes, each started when it is first needed."""

    def __init__(self, threads: int, tree: Tree | None = None) -> None:
        self.threads = threads
        self.tree = tree
        self._started: dict[str, Worker] = {}

    def __getitem__(self, name: str) -> Worker:
        worker = self._started.get(name)
        # One that is absent has ended, and would be absent again.
        if worker is None or (worker.absent is None and worker.process.poll() is not None):
            worker = self._started[name] = Worker(name, self.threads, self.tree)
        return worker

    def versions(self) -> dict[str, str]:
        """Return the versions of everything that took part."""
        return {
            package: version
            for worker in self._started.values()
            for package, version in worker.versions.items()
        }

    def close(self) -> None:
        """End all processes."""
        for worker in self._started.values():
            worker.close()
        self._started.clear()


@contextlib.contextmanager
def workers(threads: int, tree: Tree | None = None) -> Iterator[Workers]:
    """Return the contenders' processes, which end with the block."""
    started = Workers(threads, tree)
    try:
        yield started
    finally:
        started.close()


def measure(
    row: Row, contenders: Sequence[str], workers: Workers, effort: Effort
) -> dict[str, Timing]:
    """Measure a row and return the times of every contender that could run it."""
    calls: dict[str, int] = {}
    for name in contenders:
        seconds = workers[name].prepare(row.workload)
        if seconds is not None:
            calls[name] = max(1, round(effort.seconds / seconds))
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in calls}
    for at in range(effort.rounds):
        for name in calls:
            if name in row.slow and at >= effort.slow_rounds:
                continue
            taken[name].append(workers[name].run(calls[name]))
    return {
        name: Timing(*(tuple(part) for part in zip(*times, strict=True)))
        for name, times in taken.items()
    }


@dataclass(frozen=True, slots=True)
class Ratio:
    """How many times faster we are than a rival.

    Attributes:
        median: Of the rounds.
        spread: Half of the distance between the quartiles of the rounds.
        least: The rival's smallest time on the clock by ours.
    """

    median: float
    spread: float
    least: float

    @property
    def cautious(self) -> float:
        """The smaller of the two: what can be promised."""
        return min(self.median, self.least)


def ratio(ours: Timing, rival: Timing, threads: int) -> Ratio:
    """Compare two contenders.

    On one thread the processor's time counts, which other processes disturb least. On several it
    would count threads that wait for one another as if they worked: there, the clock's.
    """
    kind = "cpu" if threads == 1 else "wall"
    mine, theirs = np.array(getattr(ours, kind)), np.array(getattr(rival, kind))
    rounds = min(len(mine), len(theirs))
    ratios = theirs[:rounds] / mine[:rounds]
    low, median, high = np.quantile(ratios, [0.25, 0.5, 0.75])
    return Ratio(float(median), float(high - low) / 2, float(min(rival.wall) / min(ours.wall)))
