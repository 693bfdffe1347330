"""Points: one value of a benchmark at a commit, read from the results of asv."""

import itertools
import json
import math
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from asv.results import Results, iter_results

from asv_benchmarks.contenders.names import NAIVE, OURS, PEERS

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / ".asv" / "results"
REPEATS = ROOT / ".asv" / "repeats"
"""Folder of repeated runs of one commit, each with a folder of results."""

LOADS = "loads.jsonl"
"""File in a folder of results with the load average over time, written by `run_asv`."""

Name: TypeAlias = tuple[str, ...]
"""A benchmark: module, class and method joined by dots, then its parameters."""

PACKAGES = {
    "ops.Catalogue": "mt-autodiff",
    "ops.Specification": "mt-tensor",
    "kernels.": "mt-kernels-cpu",
    "grading.": "mt-kernels-cpu",
    "training.Engine": "mt-autodiff",
    "training.": "mt-nn",
    "accuracy.": "mt-models",
    "starting.": "mt-kernels-cpu",
}
"""The package that a benchmark measures most, by the beginning of its name; the first counts."""


@dataclass(frozen=True, slots=True)
class Point:
    """One value of a benchmark.

    Attributes:
        name: The benchmark and its parameters.
        value: Its value: mostly seconds, smaller is better.
        spread: Half the interquartile range of its samples, relative to the value; 0 if unknown.
        samples: The number of samples.
        load: The mean load average while it ran, in processes, the benchmark included; None if
            unknown.
    """

    name: Name
    value: float
    spread: float
    samples: int
    load: float | None


@dataclass(frozen=True, slots=True)
class Run:
    """All points of one commit in one environment of a machine.

    Attributes:
        commit: The full hash of the commit.
        machine: The name of the machine, its processor, and asv's name of the environment, which
            consists of the version of Python and the installed libraries.
        points: The points by benchmark.
    """

    commit: str
    machine: str
    points: dict[Name, Point]


def package_of(name: Name) -> str:
    """Return the package that a benchmark measures.

    >>> package_of(("training.Steps.time_step", "step-course-16", "tuned"))
    'mt-nn'
    """
    if name[0].startswith("starting.Import") and name[1].startswith("mt_"):
        return name[1].replace("_", "-")
    found = (package for start, package in PACKAGES.items() if name[0].startswith(start))
    return next(found, "other")


def rival_in(name: Name) -> str | None:
    """Return the other framework that a benchmark runs; None if it runs our code."""
    found = (part for part in name[1:] if part in (*PEERS, NAIVE))
    return next(found, None)


def ours_of(name: Name) -> list[Name]:
    """Return the benchmarks of our backends on the workload of another framework."""
    rival = rival_in(name)
    return [tuple(own if part == rival else part for part in name) for own in OURS]


def read_runs(folder: Path) -> list[Run]:
    """Return the runs in a folder of asv's results, without failed benchmarks."""
    if not folder.exists():
        return []
    loads = _loads(folder / LOADS)
    benchmarks: dict[str, Any] = {}
    if (folder / "benchmarks.json").exists():
        benchmarks = json.loads((folder / "benchmarks.json").read_text("utf-8"))
    return [
        Run(
            found.commit_hash,
            f"{found.params.get('machine', '')}: {found.params.get('cpu', '')}, {found.env_name}",
            {point.name: point for point in _points(found, benchmarks, loads)},
        )
        for found in iter_results(str(folder))
    ]


def _points(found: Results, benchmarks: dict[str, Any], loads: list[Any]) -> Iterable[Point]:
    """Yield the points of a result of asv."""
    for key in found.get_all_result_keys():
        params = found.get_result_params(key)
        values = found.get_result_value(key, params)
        stats = found.get_result_stats(key, params)
        begin = found.started_at.get(key)
        load = _load_at(loads, begin, found.duration.get(key))
        # A percentage of correct answers is better if it is larger, all others if smaller.
        shares = benchmarks.get(key, {}).get("unit") == "%"
        for words, value, stat in zip(itertools.product(*params), values, stats, strict=True):
            if value is None or not math.isfinite(value) or value <= 0.0:
                continue
            name = (key, *(word.strip("'") for word in words))
            stat = stat or {}
            spread = 0.0
            if stat.get("q_25") is not None and stat.get("q_75") is not None:
                spread = (stat["q_75"] - stat["q_25"]) / 2 / value
            value = 1.0 / value if shares else float(value)
            yield Point(name, value, spread, int(stat.get("repeat") or 1), load)


def _loads(path: Path) -> list[Any]:
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def _load_at(loads: list[Any], begin: Any, duration: float | None) -> float | None:
    """Return the mean load in a span of time; None if it was not recorded.

    Args:
        loads: Pairs of time (seconds) and load average.
        begin: The beginning as asv stores it, in milliseconds.
        duration: The length in seconds.
    """
    if begin is None:
        return None
    start = float(begin) / 1e3
    inside = [load for at, load in loads if start - 5.0 <= at <= start + (duration or 0.0) + 5.0]
    return sum(inside) / len(inside) if inside else None


def in_order(runs: Sequence[Run], repository: Path = ROOT) -> list[Run]:
    """Return the runs whose commits this repository has, the oldest commit first."""
    if not runs:
        return []
    listed = subprocess.run(
        ["git", "rev-list", "--topo-order", "--reverse", "--all", "HEAD"],
        cwd=repository,
        capture_output=True,
        text=True,
        check=True,
    )
    place = {commit: at for at, commit in enumerate(listed.stdout.split())}
    known = [run for run in runs if run.commit in place]
    return sorted(known, key=lambda run: place[run.commit])


def packages_changed(before: str, after: str, repository: Path = ROOT) -> list[str]:
    """Return the packages of which files differ between two commits."""
    listed = subprocess.run(
        ["git", "diff", "--name-only", before, after, "--", "packages"],
        cwd=repository,
        capture_output=True,
        text=True,
        check=True,
    )
    return sorted({line.split("/")[1] for line in listed.stdout.splitlines()})
