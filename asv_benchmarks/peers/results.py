"""Results as plain values, which are printed, drawn, written as JSON and read again."""

import json
import statistics
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeAlias

from asv_benchmarks.contenders.names import BEST, PEERS
from asv_benchmarks.contenders.settings import rival_of
from asv_benchmarks.peers.measure import Ratio, Timing, ratio
from asv_benchmarks.peers.processes import ProcessRow
from asv_benchmarks.peers.roofline import Limits, cost
from asv_benchmarks.peers.rows import Row, Target

Verdict: TypeAlias = Literal[
    "aim reached", "reached", "within its spread", "at the roofline", "missed", "reported"
]

NEAR_ROOFLINE = 1.25
"""Largest multiple of the roofline's time with which a row passes without its required ratio."""


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
    def of(cls, measured: Ratio, target: Target, share: float | None = None) -> "Comparison":
        """Return a ratio with the verdict on its target."""
        return cls(measured, target.must, target.aim, judge(measured, target, share))


def judge(measured: Ratio, target: Target, share: float | None = None) -> Verdict:
    """Return the verdict on a target, from `Ratio.conservative`.

    A required ratio is missed if the measured ratio is lower by more than its spread, and if our
    time exceeds `NEAR_ROOFLINE` times the least time that the machine needs.

    Args:
        measured: The rival's time divided by ours.
        target: The target.
        share: The least time divided by ours; None if it is unknown.
    """
    if target.aim is not None and measured.conservative >= target.aim:
        return "aim reached"
    if target.must is None:
        return "reported"
    if measured.conservative >= target.must:
        return "reached"
    if measured.conservative + measured.spread >= target.must:
        return "within its spread"
    return "at the roofline" if share and share * NEAR_ROOFLINE >= 1.0 else "missed"


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
        reason: The reason why the row falls short; empty if unknown.
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
    reason: str = ""

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
        needs = cost(row.workload) if isinstance(row, Row) else None
        scale = 1e3 if row.unit == "ms" else 1.0
        least = scale * limits.least(needs) if limits and needs else None
        times = {name: Time.of(timing, scale, threads) for name, timing in timings.items()}
        share = least / times[ours].counted if least and ours in times else None
        comparisons: dict[str, Comparison] = {}
        for name in timings if ours in timings else ():
            # The best setting has the target of its rival, unless the default was measured, too.
            beside = rival_of(name) != name and rival_of(name) in timings
            other = Target() if beside else row.targets.get(rival_of(name))
            target = row.targets.get(name, other)
            if name != ours and target is not None:
                measured = ratio(timings[ours], timings[name], threads)
                comparisons[name] = Comparison.of(measured, target, share)
        best = _best(comparisons)
        if best and BEST in row.targets:
            comparisons[BEST] = Comparison.of(comparisons[best].ratio, row.targets[BEST], share)
        found = {*timings, *map(rival_of, timings)}
        return cls(
            row.key,
            row.title,
            row.group,
            row.unit,
            ours,
            times,
            comparisons,
            tuple(name for name in (ours, *row.targets) if name not in found and name != BEST),
            needs.flops if needs else None,
            needs.bytes if needs else None,
            least,
            row.reason,
        )

    @property
    def best(self) -> str | None:
        """The fastest of the frameworks with its setting; None if none was measured."""
        return _best(self.comparisons)

    @property
    def share(self) -> float | None:
        """Share of the machine's peak that our contender reaches, 0 to 1; None if unknown."""
        ours = self.times.get(self.ours)
        return self.least / ours.counted if self.least and ours else None

    @property
    def missed(self) -> list[str]:
        """The rivals for which the required ratio was missed."""
        return [name for name, one in self.comparisons.items() if one.verdict == "missed"]


def _best(comparisons: Mapping[str, Comparison]) -> str | None:
    """Return the name of the framework with the smallest ratio."""
    ratios = {
        name: one.ratio.conservative for name, one in comparisons.items() if rival_of(name) in PEERS
    }
    return min(ratios, key=lambda name: ratios[name]) if ratios else None


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
    limits: Mapping[str, Any] = field(default_factory=dict)

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
