"""The decision which changes between two runs are slowdowns, and how often it is wrong.

The logarithm of a benchmark's time varies from run to run, also at one commit, by more than its
samples within a run suggest. Its variance is estimated from repeated runs of one commit, else from
the differences between commits, most of which change nothing. A benchmark has few runs, so its own
variance is combined with that of all benchmarks: G. K. Smyth, Linear models and empirical Bayes
methods for assessing differential expression in microarray experiments, Statistical Applications in
Genetics and Molecular Biology 3 (2004). Each change then has a probability of being at least as
large by chance. The procedure of Benjamini and Hochberg (Journal of the Royal Statistical Society B
57, 1995) limits the share of false alarms among all alarms.
"""

import itertools
import math
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from asv_benchmarks.regressions.points import Name, Run, package_of, rival_in

FALSE_DISCOVERIES = 0.01
"""Expected share of false alarms among the alarms, 0 to 1."""

LEAST = 0.03
"""Least slowdown that raises an alarm, relative to the time before. Smaller ones are real at times,
but the layout of a program in memory alone causes as much."""

PRIOR_RUNS = 4.0
"""Weight of the variance of all benchmarks, in degrees of freedom."""

FLOOR = 0.002
"""Least standard deviation of a logarithm. A benchmark that measured equal values by chance, such
as a peak of memory in whole pages, would otherwise raise an alarm for every change."""

FEWEST_RIVALS = 3
"""Least number of benchmarks of other frameworks from which the drift of the machine is known."""


@dataclass(frozen=True, slots=True)
class Noise:
    """The variation of benchmarks from run to run, on a logarithmic scale.

    Attributes:
        common: The standard deviation of a typical benchmark.
        own: Variance and degrees of freedom by benchmark.
        source: The runs from which it was estimated, for the report.
    """

    common: float
    own: Mapping[Name, tuple[float, int]]
    source: str

    def of(self, name: Name, spread: float) -> tuple[float, float]:
        """Return the standard deviation of a benchmark and its degrees of freedom.

        Args:
            name: The benchmark.
            spread: Half the interquartile range of its samples, relative to its value: a benchmark
                that varies within a run varies between runs at least as much as its median does.
        """
        variance, degrees = self.own.get(name, (0.0, 0))
        combined = (degrees * variance + PRIOR_RUNS * self.common**2) / (degrees + PRIOR_RUNS)
        return max(math.sqrt(combined), spread / 3.0, FLOOR), degrees + PRIOR_RUNS

    @classmethod
    def estimate(cls, groups: Iterable[Sequence[Run]], source: str) -> "Noise":
        """Estimate the noise from runs of which each group has measured the same code."""
        sums: dict[Name, float] = {}
        degrees: dict[Name, int] = {}
        for runs in groups:
            moved = [drift(runs[0], run) for run in runs]
            for name in set().union(*(run.points for run in runs)):
                logs = [
                    math.log(run.points[name].value) - by
                    for run, by in zip(runs, moved, strict=True)
                    if name in run.points
                ]
                if len(logs) > 1:
                    squares = float(np.var(logs)) * len(logs)
                    sums[name] = sums.get(name, 0.0) + squares
                    degrees[name] = degrees.get(name, 0) + len(logs) - 1
        own = {name: (sums[name] / degrees[name], degrees[name]) for name in sums}
        variances = [variance for variance, _ in own.values()]
        common = math.sqrt(statistics.median(variances)) if variances else 0.05
        return cls(max(common, FLOOR), own, source)


@dataclass(frozen=True, slots=True)
class Change:
    """The change of one benchmark between two runs.

    Attributes:
        name: The benchmark.
        before, after: The commits.
        ratio: The later time divided by the earlier one, without the drift of the machine.
        confidence: One minus the probability of such a slowdown by chance, 0 to 1.
        spreads: Half the interquartile range of both runs' samples, relative to their values.
        loads: The load averages of both runs; None where unknown.
    """

    name: Name
    before: str
    after: str
    ratio: float
    confidence: float
    spreads: tuple[float, float]
    loads: tuple[float | None, float | None]

    @property
    def package(self) -> str:
        """The package that the benchmark measures."""
        return package_of(self.name)


def drift(before: Run, after: Run) -> float:
    """Return the logarithm of how much slower the machine was in the second of two runs.

    The code of other frameworks is the same in both. Without enough of their benchmarks it is 0.
    """
    changes = [
        math.log(point.value / before.points[name].value)
        for name, point in after.points.items()
        if name in before.points and rival_in(name)
    ]
    return statistics.median(changes) if len(changes) >= FEWEST_RIVALS else 0.0


def changes(before: Run, after: Run, noise: Noise) -> list[Change]:
    """Return the change of each of our benchmarks that both runs have."""
    moved = drift(before, after)
    found = []
    for name, new in after.points.items():
        old = before.points.get(name)
        if old is None or rival_in(name):
            continue
        deviation, degrees = noise.of(name, max(old.spread, new.spread))
        difference = math.log(new.value / old.value) - moved
        confidence = student(difference / (deviation * math.sqrt(2.0)), degrees)
        found.append(
            Change(
                name,
                before.commit,
                after.commit,
                math.exp(difference),
                confidence,
                (old.spread, new.spread),
                (old.load, new.load),
            )
        )
    return found


def student(t: float, degrees: float) -> float:
    """Return the distribution function of Student's t, by the approximation of D. L. Wallace.

    Source: Bounds on normal approximations to Student's and the chi-square distributions, The
    Annals of Mathematical Statistics 30 (1959).

    >>> round(student(2.776, 4), 3)  # the table has 0.975
    0.975
    """
    shrunk = math.sqrt(degrees * math.log1p(t * t / degrees))
    z = (8.0 * degrees + 1.0) / (8.0 * degrees + 3.0) * math.copysign(shrunk, t)
    return statistics.NormalDist().cdf(z)


def alarms(judged: Sequence[Change]) -> list[Change]:
    """Return the changes that are slowdowns, the largest first."""
    ordered = sorted(judged, key=lambda change: -change.confidence)
    accepted = 0
    for rank, change in enumerate(ordered, 1):
        if 1.0 - change.confidence <= FALSE_DISCOVERIES * rank / len(ordered):
            accepted = rank
    slower = [change for change in ordered[:accepted] if change.ratio >= 1.0 + LEAST]
    return sorted(slower, key=lambda change: -change.ratio)


@dataclass(frozen=True, slots=True)
class FalseAlarms:
    """The result of the same decision on runs of one commit, in which every alarm is false.

    Attributes:
        alarms: The number of alarms.
        judged: The number of judged changes.
        pairs: The number of compared pairs of runs.
    """

    alarms: int = 0
    judged: int = 0
    pairs: int = 0


def false_alarms(groups: Sequence[Sequence[Run]], history: Noise | None = None) -> FalseAlarms:
    """Count false alarms in pairs of consecutive runs of one commit.

    The noise is estimated without the two runs of a pair, because a run would excuse itself. Where
    no two other runs are left, the noise of the history is used.
    """
    raised = judged = pairs = 0
    for at, runs in enumerate(groups):
        for first, second in itertools.pairwise(range(len(runs))):
            rest = [run for number, run in enumerate(runs) if number not in (first, second)]
            others = [rest, *(group for number, group in enumerate(groups) if number != at)]
            usable = [group for group in others if len(group) > 1]
            noise = Noise.estimate(usable, "other runs") if usable else history
            if noise is None:
                continue
            found = changes(runs[first], runs[second], noise)
            raised, judged, pairs = raised + len(alarms(found)), judged + len(found), pairs + 1
    return FalseAlarms(raised, judged, pairs)


def by_commit(runs: Iterable[Run], key: Callable[[Run], str]) -> list[list[Run]]:
    """Return runs grouped by commit, and by a further key such as the machine."""
    groups: dict[tuple[str, str], list[Run]] = {}
    for run in runs:
        groups.setdefault((run.commit, key(run)), []).append(run)
    return [*groups.values()]
