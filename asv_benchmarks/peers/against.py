"""Comparison of this working tree with an older commit in one run.

Two processes, one for each tree, run the same workload in short alternating turns; the process that
begins changes from turn to turn. A round consists of many turns, and its ratio is that of the two
sums of times. A change of the processor's speed during the run affects both sums alike.
"""

import json
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal, Protocol, TypeAlias

import numpy as np

from asv_benchmarks.peers.measure import Effort
from asv_benchmarks.peers.rows import Row
from asv_benchmarks.workloads import Workload

Verdict: TypeAlias = Literal["as fast", "slower", "measure again", "absent"]

MIN_RATIO = 0.98
"""Least median of the ratios with which a row counts as fast as before. A value closer to 1 reports
noise as a slowdown."""

MAX_RANGE = 0.03
"""Largest interquartile range of the ratios with which a row has a verdict. A larger value gives
verdicts on noise."""

TURN_SECONDS = 0.01
"""Duration of a turn of one process in seconds. On a shared machine the speed of a processor may
change by half within a tenth of a second; longer turns make the ratios vary too much."""

FULL = Effort(rounds=41, seconds=0.5)
QUICK = Effort(rounds=9, seconds=0.02)


class Measurable(Protocol):
    """A process that prepares and runs a workload, such as a `Worker`."""

    def prepare(self, workload: Workload) -> float | None:
        """Return the seconds of one call, or None if the process cannot run the workload."""

    def run(self, calls: int) -> tuple[float, float]:
        """Run a number of calls; return processor time and wall time of one call, in seconds."""


@dataclass(frozen=True, slots=True)
class Change:
    """One row of the comparison.

    Attributes:
        key, title, group: As in `Row`.
        before: The median time of the older commit in ms; None if it cannot run the row.
        now: The median time of this working tree in ms; None if it cannot run the row.
        ratios: The time of the older commit divided by that of this tree, for each round.
        error: The message of a process that failed.
    """

    key: str
    title: str
    group: str
    before: float | None = None
    now: float | None = None
    ratios: tuple[float, ...] = ()
    error: str | None = None

    @property
    def median(self) -> float:
        """The median of the ratios: more than 1 if this tree is faster."""
        return float(np.median(self.ratios))

    @property
    def range(self) -> float:
        """The distance between the quartiles of the ratios."""
        low, high = np.quantile(self.ratios, [0.25, 0.75])
        return float(high - low)

    @property
    def verdict(self) -> Verdict:
        """The verdict on this row."""
        if not self.ratios:
            return "absent"
        if self.range > MAX_RANGE:
            return "measure again"
        return "slower" if self.median < MIN_RATIO else "as fast"

    @property
    def fails(self) -> bool:
        """True if this tree is slower than the older commit, or could not be measured."""
        return self.verdict == "slower" or self.now is None

    def to_json(self) -> dict[str, Any]:
        """Return the attributes, median, range and verdict as plain values."""
        summary = {"median": self.median, "range": self.range} if self.ratios else {}
        return asdict(self) | summary | {"verdict": self.verdict}


def compare(row: Row, before: Measurable, now: Measurable, threads: int, effort: Effort) -> Change:
    """Measure a row in both processes, in alternating turns.

    Processor time counts on one thread, wall time on several, as in the table of peers.
    """
    change = Change(row.key, row.title, row.group)
    old, new = before.prepare(row.workload), now.prepare(row.workload)
    if old is None or new is None:
        return replace(change, before=old and 1e3 * old, now=new and 1e3 * new)
    # Both run the same number of calls per turn, so that the overhead of a turn is the same.
    calls = max(1, round(TURN_SECONDS / max(old, new)))
    turns = max(1, round(effort.seconds / (calls * max(old, new))))
    kind = 0 if threads == 1 else 1
    times: dict[Measurable, list[float]] = {before: [], now: []}
    for _ in range(effort.rounds):
        sums = {before: 0.0, now: 0.0}
        for turn in range(turns):
            for process in (before, now) if turn % 2 else (now, before):
                sums[process] += process.run(calls)[kind]
        for process, seconds in sums.items():
            times[process].append(seconds / turns)
    return replace(
        change,
        before=1e3 * statistics.median(times[before]),
        now=1e3 * statistics.median(times[now]),
        ratios=tuple(a / b for a, b in zip(times[before], times[now], strict=True)),
    )


def write(
    path: Path,
    commit: str,
    conditions: Mapping[str, Any],
    effort: Effort,
    changes: Sequence[Change],
) -> None:
    """Write a comparison as JSON."""
    values = {
        "against": commit,
        "conditions": conditions,
        "effort": {"rounds": effort.rounds, "seconds": effort.seconds},
        "rows": [change.to_json() for change in changes],
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(values, indent=1) + "\n", "utf-8")
