"""Results as plain values, which are printed, drawn, written as JSON and read again."""

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
    """The times of one contender, in the unit of its row.

    Attributes:
        cpu: The median processor time.
        wall: The median wall time.
        least: The smallest wall time.
        counted: The reported time: `cpu` on one thread, else `wall`.
    """

    cpu: float
    wall: float
    least: float
    counted: float

    @classmethod
    def of(cls, timing: Timing, scale: float, threads: int) -> "Time":
        """Return the summary of all rounds."""
        cpu, wall = scale * statistics.median(timing.cpu), scale * statistics.median(timing.wall)
        return cls(cpu, wall, scale * min(timing.wall), cpu if threads == 1 else wall)


@dataclass(frozen=True, slots=True)
class Comparison:
    """The comparison of our contender with one rival.

    Attributes:
        ratio: The rival's time divided by ours.
        must: The required ratio; None if there is none.
        aim: The ratio that is aimed at; None if there is none.
        verdict: The result of `judge`.
    """

    ratio: Ratio
    must: float | None
    aim: float | None
    verdict: Verdict

    @classmethod
    def of(cls, measured: Ratio, target: Target) -> "Comparison":
        """Return a ratio with the verdict on its target."""
        return cls(measured, target.must, target.aim, judge(measured, target))


def judge(measured: Ratio, target: Target) -> Verdict:
    """Return the verdict on a target, from `Ratio.conservative`.

    A required ratio is missed if the measured ratio is lower by more than its spread.
    """
    if target.aim is not None and measured.conservative >= target.aim:
        return "aim reached"
    if target.must is None:
        return "reported"
    if measured.conservative >= target.must:
        return "reached"
    return (
        "within its spread" if measured.conservative + measured.spread >= target.must else "missed"
    )


@dataclass(frozen=True, slots=True)
class Result:
    """A row of the table.

    Attributes:
        key, title, group: As in `Row`.
        unit: The unit of its times: "ms", "s", or "MB".
        ours: The contender of ours that is compared with the others.
        times: The times by contender.
        comparisons: The comparisons by rival.
        absent: The contenders that could not run.
        flops: The floating-point operations of one call, if they are known.
        bytes: The least number of bytes that one call moves.
        least: The least time that the machine needs for these, in the unit of the row.
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
        """Compare our contender with all rivals and with the peaks of the machine."""
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
        """Share of the machine's peak that our contender reaches, 0 to 1; None if unknown."""
        ours = self.times.get(self.ours)
        return self.least / ours.counted if self.least and ours else None

    @property
    def missed(self) -> list[str]:
        """The rivals for which the required ratio was missed."""
        return [name for name, one in self.comparisons.items() if one.verdict == "missed"]


@dataclass(frozen=True, slots=True)
class Table:
    """All rows, and the conditions of the measurement.

    Attributes:
        conditions: The attributes of `asv_benchmarks.conditions.Conditions`.
        versions: The versions of the libraries of all contenders.
        effort: The attributes of `Effort`.
        rows: The rows.
        load_after: The load average at the end of the measurement.
        notes: Messages that belong to the figures.
        limits: The peaks of the machine, in operations and bytes per second.
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
        """The rows in which a required ratio was missed."""
        return [row for row in self.rows if row.missed]

    def write(self, path: Path) -> None:
        """Write the table as JSON."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(asdict(self), indent=1) + "\n", "utf-8")

    @classmethod
    def read(cls, path: Path) -> "Table":
        """Return the table that `write` wrote to a file."""
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
