"""The command line."""

from __future__ import annotations

import importlib
import json
import os
import re
import shlex
import signal
from collections.abc import Callable
from pathlib import Path
from unittest.mock import MagicMock

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image

from mt_models.cli import main
from mt_models.datasets import Sst2Split, load_mnist_split, load_sst2_split
from mt_models.prediction import Prediction
from mt_models.training import LineDisplay, Progress
from mt_nn import Linear, load_checkpoint, save_checkpoint

Run = Callable[..., Result]

POINTS = ["train", "points", "--backend", "reference", "--n", "12", "--hidden", "3"]
SMALL_MNIST = [
    *("train", "mnist", "--train-size", "48", "--validation-size", "40"),
    *("--epochs", "2", "--batch-size", "20", "--out", "run"),
]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def invoke(*args: str) -> Result:
        return CliRunner().invoke(main, args, prog_name="mt_models")

    return invoke


@pytest.mark.parametrize(
    "command", [[], ["train"], ["train", "mnist"], ["train", "sentiment"], ["train", "points"]]
)
def test_help(run: Run, command: list[str]) -> None:
    result = run(*command, "--help")
    assert result.exit_code == 0
    assert len(result.output) > 200


def test_points_leave_logs_checkpoints_and_pictures(run: Run) -> None:
    result = run(*POINTS, "--epochs", "3")
    assert result.exit_code == 0, result.output
    folder = Path("runs/points-1")
    names = {path.name for path in folder.iterdir()}
    expected = {"last.safetensors", "best.safetensors", "points.txt", "points.jsonl"}
    assert names - {".lock"} == expected | {"curves.png", "confusion.png", "regions.png"}
    assert len((folder / "points.jsonl").read_text().splitlines()) == 3
    assert "validation accuracy" in result.output
    assert run(*POINTS, "--epochs", "1").exit_code == 0
    assert Path("runs/points-2").is_dir()


def test_points_on_scalars(run: Run) -> None:
    result = run("train", "points", "--n", "12", "--model", "scalar", "--epochs", "2")
    assert result.exit_code == 0, result.output
    assert "backend" not in result.output
    result = run(*POINTS, "--model", "scalar")
    assert result.exit_code == 2
    assert "--model scalar and --backend exclude each other" in result.output


def test_resume_with_more_epochs(run: Run) -> None:
    run(*POINTS, "--epochs", "2", "--out", "short")
    result = run("train", "points", "--resume", "--out", "short", "--epochs", "4")
    assert result.exit_code == 0, result.output
    run(*POINTS, "--epochs", "4", "--out", "long")
    texts = [Path(name, "points.txt").read_text() for name in ("short", "long")]
    assert texts[0] == texts[1]


def test_resume_without_a_folder_continues_the_latest_run(run: Run) -> None:
    run(*POINTS, "--epochs", "1")
    run(*POINTS, "--epochs", "1", "--seed", "7")
    result = run("train", "points", "--resume", "--epochs", "2")
    assert result.exit_code == 0, result.output
    assert load_checkpoint("runs/points-2/last.safetensors").step == 2
    assert load_checkpoint("runs/points-1/last.safetensors").step == 1


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["train", "points", "--resume"], "no run of points"),
        (["train", "points", "--resume", "--out", "nowhere"], "cannot be resumed"),
        (["train", "points", "--epochs", "0"], "0"),
        (["train", "points", "--lr", "0"], "lr"),
        (["train", "mnist", "--backend", "abacus"], "abacus"),
        (["train", "mnist", "--data", "nowhere"], "nowhere"),
        (["predict", "nowhere", "x"], "nowhere"),
        (["trian"], "trian"),
        (["train", "mnist", "--train-size", "99999"], "--train-size) is 99,999, and the data have"),
        (["train", "mnist", "--validation-size", "10001"], "pass at most 10000, or leave it out"),
        ([*POINTS, "--batch-size", "100000"], "--batch-size is 100,000, and there are 12 training"),
    ],
)
def test_usage_errors_name_the_argument(run: Run, args: list[str], message: str) -> None:
    result = run(*args)
    assert result.exit_code in (1, 2)
    assert message in result.output
    assert "Traceback" not in result.output
    assert not Path("runs").exists()


def test_a_resumed_run_keeps_its_options(run: Run) -> None:
    run(*POINTS, "--epochs", "1", "--out", "run")
    result = run("train", "points", "--resume", "--out", "run", "--lr", "0.7")
    assert result.exit_code == 2
    assert "lr = 0.1, not 0.7" in result.output
    result = run("train", "mnist", "--resume", "--out", "run")
    assert result.exit_code == 2
    assert "contains a run of points" in result.output


def test_a_run_is_never_overwritten(run: Run) -> None:
    run(*POINTS, "--epochs", "1", "--out", "run")
    before = Path("run/last.safetensors").read_bytes()
    result = run(*POINTS, "--epochs", "1", "--out", "run")
    assert result.exit_code == 2
    assert "--resume" in result.output
    assert Path("run/last.safetensors").read_bytes() == before


@pytest.mark.parametrize(
    ("lr", "reason"), [("1e200", "the loss is nan"), ("1000", "the loss explodes: it is ")]
)
def test_divergence_prints_a_message(run: Run, lr: str, reason: str) -> None:
    result = run("train", "points", "--backend", "reference", "--lr", lr, "--epochs", "5")
    assert result.exit_code == 1
    assert reason in result.output
    assert "lower the learning rate (--lr)" in result.output


def test_a_damaged_checkpoint_prints_a_message(run: Run) -> None:
    run(*POINTS, "--epochs", "1", "--out", "run")
    path = Path("run/last.safetensors")
    path.write_bytes(path.read_bytes()[:-40])
    result = run("train", "points", "--resume", "--out", "run")
    assert result.exit_code == 1
    assert "last.safetensors" in result.output
    assert "Traceback" not in result.output


def test_digits_from_training_to_prediction(run: Run) -> None:
    result = run(*SMALL_MNIST)
    assert result.exit_code == 0, result.output
    assert re.search(r"Epoch 2 loss \d+\.\d{4} valid acc \d+/16 \(\d+/40 = ", result.output)
    names = {path.name for path in Path("run").glob("*.png")}
    assert names == {"curves.png", "confusion.png", "filters.png", "hidden.png", "errors.png"}
    for name in names:
        with Image.open(Path("run") / name) as picture:
            assert min(picture.size) > 100
    record = json.loads(Path("run/mnist.jsonl").read_text().splitlines()[-1])
    assert record["validation_total"] == 40

    images, _ = load_mnist_split("test")
    Image.fromarray(images[0]).resize((90, 90)).save("digit.png")
    result = run("predict", "run", "digit.png")
    assert result.exit_code == 0, result.output
    assert result.output.splitlines()[0].strip() in set("0123456789")
    assert result.output.count("%") == 10
    result = run("predict", "run/last.safetensors", "missing.png")
    assert result.exit_code == 1
    assert "missing.png" in result.output


def test_sentiment_from_training_to_prediction(run: Run) -> None:
    splits: dict[str, Sst2Split] = {"train-sentences": "sentences", "dev": "dev", "test": "test"}
    for name, split in splits.items():
        sentences = load_sst2_split(split)
        rows = zip(sentences.texts[:20], sentences.labels[:20], strict=True)
        text = "".join(f"{text}\t{label}\n" for text, label in rows)
        Path(f"{name}.tsv").write_text(f"sentence\tlabel\n{text}", encoding="utf-8")
    result = run(
        *("train", "sentiment", "--data", ".", "--validation-size", "10"),
        *("--epochs", "1", "--batch-size", "10", "--out", "run"),
    )
    assert result.exit_code == 0, result.output
    assert "test split, at the best epoch 1" in result.output
    assert Path("run/errors.png").exists() or "100.00%" in result.output
    result = run("predict", "run", "A film that zzyzx will never forget!")
    assert result.exit_code == 0, result.output
    assert result.output.splitlines()[0].strip() in ("negative", "positive")
    assert "unknown words: zzyzx" in result.output
    result = run("predict", "run", "  ")
    assert result.exit_code == 1
    assert "empty" in result.output


def test_ctrl_c_saves_and_prints_the_command_to_resume(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = LineDisplay.on_step

    def interrupted(self: LineDisplay, progress: Progress) -> None:
        original(self, progress)
        if len(progress.records) == 1:
            os.kill(os.getpid(), signal.SIGINT)

    folder = "my [/runs] :x: 1"
    with monkeypatch.context() as patch:
        patch.setattr(LineDisplay, "on_step", interrupted)
        result = run(*POINTS, "--epochs", "3", "--batch-size", "5", "--out", folder)
    assert result.exit_code == 130, result.output
    assert "Stopped in epoch 2" in result.output
    assert "press Ctrl-C again to stop at once" in result.stderr
    program, *words = shlex.split(result.stdout.splitlines()[-1])
    assert program == "mt_models"
    assert words == ["train", "points", "--resume", "--out", folder]

    result = run(*words, "--epochs", "1")
    assert result.exit_code == 2
    assert "in the middle of epoch 2" in result.output
    result = run(*words)
    assert result.exit_code == 0, result.output
    # The time of epoch 2 contains what the first process compiled.
    epochs = [line for line in result.stdout.splitlines() if line.startswith("Epoch")]
    assert [line.endswith("examples/s]") for line in epochs] == [False, True]
    run(*POINTS, "--epochs", "3", "--batch-size", "5", "--out", "undisturbed")
    assert Path(folder, "points.txt").read_text() == Path("undisturbed/points.txt").read_text()


def test_resuming_a_finished_run_changes_nothing(run: Run) -> None:
    run(*POINTS, "--epochs", "2", "--out", "run")
    files = [path for path in Path("run").iterdir() if path.suffix != ".png"]
    before = [path.read_bytes() for path in files]
    result = run("train", "points", "--resume", "--out", "run")
    assert result.exit_code == 0, result.output
    assert "last epoch 2" in result.output
    assert [path.read_bytes() for path in files] == before


def test_an_error_in_building_leaves_no_folder(run: Run) -> None:
    Path("empty").mkdir()
    result = run("train", "mnist", "--data", "empty")
    assert result.exit_code == 1
    assert not Path("runs").exists()


def test_a_checkpoint_of_another_program_prints_a_message(run: Run) -> None:
    save_checkpoint("last.safetensors", model=Linear(2, 1, rng=0))
    for args in (["predict", ".", "x"], ["train", "points", "--resume", "--out", "."]):
        result = run(*args)
        assert result.exit_code == 1
        assert "not a run of the command `train`" in result.output


@pytest.mark.parametrize("other", [["--data", "."], ["--train-set", "phrases"]])
def test_the_hub_excludes_other_data(run: Run, other: list[str]) -> None:
    result = run("train", "sentiment", "--hub", "nowhere", *other)
    assert result.exit_code == 2
    assert "exclude each other" in result.output


def test_output_on_terminals_without_unicode(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prediction = Prediction(("no", "yes"), np.array([0.25, 0.75]), ("café",))
    # The command hides the module of its name.
    module = importlib.import_module("mt_models.cli.predict")
    network = MagicMock(classes=prediction.classes, return_value=prediction)
    monkeypatch.setattr(module, "load_predictor", lambda *_: network)
    result = CliRunner(charset="ascii").invoke(main, ["predict", str(tmp_path), "x"])
    assert result.exit_code == 0, result.output
    assert "75.00%  ####" in result.output
    assert r"caf\xe9" in result.output
