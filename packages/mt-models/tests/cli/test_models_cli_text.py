"""The commands on language models: train, generate, predict, evaluate, runs."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from mt_models.cli import main
from mt_models.prediction import PRETRAINED_TEXT, load_language_model
from mt_models.problems import TextEvaluation
from mt_nn import load_checkpoint

Run = Callable[..., Result]

BOOK = "The cat sat on the mat. The dog sat on the log.\n" * 8
TRAIN = [
    *("train", "text", "--width", "8", "--heads", "2", "--layers", "1", "--context", "8"),
    *("--epoch-size", "24", "--epochs", "2"),
]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command in a folder with a text."""
    monkeypatch.chdir(tmp_path)
    Path("book.txt").write_text(BOOK)

    def invoke(*args: str, input: str | None = None) -> Result:
        return CliRunner().invoke(main, args, prog_name="mt_models", input=input)

    return invoke


@pytest.fixture(scope="module")
def finished_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Train a network once."""
    folder = tmp_path_factory.mktemp("finished")
    (folder / "book.txt").write_text(BOOK)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        result = CliRunner().invoke(main, [*TRAIN, "--data", "book.txt"])
    assert result.exit_code == 0, result.output
    return folder / "runs"


@pytest.fixture
def trained(run: Run, finished_run: Path) -> Run:
    """Run a command in a folder with a finished run."""
    shutil.copytree(finished_run, "runs")
    return run


def test_a_run_leaves_logs_samples_and_pictures(trained: Run) -> None:
    folder = Path("runs/text-1")
    names = {path.name for path in folder.iterdir()} - {".lock"}
    files = {"text.txt", "text.jsonl", "samples.txt", "curves.png", "attention.png"}
    assert names == files | {"last.safetensors", "best.safetensors"}
    log = (folder / "text.txt").read_text()
    assert "24 random sequences of 8 characters in an epoch, 345 training and 39 valid" in log
    assert "gradients clipped at 1, seed 0" in log
    record = json.loads((folder / "text.jsonl").read_text().splitlines()[-1])
    assert f"validation loss {record['validation_loss']:.4f}, accuracy" in log
    assert record["validation_total"] == 38
    assert (folder / "samples.txt").read_text().count("temperature") == 3
    listed = trained("runs").output
    assert f"loss {record['validation_loss']:.4f} (2)" in listed
    assert trained("runs", "delete", "text-1", "--yes").exit_code == 0
    assert not folder.exists()


def test_generate_continues_a_prompt(trained: Run) -> None:
    args = ["generate", "The ", "--length", "30", "--seed", "1"]
    result = trained(*args)
    assert result.exit_code == 0, result.output
    assert "network: runs/text-1" in result.stderr
    assert result.stdout.startswith("The ")
    assert len(result.stdout) == len("The ") + 30 + 1
    assert trained(*args).stdout == result.stdout
    named = trained(*args, "--run", "runs/text-1")
    assert (named.stdout, named.stderr) == (result.stdout, "")
    for end in ("\n", "\r\n"):
        assert trained("generate", "-", *args[2:], input=f"The {end}").stdout == result.stdout
    stop = result.stdout[10:12]
    cut = trained(*args, "--stop", stop).stdout
    assert cut == result.stdout[: result.stdout.index(stop, 4)] + "\n"
    assert trained("generate", *args[2:]).exit_code == 0


def test_errors_name_a_solution(trained: Run) -> None:
    Path("short.txt").write_text("a")
    Path("empty.txt").write_text("")
    Path("latin.txt").write_bytes(b"\xfcber")
    points = ["train", "points", "--backend", "reference", "--n", "10", "--hidden", "2"]
    trained(*points, "--epochs", "1", "--out", "points")
    for args, message in (
        (["generate", "Ü"], "contains 'Ü', and the network knows only these"),
        (["generate", "a", "--run", "points"], "a run of points, which continues no text; train"),
        (["generate", "a", "--run", "nowhere"], "nowhere"),
        (["generate", "a", "--top-p", "0"], "top-p"),
        (["predict", "runs/text-1", ""], "the text is empty"),
        (["evaluate", "runs/text-1", "short.txt"], "has 1 token"),
        (["evaluate", "runs/text-1", "latin.txt"], "Save the file as UTF-8"),
        ([*TRAIN, "--data", "short.txt"], "pass a longer text, or a smaller --context"),
        ([*TRAIN, "--data", "empty.txt"], "contains no text"),
        ([*TRAIN, "--data", "latin.txt"], "line 1: byte 0xfc is not UTF-8"),
        ([*TRAIN, "--data", "."], "is a folder; pass one text file"),
        ([*TRAIN, "--vocabulary", "300"], "add --tokenizer bpe"),
        ([*TRAIN, "--data", "book.txt", "--heads", "3"], "is not a multiple of the 3 heads"),
    ):
        result = trained(*args)
        assert result.exit_code in (1, 2)
        assert message in " ".join(result.output.split())
        assert "Traceback" not in result.output


def test_predict_gives_the_next_character(trained: Run) -> None:
    result = trained("predict", "runs/text-1", "The cat", "--json", "--top", "3")
    probabilities = json.loads(result.output)["probabilities"]
    model = load_language_model("runs/text-1")
    logits = model.network(model.tokenizer.encode("The cat")[None][:, -8:]).to_numpy()[0, -1]
    expected = np.exp(logits.astype(np.float64))
    expected /= expected.sum()
    assert len(probabilities) == 3
    for token, probability in probabilities.items():
        at = model.tokenizer.tokens.index(token)
        assert probability == pytest.approx(expected[at], rel=1e-5)
    assert len(trained("predict", "runs/text-1", "The cat").output.splitlines()) == 12
    shown = trained("predict", "runs/text-1", "The cat", "--top", "16").output
    assert "␣" in shown
    assert "↵" in shown


def test_evaluate_gives_the_loss_of_a_text(trained: Run) -> None:
    start = int(0.9 * len(BOOK))
    Path("end.txt").write_text(BOOK[start:])
    values = json.loads(trained("evaluate", "runs/text-1", "end.txt", "--json").output)
    lines = Path("runs/text-1/text.jsonl").read_text().splitlines()
    losses = [json.loads(line)["validation_loss"] for line in lines]
    assert values["loss"] == pytest.approx(min(losses), rel=1e-6)
    assert values["tokens"] == 38
    text = trained("evaluate", "runs/text-1", "end.txt").output
    assert f"loss {values['loss']:.4f} per token" in text


@pytest.mark.parametrize(("loss", "in_json"), [(1000.0, 1000.0), (np.nan, None)])
def test_evaluate_of_a_diverged_network(
    trained: Run, monkeypatch: pytest.MonkeyPatch, loss: float, in_json: float | None
) -> None:
    tokens, labels = ("a", "b"), np.array([0])
    evaluation = TextEvaluation(loss, np.empty((0, 2)), labels, tokens, chosen=np.array([1]))
    monkeypatch.setattr("mt_models.cli.evaluate.judge", lambda *_, **__: evaluation)
    args = ("evaluate", "runs/text-1", "book.txt")
    assert trained(*args).exit_code == 0
    values = json.loads(trained(*args, "--json").output)
    assert (values["loss"], values["perplexity"]) == (in_json, None)


def test_a_resumed_run_equals_a_longer_one(trained: Run) -> None:
    result = trained("train", "text", "--resume", "--epochs", "3")
    assert result.exit_code == 0, result.output
    records = load_checkpoint("runs/text-1/last.safetensors").meta["progress"]["records"]
    assert [record["epoch"] for record in records] == [1, 2, 3]
    other = trained("train", "text", "--resume", "--out", "runs/text-1", "--clip", "2")
    assert "has clip = 1.0, not 2.0" in other.output


def test_byte_pairs_are_part_of_the_checkpoint(run: Run) -> None:
    result = run(*TRAIN, "--data", "book.txt", "--tokenizer", "bpe", "--vocabulary", "300")
    assert result.exit_code == 0, result.output
    Path("book.txt").unlink()
    text = run("generate", "The ", "--length", "10", "--seed", "0", "--stop", "cat")
    assert text.exit_code == 0, text.output
    assert text.stdout.startswith("The ")
    assert run("evaluate", "runs/text-1", "runs/text-1/samples.txt").exit_code == 0


def test_more_tokens_than_the_network_has_are_refused(run: Run) -> None:
    result = run("generate", "A", "--run", str(PRETRAINED_TEXT), "--top-k", "66")
    assert result.exit_code == 2
    assert "--top-k is 66, and the network has 65 tokens; pass at most 65" in result.output
