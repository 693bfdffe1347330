"""Every benchmark runs; its speed is not tested.

Benchmarks run in a separate process, because importing them sets the number of threads.
"""

import json
import os
import platform
import re
import subprocess
import sys
from pathlib import Path

import pytest

from asv_benchmarks import run_asv
from asv_benchmarks.conditions import environment
from asv_benchmarks.regressions.points import LOADS
from tools.workspace import ROOT, read_packages

# One benchmark of each class, with little compilation.
SOME = [
    r"ops\.Catalogue\.\w+ (add|matmul) fast small",
    r"ops\.Specification",
    r"kernels\.Kernels\S+ matmul-64 (fast|numpy|jax)",
    r"grading\.\S+ matmul (fast|numpy)",
    r"training\.Engine",
    r"starting\.Import\S+ (numpy|mt_tensor)",
]
ALL = [
    # The benchmark with gradients includes the one without.
    r"ops\.Catalogue\.time_forward_and_backward",
    r"kernels",
    r"grading",
    r"training\.Steps",
    # These have the same networks as the steps.
    r"training\.Memory\.\w+ step-course-16|training\.Engine",
    r"starting\.Import|starting\.FirstStep\.\w+ course-16 tuned",
    r"accuracy\.Accuracy\.\w+ tuned",
]


def try_out(pattern: str) -> list[str]:
    """Run benchmarks and return the line of output about each."""
    done = subprocess.run(
        [sys.executable, "-m", "asv_benchmarks.try_out", pattern],
        cwd=ROOT,
        env=environment(1),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return [line for line in done.stdout.splitlines() if line.startswith(("ran", "skipped"))]


def test_a_benchmark_of_each_class_runs() -> None:
    lines = try_out("|".join(SOME))
    assert sum(line.startswith("ran") for line in lines) >= 50
    absent = [line for line in lines if line.startswith("skipped")]
    assert all("is not installed" in line or "has no" in line for line in absent)


@pytest.mark.slow
@pytest.mark.parametrize("pattern", ALL)
def test_all_benchmarks_run(pattern: str) -> None:
    assert any(line.startswith("ran") for line in try_out(pattern))


def test_asv_installs_what_the_packages_need() -> None:
    text = re.sub(r"^\s*//.*$", "", (ROOT / "asv.conf.json").read_text("utf-8"), flags=re.M)
    settings = json.loads(text)
    packages = {package.name: package for package in read_packages()}
    (command,) = settings["install_command"]
    installed = {word for word in command.split() if word in packages}
    (build,) = settings["build_command"]
    assert {Path(word).name for word in build.split() if "packages/" in word} == installed
    needed = set().union(*(packages[name].requires for name in installed))
    assert needed & set(packages) <= installed
    # The wheels are built in the same environment.
    assert set(settings["matrix"]["req"]) - {"hatchling"} == needed - set(packages)


def test_a_timed_step_is_a_replayed_one() -> None:
    """asv prepares the benchmark again before each sample, whose first call must be typical."""
    program = """
import time
from asv_benchmarks.benchmarks.training import Steps

def seconds():
    begin = time.process_time()
    steps.time_step("step-course-16", "tuned")
    return time.process_time() - begin

first = []
for _ in range(3):
    steps = Steps()
    steps.setup("step-course-16", "tuned")
    first.append(seconds())
print(min(first) / sorted(seconds() for _ in range(20))[10])
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env=environment(1),
        capture_output=True,
        text=True,
    )
    # Recording a step takes twenty times as long as a replay.
    assert float(done.stdout) < 5.0, done.stderr


def test_an_import_of_the_benchmarks_leaves_the_environment_alone() -> None:
    """The tests import benchmarks, and numba refuses another number of threads afterwards."""
    program = """
import os
before = dict(os.environ)
from asv_benchmarks.try_out import all_benchmarks
assert list(all_benchmarks()) and dict(os.environ) == before
"""
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True)


def test_an_unknown_benchmark_is_a_failure() -> None:
    with pytest.raises(AssertionError, match="0 benchmarks"):
        try_out("no such benchmark")


def test_asv_starts_with_the_threads_of_the_benchmarks(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """asv imports NumPy before a benchmark can set the number of threads."""
    (tmp_path / "asv.py").write_text(
        "import os, sys; sys.exit(int(os.environ['OPENBLAS_NUM_THREADS']) * len(sys.argv[1:]))"
    )
    monkeypatch.setenv("BENCH_THREADS", "3")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    assert run_asv.main(["run", "--quick"]) == 6


FAKE_ASV = """
import json, pathlib, sys
arguments = sys.argv[1:]
calls = pathlib.Path(__file__).with_name("calls.jsonl")
config = {}
if "--config" in arguments:
    config = json.loads(pathlib.Path(arguments[arguments.index("--config") + 1]).read_text())
with calls.open("a") as file:
    print(json.dumps([arguments, config]), file=file)
if arguments[0] == "machine":
    pathlib.Path(__file__).with_name("machine.json").write_text(json.dumps({NODE: {}}))
"""


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Replace asv by a program that writes its arguments and configuration to a file."""
    text = FAKE_ASV.replace("NODE", repr(platform.node()))
    (tmp_path / "asv.py").write_text(text, "utf-8")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setattr(run_asv, "MACHINES", tmp_path / "machine.json")
    monkeypatch.setattr(run_asv, "REPEATS", tmp_path / "repeats")
    monkeypatch.setattr(run_asv, "RESULTS", tmp_path / "results")
    return tmp_path / "calls.jsonl"


def test_the_machine_is_described_once(calls: Path) -> None:
    for _ in range(2):
        assert run_asv.main(["compare", "A", "B"]) == 0
    lines = [json.loads(line)[0] for line in calls.read_text("utf-8").splitlines()]
    assert lines == [["machine", "--yes"], ["compare", "A", "B"], ["compare", "A", "B"]]


def test_every_repeat_has_its_own_results(calls: Path, tmp_path: Path) -> None:
    assert run_asv.main(["repeat", "two", "HEAD"]) == run_asv.main(["repeat", "2"]) == 2
    assert run_asv.main(["repeat", "2", "HEAD", "--bench", "x"]) == 0
    assert run_asv.main(["repeat", "1", "HEAD"]) == 0
    runs = [json.loads(line) for line in calls.read_text("utf-8").splitlines()][1:]
    folders = [Path(config["results_dir"]) for _, config in runs]
    assert folders == [tmp_path / "repeats" / str(number) for number in (1, 2, 3)]
    assert runs[0][0][3:] == ["--bench", "x", "HEAD^!"]
    assert all(Path(config["env_dir"]).is_absolute() for _, config in runs)
    # The load average is recorded beside the results.
    for folder in folders:
        first, *_ = (folder / LOADS).read_text("utf-8").splitlines()
        assert len(json.loads(first)) == 2
