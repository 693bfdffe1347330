"""Slowdowns between commits are found, and noise is not reported as one."""

import json
import math
import subprocess
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from asv_benchmarks.regressions import __main__ as command
from asv_benchmarks.regressions import points
from asv_benchmarks.regressions.judging import (
    Noise,
    alarms,
    changes,
    drift,
    false_alarms,
    student,
)
from asv_benchmarks.regressions.points import LOADS, Name, Point, Run, in_order, read_runs

NAMES: list[Name] = [
    *((f"training.Steps.time_{n}", "step", "tuned") for n in range(40)),
    *(("kernels.Kernels.time_kernel", f"matmul-{n}", "numpy") for n in range(8)),
]


def run(
    commit: str,
    rng: np.random.Generator,
    noise: float = 0.02,
    slower: Mapping[int, float] | None = None,
    machine: float = 1.0,
) -> Run:
    """Return a run in which every benchmark takes about a millisecond, some of them longer."""
    values = {
        name: 1e-3 * machine * (slower or {}).get(at, 1.0) * math.exp(rng.normal(0.0, noise))
        for at, name in enumerate(NAMES)
    }
    return Run(
        commit, "vm", {name: Point(name, value, 0.01, 10, 1.0) for name, value in values.items()}
    )


def test_a_slowdown_is_found_on_a_machine_that_became_slower() -> None:
    rng = np.random.default_rng(0)
    repeats = [run("a", rng) for _ in range(4)]
    before, after = run("b", rng), run("c", rng, slower={3: 1.3, 7: 0.7}, machine=1.5)
    assert drift(before, after) == pytest.approx(math.log(1.5), abs=0.02)
    found = alarms(changes(before, after, Noise.estimate([repeats], "repeats")))
    assert [change.name for change in found] == [NAMES[3]]
    assert found[0].ratio == pytest.approx(1.3, rel=0.1)
    assert found[0].confidence > 0.999
    assert found[0].package == "mt-nn"
    # Without the other frameworks, the slow machine makes every benchmark slower.
    first, second = (
        Run(one.commit, "vm", {name: one.points[name] for name in NAMES[:40]})
        for one in (before, after)
    )
    assert len(alarms(changes(first, second, Noise.estimate([repeats], "repeats")))) > 30


@pytest.mark.parametrize("noise", [0.005, 0.05])
def test_repeated_runs_of_one_commit_rarely_raise_alarms(noise: float) -> None:
    rng = np.random.default_rng(1)
    groups = [[run(commit, rng, noise) for _ in range(4)] for commit in "abcdefgh"]
    found = false_alarms(groups)
    assert (found.pairs, found.judged) == (24, 24 * 40)
    assert found.alarms <= 2
    # A slow run among the repeats is a false alarm, because the code is the same.
    spoilt = [*groups, [groups[0][0], run("a", rng, noise, dict.fromkeys(range(5), 2.0))]]
    assert false_alarms(spoilt).alarms >= 5


def test_a_noisy_benchmark_needs_a_larger_slowdown() -> None:
    rng = np.random.default_rng(2)
    repeats = [run("a", rng) for _ in range(12)]
    for one in repeats:
        noisy = one.points[NAMES[0]]
        one.points[NAMES[0]] = Point(NAMES[0], noisy.value * math.exp(rng.normal(0, 0.5)), 0, 1, 0)
    noise = Noise.estimate([repeats], "repeats")
    assert noise.of(NAMES[0], 0.0)[0] > 5 * noise.of(NAMES[1], 0.0)[0]
    assert noise.of(NAMES[1], 0.0)[0] == pytest.approx(0.02, rel=0.4)
    # A benchmark without runs has the deviation of a typical one, or that of its samples.
    assert noise.of(("new",), 0.0)[0] == pytest.approx(noise.common)
    assert noise.of(("new",), 0.9)[0] == pytest.approx(0.3)


@pytest.mark.parametrize(
    ("t", "degrees", "probability"),
    # From a table of quantiles of Student's t.
    [
        (2.132, 4, 0.95),
        (3.747, 4, 0.99),
        (2.228, 10, 0.975),
        (3.169, 10, 0.995),
        (2.042, 30, 0.975),
    ],
)
def test_the_distribution_of_student(t: float, degrees: int, probability: float) -> None:
    assert student(t, degrees) == pytest.approx(probability, abs=5e-4)
    assert student(-t, degrees) == pytest.approx(1.0 - probability, abs=5e-4)


@given(st.lists(st.floats(0.0, 1.0), min_size=1, max_size=30))
def test_the_procedure_of_benjamini_and_hochberg(confidences: list[float]) -> None:
    from asv_benchmarks.regressions.judging import FALSE_DISCOVERIES, Change

    judged = [
        Change((str(at),), "a", "b", 2.0, confidence, (0.0, 0.0), (None, None))
        for at, confidence in enumerate(confidences)
    ]
    p = np.sort([1.0 - confidence for confidence in confidences])
    passing = np.flatnonzero(p <= FALSE_DISCOVERIES * np.arange(1, len(p) + 1) / len(p))
    expected = passing[-1] + 1 if passing.size else 0
    assert len(alarms(judged)) == expected


def write_asv(folder: Path, commit: str, values: list[float | None]) -> None:
    """Write results of one commit as asv does."""
    machine = {"machine": "vm", "cpu": "P", "version": 1}
    (folder / "vm").mkdir(parents=True, exist_ok=True)
    (folder / "vm" / "machine.json").write_text(json.dumps(machine), "utf-8")
    columns = [
        "result",
        "params",
        "started_at",
        "duration",
        "stats_q_25",
        "stats_q_75",
        "stats_repeat",
    ]
    params = [["'tuned'", "'fast'", "'numpy'"]]
    quarters = [[value and factor * value for value in values] for factor in (0.9, 1.1)]
    content = {
        "commit_hash": commit,
        "env_name": "e",
        "date": 0,
        "params": machine,
        "python": "3.11",
        "requirements": {},
        "env_vars": {},
        "result_columns": columns,
        "results": {
            "training.Steps.time_step": [values, params, 100_000, 20.0, *quarters, [9] * 3]
        },
        "durations": {},
        "version": 2,
    }
    (folder / "vm" / f"{commit[:8]}-e.json").write_text(json.dumps(content), "utf-8")


def test_points_are_read_with_spread_load_and_machine(tmp_path: Path) -> None:
    write_asv(tmp_path, "c" * 40, [2.0, None, 4.0])
    lines = [[90.0, 9.0], [101.0, 1.0], [119.0, 3.0], [130.0, 9.0]]
    (tmp_path / LOADS).write_text("\n".join(map(json.dumps, lines)), "utf-8")
    (found,) = read_runs(tmp_path)
    assert (found.commit, found.machine) == ("c" * 40, "vm: P, e")
    # The second value failed.
    assert {name[1] for name in found.points} == {"tuned", "numpy"}
    point = found.points["training.Steps.time_step", "tuned"]
    assert (point.value, point.samples, point.load) == (2.0, 9, 2.0)
    assert point.spread == pytest.approx(0.1)
    assert read_runs(tmp_path / "none") == []


@pytest.fixture
def repository(tmp_path: Path) -> tuple[Path, list[str]]:
    """Return a repository of three commits; the second one changes a package."""
    root = tmp_path / "repository"
    (root / "packages" / "mt-nn").mkdir(parents=True)

    def git(*arguments: str) -> str:
        settings = ("-c", "user.name=N", "-c", "user.email=e@example.org")
        done = subprocess.run(
            ["git", *settings, *arguments], cwd=root, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    git("init", "-q")
    commits = []
    for number, file in enumerate(("a.md", "packages/mt-nn/b.py", "c.md")):
        (root / file).write_text(str(number), "utf-8")
        git("add", "-A")
        git("commit", "-qm", "x")
        commits.append(git("rev-parse", "HEAD"))
    return root, commits


def test_runs_are_ordered_by_commit(repository: tuple[Path, list[str]]) -> None:
    root, commits = repository
    runs = [Run(commit, "vm", {}) for commit in (commits[2], commits[0], "f" * 40, commits[1])]
    assert [one.commit for one in in_order(runs, root)] == commits
    assert points.packages_changed(commits[0], commits[1], root) == ["mt-nn"]
    assert points.packages_changed(commits[1], commits[2], root) == []


def test_the_command_lists_slowdowns_and_has_exit_code_1(
    repository: tuple[Path, list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, commits = repository
    results, repeats = tmp_path / "results", tmp_path / "repeats"
    for commit, ours in zip(commits, (1.0, 1.001, 1.002), strict=True):
        write_asv(results, commit, [ours, 5.0, 2.0])
    for number, ours in enumerate((1.0, 1.002, 0.999, 1.001)):
        write_asv(repeats / str(number), commits[0], [ours, 5.0, 2.0])
    monkeypatch.setattr(points, "RESULTS", results)
    monkeypatch.setattr(points, "REPEATS", repeats)
    for name in ("in_order", "packages_changed"):
        original = getattr(points, name)
        monkeypatch.setattr(
            points, name, lambda *args, original=original: original(*args, repository=root)
        )
    quiet = CliRunner().invoke(command.main, ["--ratios", "--points"])
    assert quiet.exit_code == 0, quiet.output
    assert "False alarms: 0 of 6 benchmarks" in quiet.output
    assert "Noise from 4 repeated runs" in quiet.output
    write_asv(results, commits[1], [1.8, 5.0, 2.0])
    write_asv(results, commits[2], [1.8, 5.0, 2.0])
    found = CliRunner().invoke(command.main, ["--json"])
    assert found.exit_code == 1
    report = json.loads(found.output)
    first, second = report["steps"]
    (slower,) = first["slower"]
    assert slower["name"] == ["training.Steps.time_step", "tuned"]
    assert slower["ratio"] == pytest.approx(1.8)
    assert (slower["before"], slower["after"]) == (commits[0], commits[1])
    assert (slower["package"], first["packages"]) == ("mt-nn", ["mt-nn"])
    assert second["slower"] == []
    (ratio,) = (one for one in report["ratios"] if one["ours"][1] == "tuned")
    assert [value for _, value in ratio["by_commit"]] == pytest.approx([2.0, 2 / 1.8, 2 / 1.8])
    text = CliRunner().invoke(command.main, [])
    assert text.exit_code == 1
    assert "80.0%" in text.output


def test_without_results_the_command_names_the_command_to_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(points, "RESULTS", tmp_path)
    result = CliRunner().invoke(command.main, [])
    assert result.exit_code == 1
    assert "hatch run bench-commits" in result.output
