"""The command `runs`, the lock of a run, and the choice of the run to resume."""

from __future__ import annotations

import csv
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from mt_models.cli import main
from mt_models.runs import find_runs, read_run
from mt_models.training import RunInUseError, is_locked, run_lock
from mt_nn import load_checkpoint

Run = Callable[..., Result]

POINTS = ["train", "points", "--backend", "reference", "--n", "12", "--hidden", "3"]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def invoke(*args: str) -> Result:
        return CliRunner().invoke(main, args, prog_name="minitorch")

    return invoke


def test_runs_are_listed_compared_exported_and_deleted(run: Run) -> None:
    assert "contains no run; train one with `minitorch train mnist`" in run("runs").output
    run(*POINTS, "--epochs", "2")
    run(*POINTS, "--epochs", "3", "--lr", "0.2")

    listed = json.loads(run("runs", "list", "--json").stdout)
    assert [(each["folder"], each["state"]) for each in listed] == [
        ("runs/points-1", "finished"),
        ("runs/points-2", "finished"),
    ]
    assert len(listed[1]["epochs"]) == 3
    assert "points-2" in run("runs").output

    compared = json.loads(run("runs", "compare", "points-1", "points-2", "--json").stdout)
    assert compared["different_options"] == {"lr": [0.1, 0.2], "epochs": [2, 3]}
    text = run("runs", "compare", "points-1", "runs/points-2").output
    record = listed[1]["epochs"][2]
    accuracy = record["validation_right"] / record["validation_total"]
    assert f"loss {record['validation_loss']:.4f}, {accuracy:.2%}" in text

    result = run("runs", "export", "points-1", "points-2", "--csv", "epochs.csv")
    assert result.exit_code == 0, result.output
    with Path("epochs.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["run"] for row in rows] == ["points-1"] * 2 + ["points-2"] * 3
    assert float(rows[4]["validation_loss"]) == record["validation_loss"]
    result = run("runs", "export", "points-1", "--csv", "epochs.csv")
    assert result.exit_code == 2
    assert "epochs.csv exists; choose another file" in result.output
    assert "pass --csv FILE or --tensorboard FOLDER" in run("runs", "export", "points-1").output

    Path("runs/points-1/notes.txt").write_text("mine")
    assert run("runs", "delete", "points-1").exit_code == 1  # The question has no answer.
    assert Path("runs/points-1/last.safetensors").exists()
    result = run("runs", "delete", "points-1", "points-2", "--yes")
    assert "kept: notes.txt" in result.output
    assert [path.name for path in Path("runs").rglob("*")] == ["points-1", "notes.txt"]
    result = run("runs", "compare", "points-2", "points-3")
    assert result.exit_code == 2
    assert "there is no run points-2; runs/ contains no run" in result.output


def test_events_of_tensorboard_have_the_values_of_the_epochs(run: Run) -> None:
    loader = pytest.importorskip("tensorboardX.record_writer")
    events = pytest.importorskip("tensorboardX.proto.event_pb2")
    del loader
    run(*POINTS, "--epochs", "2")
    result = run("runs", "export", "points-1", "--tensorboard", "events")
    assert result.exit_code == 0, result.output
    (file,) = Path("events/points-1").iterdir()
    found: dict[tuple[str, int], float] = {}
    content = file.read_bytes()
    while content:
        # A record: length, checksum of the length, event, checksum of the event.
        size = int.from_bytes(content[:8], "little")
        event = events.Event.FromString(content[12 : 12 + size])
        found |= {(v.tag, event.step): v.simple_value for v in event.summary.value}
        content = content[16 + size :]
    for record in read_run(Path("runs/points-1")).progress.records:
        loss = found["loss/validation", record.epoch]
        assert loss == pytest.approx(record.validation_loss, rel=1e-6)
    result = run("runs", "export", "points-1", "--tensorboard", "events")
    assert result.exit_code == 1
    assert "events/points-1 exists; choose another folder" in result.output


def test_a_damaged_run_is_named_and_the_others_are_listed(run: Run) -> None:
    run(*POINTS, "--epochs", "1")
    run(*POINTS, "--epochs", "1")
    path = Path("runs/points-1/last.safetensors")
    path.write_bytes(path.read_bytes()[:-40])
    result = run("runs")
    assert result.exit_code == 0
    assert "points-2" in result.stdout
    assert "runs/points-1/last.safetensors" in result.stderr


def test_a_second_training_of_a_folder_is_refused(run: Run) -> None:
    run(*POINTS, "--epochs", "1", "--out", "run")
    before = Path("run/last.safetensors").read_bytes()
    with run_lock(Path("run")):
        assert is_locked(Path("run"))
        assert read_run(Path("run")).state == "training"
        with pytest.raises(RunInUseError, match=f"process {os.getpid()}"), run_lock(Path("run")):
            pass
        for args in (
            ["train", "points", "--resume", "--out", "run", "--epochs", "2"],
            ["runs", "delete", "run", "--yes"],
        ):
            result = run(*args)
            assert result.exit_code == 1
            assert "another training runs in run" in result.output
        Path("empty").mkdir()
        with run_lock(Path("empty")):
            assert run(*POINTS, "--epochs", "1", "--out", "empty").exit_code == 1
    assert Path("run/last.safetensors").read_bytes() == before
    assert not is_locked(Path("run"))
    assert run("train", "points", "--resume", "--out", "run", "--epochs", "2").exit_code == 0


@pytest.mark.parametrize("name", ["points.txt", "points.jsonl", "curves.png", "best.safetensors"])
def test_a_file_of_the_user_is_not_overwritten(run: Run, name: str) -> None:
    Path("mine").mkdir()
    Path("mine", name).write_text("mine")
    result = run(*POINTS, "--epochs", "1", "--out", "mine")
    assert result.exit_code == 2
    assert f"mine contains the file {name}, which the run would overwrite" in result.output
    assert [path.name for path in Path("mine").iterdir()] == [name]
    assert Path("mine", name).read_text() == "mine"


def test_a_bare_resume_takes_the_unfinished_run_that_was_saved_last(run: Run) -> None:
    """File times do not count."""
    for epochs in ("1", "2", "2"):
        run(*POINTS, "--epochs", epochs)
    first, second, third = (Path(f"runs/points-{number}") for number in (1, 2, 3))
    os.utime(first / "last.safetensors", (2e9, 2e9))
    result = run("train", "points", "--resume")
    assert result.exit_code == 2
    assert "the latest, runs/points-3, has 2 epochs: pass more with --epochs" in result.output
    result = run("train", "points", "--resume", "--epochs", "2")
    assert "continuing runs/points-1 after 1 of 2 epochs" in result.output
    assert [load_checkpoint(f / "last.safetensors").step for f in (first, second, third)] == [2] * 3
    result = run("train", "points", "--resume", "--epochs", "3")
    assert "continuing runs/points-1 after 2 of 3 epochs" in result.output


def test_runs_of_an_earlier_version_are_read(run: Run) -> None:
    old = Path(__file__).parents[1] / "data" / "commit-0270e5e"
    for name in ("points", "scalar"):
        shutil.copytree(old / name, Path("runs", f"{name}-1"))
    found, errors = find_runs()
    assert not errors
    assert [(each.name, each.saved) for each in found] == [("points-1", ""), ("scalar-1", "")]
    assert run("runs").exit_code == 0
    assert run("runs", "export", "points-1", "--tensorboard", "events").exit_code == 0


def test_numbers_of_deleted_runs_are_not_used_again(run: Run) -> None:
    for _ in range(3):
        run(*POINTS, "--epochs", "1")
    run("runs", "delete", "points-1", "--yes")
    run(*POINTS, "--epochs", "1")
    assert sorted(path.name for path in Path("runs").iterdir()) == [
        "points-2",
        "points-3",
        "points-4",
    ]


def test_a_run_has_the_same_names_in_all_commands(run: Run) -> None:
    run(*POINTS, "--epochs", "1")
    by_name, by_path = (run("predict", name, "0.2,0.8") for name in ("points-1", "runs/points-1"))
    assert by_name.exit_code == 0 and by_name.output == by_path.output
    for command in (
        ["predict", "points-2", "0.2,0.8"],
        ["evaluate", "points-2", "."],
        ["generate", "A", "--run", "points-2"],
    ):
        result = run(*command)
        assert result.exit_code == 2
        assert "there is no run points-2; runs/ contains points-1; pass a name" in result.output


@pytest.mark.parametrize("point", ["nan,0.5", "0.5,inf"])
def test_a_point_that_is_not_finite_is_refused(run: Run, point: str) -> None:
    run(*POINTS, "--epochs", "1")
    result = run("predict", "points-1", point)
    assert result.exit_code == 1 and f"the point {point} is not finite" in result.output


def test_a_point_with_a_sign_has_a_way_out(run: Run) -> None:
    run(*POINTS, "--epochs", "1")
    result = run("predict", "points-1", "-0.2,0.8")
    assert result.exit_code == 2
    assert "write -- before the inputs: minitorch predict RUN -- -0.2,0.8" in result.output
    assert run("predict", "points-1", "--", "-0.2,0.8").exit_code == 0
    assert "--topp" in run("predict", "points-1", "--topp", "3").output


@pytest.mark.parametrize(
    ("width", "hidden"),
    [(40, "state, epochs, last, saved (UTC)"), (60, "last, saved (UTC)"), (80, ""), (200, "")],
)
def test_the_names_of_runs_are_whole_on_narrow_terminals(
    run: Run, monkeypatch: pytest.MonkeyPatch, width: int, hidden: str
) -> None:
    run(*POINTS, "--epochs", "1")
    run(*POINTS, "--epochs", "1", "--out", "runs/a-name-of-18-chars")
    monkeypatch.setenv("COLUMNS", str(width))
    lines = run("runs").output.splitlines()
    assert max(map(len, lines)) <= width
    if hidden:
        assert " ".join(lines[3:]).split() == f"A wider terminal shows {hidden}, too.".split()
    assert [line.split()[0] for line in lines[1:3]] == ["points-1", "a-name-of-18-chars"]
    monkeypatch.delenv("COLUMNS")
    assert run("runs").output.count("\n") == 3


def test_an_export_into_a_missing_folder_has_a_way_out(run: Run) -> None:
    run(*POINTS, "--epochs", "1")
    result = run("runs", "export", "points-1", "--csv", "nowhere/epochs.csv")
    assert result.exit_code == 2
    assert "the folder nowhere does not exist; create it" in result.output


def test_an_empty_standard_input_is_named(run: Run) -> None:
    run(*POINTS, "--epochs", "1")
    result = run("predict", "points-1", "-")
    assert result.exit_code == 2 and "standard input has no line" in result.output
