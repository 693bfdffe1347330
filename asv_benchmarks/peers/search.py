"""The search for the best setting of each rival, once for each kind of processor and case.

Each setting runs in a process of its own and has a turn on every case. The fastest ones then run
again in alternating turns, because the speed of a machine changes between two processes. The file
`rivals.json` of a kind of processor keeps all times, so an interrupted search continues where it
stopped. A rival of another version is searched again.
"""

import json
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from asv_benchmarks.conditions import Conditions, cores, environment
from asv_benchmarks.contenders import Absent
from asv_benchmarks.contenders.settings import OPTIONS, rival_of, settings_of, title, variables
from asv_benchmarks.peers.measure import Effort, Worker, WorkerError, measure, workers
from asv_benchmarks.peers.rows import Row
from asv_benchmarks.peers.trees import ROOT

EFFORT, ON_SEVERAL = Effort(rounds=5, seconds=0.03), Effort(rounds=3, seconds=0.03)
"""Turns of a setting on a case, on one thread and on several, where each turn takes longer."""

WARM_SECONDS = 0.1
"""Seconds for which a case warms up: less than in the table, where the figures are published."""

CLOSE, FINALISTS = 1.1, 3
"""Settings whose time is at most `CLOSE` times the smallest run again in turn, at most
`FINALISTS` of them: the times of separate processes differ by some percent without a cause."""

PACKAGES = {"torch": "torch", "torch-compile": "torch", "jax": "jax"}
"""The package whose version belongs to the times, by rival."""

Report = Callable[[str], None]


@dataclass(slots=True)
class Found:
    """The search of one rival's settings for one case.

    Attributes:
        version: The version of the rival.
        seconds: The time of one step or operation by setting, in seconds.
        failed: The message of each setting that raised an exception.
        best: The fastest setting; None until all of them were measured.
        conditions: The attributes of `Conditions` when the search began.
    """

    version: str
    seconds: dict[str, float] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    best: str | None = None
    conditions: dict[str, Any] = field(default_factory=dict)


class Searches:
    """All searches on one kind of processor."""

    def __init__(self, path: Path) -> None:
        """Read the file, if it exists."""
        self.path = path
        self.found: dict[str, dict[str, Found]] = {}
        if path.exists():
            values = json.loads(path.read_text("utf-8"))
            self.found = {
                case: {rival: Found(**one) for rival, one in rivals.items()}
                for case, rivals in values.items()
            }

    def of(self, row: Row, threads: int, rival: str) -> Found | None:
        """Return the search for a row; None if there is none of the installed version."""
        if rival not in OPTIONS:
            return None
        found = self.found.get(_case(row, threads), {}).get(rival)
        return found if found and found.version == installed(rival) else None

    def best(self, row: Row, threads: int, rival: str) -> str:
        """Return the best setting of a rival, or its default if no search has finished."""
        found = self.of(row, threads, rival)
        return found.best if found and found.best else rival

    def open(self, row: Row, threads: int, rival: str, conditions: Conditions) -> Found:
        """Return the search for a row, a new one if there is none."""
        found = self.of(row, threads, rival)
        if found is None:
            found = Found(installed(rival) or "", conditions=conditions.to_json())
            self.found.setdefault(_case(row, threads), {})[rival] = found
        return found

    def forget(self, rows: Iterable[Row], threads: int) -> None:
        """Forget the searches for some rows, so that all their settings are measured again."""
        for row in rows:
            for rival in row.targets:
                self.found.get(_case(row, threads), {}).pop(rival, None)

    def write(self) -> None:
        """Write the file."""
        values = {
            case: {rival: asdict(one) for rival, one in rivals.items()}
            for case, rivals in sorted(self.found.items())
        }
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_text(json.dumps(values, indent=1) + "\n", "utf-8")


def _case(row: Row, threads: int) -> str:
    return f"{row.key}, {threads} thread{'s' if threads > 1 else ''}"


@cache
def installed(rival: str) -> str | None:
    """Return the version of an installed rival; None if it is not installed."""
    try:
        return version(PACKAGES[rival])
    except PackageNotFoundError:
        return None


@cache
def usable(name: str) -> str | None:
    """Return the reason why a setting cannot be measured; None if it can."""
    if rival_of(name) in PACKAGES and installed(rival_of(name)) is None:
        return f"{PACKAGES[rival_of(name)]} is not installed"
    try:
        variables(name)
    except Absent as reason:
        return str(reason)
    return None


def absent(rows: Iterable[Row]) -> list[str]:
    """Return a line for each reason why settings of the rivals of some rows cannot be measured."""
    names = {
        name
        for row in rows
        for rival in row.targets
        if rival in OPTIONS
        for name in settings_of(rival, row.workload)
    }
    reasons = {reason: rival_of(name) for name in sorted(names) if (reason := usable(name))}
    return [f"not measured: {reason}" for reason in reasons]


def _missing(
    rows: Sequence[Row], threads: int, searches: Searches
) -> Iterator[tuple[str, list[Row]]]:
    """Yield each setting with the rows for which it has not been measured."""
    missing: dict[str, list[Row]] = {}
    for row in rows:
        for rival in row.targets:
            found = searches.of(row, threads, rival)
            for name in settings_of(rival, row.workload) if rival in OPTIONS else ():
                done = found and (name in found.seconds or name in found.failed)
                if not done and usable(name) is None:
                    missing.setdefault(name, []).append(row)
    yield from sorted(missing.items())


def search(rows: Sequence[Row], threads: int, searches: Searches, report: Report) -> None:
    """Measure all settings of the rivals of some rows that have not been measured."""
    compile_ahead(rows, threads, searches, report)
    before = Conditions.now(threads)
    missing = [*_missing(rows, threads, searches)]
    for at, (name, cases) in enumerate(missing):
        report(f"setting {at + 1} of {len(missing)}: {title(name)}, {len(cases)} rows")
        _measure_setting(name, cases, threads, searches, before)
        searches.write()
    for rival in OPTIONS:
        _decide(rival, rows, threads, searches, report)


def _measure_setting(
    name: str, rows: Sequence[Row], threads: int, searches: Searches, before: Conditions
) -> None:
    """Measure one setting on some rows in one process; start a new one after a failure."""
    worker: Worker | None = None
    for row in rows:
        found = searches.open(row, threads, rival_of(name), before)
        try:
            worker = worker or Worker(name, threads)
            seconds = worker.prepare(row.workload, WARM_SECONDS)
            if seconds is None:
                found.failed[name] = worker.absent or "this operation is not supported"
                continue
            calls = max(1, round(EFFORT.seconds / seconds))
            rounds = (EFFORT if threads == 1 else ON_SEVERAL).rounds
            taken = [worker.run(calls) for _ in range(rounds)]
            # The smallest: other processes only add to it, and few rounds have no good median.
            found.seconds[name] = min(cpu if threads == 1 else wall for cpu, wall in taken)
            found.best = None
        except WorkerError as error:
            found.failed[name] = str(error)
            if worker is not None:
                worker.kill()
            worker = None
    if worker is not None:
        worker.close()


def _decide(
    rival: str, rows: Sequence[Row], threads: int, searches: Searches, report: Report
) -> None:
    """Choose the best setting of a rival for each row; close ones run again in turn."""
    with workers(threads) as started:
        for row in rows:
            found = searches.of(row, threads, rival) if rival in row.targets else None
            if found is None or found.best or not found.seconds:
                continue
            ordered = sorted(found.seconds, key=lambda name: found.seconds[name])
            close = [
                name
                for name in ordered[:FINALISTS]
                if found.seconds[name] <= CLOSE * found.seconds[ordered[0]]
            ]
            if len(close) > 1:
                report(f"{row.title}: {', '.join(map(title, close))} in turn")
                timings = measure(row, close, started, EFFORT)
                kind = "cpu" if threads == 1 else "wall"
                close.sort(key=lambda name: statistics.median(getattr(timings[name], kind)))
            found.best = close[0]
            searches.write()


def compile_ahead(rows: Sequence[Row], threads: int, searches: Searches, report: Report) -> None:
    """Fill the cache of `torch.compile`, with one process for each core; times do not matter.

    The allocator does not change the compiled code, so that only the other options are compiled.
    """
    jobs = [
        (name, row)
        for name, missing in _missing(rows, threads, searches)
        if rival_of(name) == "torch-compile" and not variables(name)
        for row in missing
    ]

    def run(job: tuple[str, Row]) -> None:
        name, row = job
        report(f"compiling: {title(name)}, {row.title}")
        workload = json.dumps(asdict(row.workload))
        subprocess.run(
            [sys.executable, "-m", "asv_benchmarks.peers.program", "once", name, workload],
            cwd=ROOT,
            env=environment(threads) | {"TORCHINDUCTOR_COMPILE_THREADS": "1"},
            stdin=subprocess.DEVNULL,
            # A failure is shown when the setting is measured.
            capture_output=True,
            check=False,
        )

    with ThreadPoolExecutor(cores()) as pool:
        list(pool.map(run, jobs))
