"""What was measured, as plain values: to print, to draw, and to write as JSON and read again."""

import json
import statistics
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeAlias

from asv_benchmarks.peers.measure import Ratio, Timing, ratio
from asv_benchmarks.peers.processes import ProcessRow
from asv_benchmarks.peers.roofline import Limits, cost
from asv_benchmarks.peers.rows import Row, Target

Verdict: TypeAlias = Literal["aim reached", "reached", "within its spread", "missed", "reported"]


@dataclass(frozen=True, slots=True)
class Time:
    """What one contender took, in the unit of its row.

    Attributes:
        cpu: The median of the processor's time.
        wall: The median of the time on the clock.
        least: The smallest time on the clock.
        counted: Which of the medians is told: the processor's on one thread, else the clock's.
    """

    cpu: float
    wall: float
    least: float
    counted: float

    @classmethod
    def of(cls, timing: Timing, scale: float, threads: int) -> "Time":
        """Summarise the rounds."""
        cpu, wall = scale * statistics.median(timing.cpu), scale * statistics.median(timing.wall)
        return cls(cpu, wall, scale * min(timing.wall), cpu if threads == 1 else wall)


@dataclass(frozen=True, slots=True)
class Comparison:
    """Ours beside one rival.

    Attributes:
        ratio: How many times faster we are; less than 1 if slower.
        must: What the ratio has to reach, if anything.
        aim: What it shall reach.
        verdict: Whether it does.
    """

    ratio: Ratio
    must: float | None
    aim: float | None
    verdict: Verdict

    @classmethod
    def of(cls, measured: Ratio, target: Target) -> "Comparison":
        """Judge a ratio by its target."""
        return cls(measured, target.must, target.aim, judge(measured, target))


def judge(measured: Ratio, target: Target) -> Verdict:
    """Say whether a target is reached, by the smaller of the two ratios.

    A must is missed if the ratio stays below it by more than its spread.
    """
    if target.aim is not None and measured.cautious >= target.aim:
        return "aim reached"
    if target.must is None:
        return "reported"
    if measured.cautious >= target.must:
        return "reached"
    return "within its spread" if measured.cautious + measured.spread >= target.must else "missed"


@dataclass(frozen=True, slots=True)
class Result:
    """A row of the table.

    Attributes:
        key, title, group: As the row has them.
        unit: Of its times: "ms", "s", or "MB".
        ours: Which of our contenders is compared with the others.
        times: By contender.
        comparisons: By rival.
        absent: The contenders that could not run.
        flops: Floating-point operations of one call, if they were counted.
        bytes: Bytes that one call moves at least.
        least: The least time that the machine needs for those, in the row's unit.
    """

    key: str
    title: str
    group: str
    unit: str
    ours: str
    times: Mapping[str, Time]
    comparisons: Mapping[str, Comparison]
    absent: tuple[str, ...]
    flops: float | None = None
    bytes: float | None = None
    least: float | None = None

    @classmethod
    def of(
        cls,
        row: Row | ProcessRow,
        ours: str,
        timings: Mapping[str, Timing],
        threads: int,
        limits: Limits | None = None,
    ) -> "Result":
        """Compare one of our contenders with all the others, and with what the machine can do."""
        rivals = [name for name in row.targets if name != ours]
        comparisons = {
            name: Comparison.of(ratio(timings[ours], timings[name], threads), row.targets[name])
            for name in rivals
            if ours in timings and name in timings
        }
        needs = cost(row.workload) if isinstance(row, Row) else None
        scale = 1e3 if row.unit == "ms" else 1.0
        return cls(
            row.key,
            row.title,
            row.group,
            row.unit,
            ours,
            {name: Time.of(timing, scale, threads) for name, timing in timings.items()},
            comparisons,
            tuple(name for name in (ours, *rivals) if name not in timings),
            needs.flops if needs else None,
            needs.bytes if needs else None,
            scale * limits.least(needs) if limits and needs else None,
        )

    @property
    def share(self) -> float | None:
        """What share of what the machine can do is used, 0 to 1."""
        ours = self.times.get(self.ours)
        return self.least / ours.counted if self.least and ours else None

    @property
    def missed(self) -> list[str]:
        """The rivals for whom a must was missed."""
        return [name for name, one in self.comparisons.items() if one.verdict == "missed"]


@dataclass(frozen=True, slots=True)
class Table:
    """All rows, and under which conditions they were measured.

    Attributes:
        conditions: As `asv_benchmarks.conditions.Conditions` has them.
        versions: Of everything that took part.
        effort: How much was measured.
        rows: The rows.
        load_after: The load when all was done.
        notes: What there is to say beside the figures.
        limits: What the machine can do, operations and bytes in a second.
    """

    conditions: Mapping[str, Any]
    versions: Mapping[str, str]
    effort: Mapping[str, Any]
    rows: tuple[Result, ...]
    load_after: float = 0.0
    notes: tuple[str, ...] = ()
    limits: Mapping[str, float] = field(default_factory=dict)

    @property
    def missed(self) -> list[Result]:
        """The rows in which a must was missed."""
        return [row for row in self.rows if row.missed]

    def write(self, path: Path) -> None:
        """Write everything as JSON."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(asdict(self), indent=1) + "\n", "utf-8")

    @classmethod
    def read(cls, path: Path) -> "Table":
        """Read what `write` wrote."""
        values = json.loads(path.read_text("utf-8"))
        rows, notes = tuple(map(_result, values["rows"])), tuple(values["notes"])
        return cls(**values | {"rows": rows, "notes": notes})


def _result(values: dict[str, Any]) -> Result:
    return Result(
        **values
        | {
            "times": {name: Time(**time) for name, time in values["times"].items()},
            "comparisons": {
                name: Comparison(**one | {"ratio": Ratio(**one["ratio"])})
                for name, one in values["comparisons"].items()
            },
            "absent": tuple(values["absent"]),
        }
    )
