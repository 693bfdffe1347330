"""Training on several processes: results, faults, and what the command prints."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mt_models.cli.ranks import FOLDER
from mt_nn import load_checkpoint

pytestmark = pytest.mark.mpi

SMALL = {
    "mnist": ["--train-size", "90", "--validation-size", "40", "--batch-size", "20"],
    "sentiment": [
        *("--train-size", "60", "--validation-size", "40", "--batch-size", "25", "--trainable")
    ],
    "text": [
        *("--width", "16", "--heads", "2", "--layers", "1", "--context", "8", "--dropout", "0.1"),
        *("--epoch-size", "30", "--warmup", "2"),
    ],
    "points": ["--n", "23", "--hidden", "3"],
}


def run(*words: str, cwd: Path, **options: Any) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mt_models", *words]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=120, **options)


def train(problem: str, *words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    # Double precision, so that only rounding differs.
    common = ["--dtype", "float64", "--epochs", "2"]
    return run("train", problem, *SMALL[problem], *common, *words, cwd=cwd)


def records(folder: Path) -> list[dict[str, Any]]:
    (log,) = folder.glob("*.jsonl")
    return [json.loads(line) for line in log.read_text("utf-8").splitlines()]


@pytest.mark.parametrize("problem", SMALL)
def test_two_ranks_give_the_result_of_one_process(problem: str, tmp_path: Path) -> None:
    alone = train(problem, "--out", "alone", cwd=tmp_path)
    both = train(problem, "--out", "both", "--ranks", "2", cwd=tmp_path)
    assert alone.returncode == 0, alone.stderr
    assert both.returncode == 0, both.stderr
    assert "2 ranks, each on its part of every batch" in both.stdout
    assert both.stdout.count("last epoch 2") == 1
    for mine, theirs in zip(records(tmp_path / "both"), records(tmp_path / "alone"), strict=True):
        for key in ("train_loss", "train_accuracy", "validation_loss"):
            assert mine[key] == pytest.approx(theirs[key], rel=1e-9), key
        for key in ("validation_right", "validation_total", "first_right"):
            assert mine[key] == theirs[key], key
    states = [load_checkpoint(tmp_path / name / "last.safetensors") for name in ("both", "alone")]
    assert states[0].generators == states[1].generators
    for name, array in states[1].model.items():
        np.testing.assert_allclose(states[0].model[name], array, rtol=1e-6, atol=1e-9)


def test_mpiexec_starts_the_ranks_and_one_resumes(tmp_path: Path) -> None:
    mpiexec = str(Path(sys.executable).parent / "mpiexec")
    words = ["train", "points", *SMALL["points"], "--dtype", "float64", "--seed", "4"]
    program = [sys.executable, "-m", "mt_models", *words, "--out", "run", "--epochs", "3"]
    started = subprocess.run(
        [mpiexec, "-n", "3", *program], cwd=tmp_path, capture_output=True, text=True, timeout=120
    )
    assert started.returncode == 0, started.stderr
    resumed = run("train", "points", "--resume", "--out", "run", "--epochs", "5", cwd=tmp_path)
    assert resumed.returncode == 0, resumed.stderr
    alone = run(*words, "--out", "alone", "--epochs", "5", cwd=tmp_path)
    assert alone.returncode == 0, alone.stderr
    for mine, theirs in zip(records(tmp_path / "run"), records(tmp_path / "alone"), strict=True):
        assert mine["train_loss"] == pytest.approx(theirs["train_loss"], rel=1e-9)
        assert mine["validation_right"] == theirs["validation_right"]


class Long:
    """A long run on three ranks, whose processes a test disturbs."""

    POINTS = ("train", "points", "--n", "200", "--hidden", "4", "--dtype", "float64")

    def __init__(self, cwd: Path, *words: str, ranks: int = 3) -> None:
        command = [sys.executable, "-m", "mt_models", *self.POINTS, "--out", "run", *words]
        self.process = subprocess.Popen(
            [*command, "--ranks", str(ranks)],
            cwd=cwd,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, "TMPDIR": str(cwd)},
        )
        log = cwd / "run" / "points.jsonl"
        while not log.exists() or log.read_text("utf-8").count("\n") < 3:
            assert self.process.poll() is None
            time.sleep(0.05)
        (folder,) = cwd.glob("minitorch-ranks-*")
        self.processes = [
            int((folder / f"rank-{rank}").read_text("utf-8")) for rank in range(ranks)
        ]

    def end(self, seconds: float) -> tuple[str, float]:
        begin = time.monotonic()
        output, errors = self.process.communicate(timeout=seconds)
        return output + errors, time.monotonic() - begin

    def are_gone(self) -> bool:
        """Return whether no rank is left; the system removes killed processes a little later."""
        for _ in range(50):
            if not any(Path(f"/proc/{process}").exists() for process in self.processes):
                return True
            time.sleep(0.1)
        return False


@pytest.mark.parametrize("rank", [0, 1, 2])
def test_a_killed_rank_ends_all_and_the_run_resumes(rank: int, tmp_path: Path) -> None:
    long = Long(tmp_path, "--epochs", "100000")
    os.kill(long.processes[rank], signal.SIGKILL)
    text, seconds = long.end(20.0)
    assert seconds < 10.0
    assert long.process.returncode not in (0, None)
    assert f"Error: rank {rank} (process {long.processes[rank]}) ended early" in text
    assert "train points --resume --out run --ranks 3" in text
    assert long.are_gone()
    done = load_checkpoint(tmp_path / "run" / "last.safetensors").step
    resumed = run(
        *("train", "points", "--resume", "--out", "run", "--epochs", str(done + 2)),
        *("--ranks", "2"),
        cwd=tmp_path,
    )
    assert resumed.returncode == 0, resumed.stderr
    alone = run(*Long.POINTS, "--out", "alone", "--epochs", str(done + 2), cwd=tmp_path)
    assert alone.returncode == 0, alone.stderr
    mine, theirs = records(tmp_path / "run")[-1], records(tmp_path / "alone")[-1]
    assert mine["train_loss"] == pytest.approx(theirs["train_loss"], rel=1e-6)


def test_a_rank_that_hangs_is_found(tmp_path: Path) -> None:
    long = Long(tmp_path, "--epochs", "100000", "--rank-limit", "2")
    os.kill(long.processes[1], signal.SIGSTOP)
    text, seconds = long.end(20.0)
    assert 2.0 < seconds < 12.0
    assert long.process.returncode not in (0, None)
    assert "rank 1 did not take part in all_reduce number" in text
    assert long.are_gone()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_all_ranks_after_the_same_step(number: int, tmp_path: Path) -> None:
    long = Long(tmp_path, "--epochs", "100000")
    long.process.send_signal(number)
    text, _ = long.end(20.0)
    assert long.process.returncode == 128 + number
    assert "Stopped in epoch" in text
    assert "train points --resume --out run --ranks 3" in text
    assert "ended early" not in text
    assert long.are_gone()


def test_an_error_is_printed_once(tmp_path: Path) -> None:
    result = run("train", "points", "--n", "5", "--batch-size", "9", "--ranks", "3", cwd=tmp_path)
    assert result.returncode == 2
    assert result.stderr.count("--batch-size is 9, and there are 5 training examples") == 1
    assert "ended early" not in result.stderr
    assert not (tmp_path / "runs").exists()


def test_other_data_on_one_rank_are_refused(tmp_path: Path) -> None:
    for rank in (0, 1):
        text = "to be or not to be, that is the question " * 30
        (tmp_path / f"{rank}.txt").write_text(text + "abc"[rank])
    # A shell gives each rank its own file.
    script = (
        f"cp $PMI_RANK.txt own-$PMI_RANK.txt; exec {sys.executable} -m mt_models train text "
        f"--data own-$PMI_RANK.txt --width 8 --heads 1 --layers 1 --context 4 --out run"
    )
    mpiexec = str(Path(sys.executable).parent / "mpiexec")
    environment = {name: value for name, value in os.environ.items() if name != FOLDER}
    result = subprocess.run(
        [mpiexec, "-n", "2", "sh", "-c", script],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        env=environment,
    )
    assert result.returncode != 0
    assert "rank 1 differs from rank 0 in: the validation text" in result.stderr
    assert not (tmp_path / "run").exists()
