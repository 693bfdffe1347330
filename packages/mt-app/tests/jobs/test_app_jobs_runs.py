"""Training in processes: results, stopping, resuming."""

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from mt_app.jobs import ProcessQueue, RunView, find_runs, go_on, read_run, start_training
from mt_app.jobs.runs import REQUEST
from mt_models.cli import main
from mt_models.recipes import DigitsRecipe
from mt_models.training import LAST, EpochRecord, Settings, last_checkpoint, run_lock

pytestmark = pytest.mark.app

RECIPE = DigitsRecipe(lr=0.1, train_size=320, validation_size=200)
SETTINGS = Settings(epochs=2, batch_size=16)
ENDLESS = Settings(epochs=100_000, batch_size=16)
LONG = 300.0


@pytest.fixture(autouse=True)
def runs_go_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def queue() -> Iterator[ProcessQueue]:
    queue = ProcessQueue()
    yield queue
    for folder in Path("runs").glob("*"):
        queue.stop(folder)
        assert queue.wait(folder, LONG)


def view(queue: ProcessQueue, folder: Path) -> RunView:
    found = read_run(queue, folder)
    assert found is not None
    return found


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + LONG
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def learnt(run: RunView) -> list[dict[str, object]]:
    """Return the records without times."""
    return [
        {"epoch": r.epoch, "loss": r.train_loss, "right": r.validation_right} for r in run.records
    ]


def test_a_training_equals_one_on_the_command_line(queue: ProcessQueue) -> None:
    folder = start_training(queue, RECIPE, SETTINGS)
    assert queue.wait(folder, LONG)
    run = view(queue, folder)
    assert run.finished, run.output()
    assert not run.can_go_on
    assert run.has_network
    assert len(run.curve()) == 40
    evaluation = run.evaluation()
    assert evaluation is not None
    assert int(evaluation.right.sum()) == run.records[-1].validation_right
    command = (
        "train mnist --train-size 320 --validation-size 200 --epochs 2 --lr 0.1 "
        "--schedule constant --out other"
    )
    result = CliRunner().invoke(main, command.split())
    assert result.exit_code == 0, result.output
    lines = Path("other/mnist.jsonl").read_text("utf-8").splitlines()
    assert [json.loads(line)["train_loss"] for line in lines] == [
        record.train_loss for record in run.records
    ]
    assert (
        Path("other/mnist.txt").read_text("utf-8").splitlines()[0]
        == ((folder / "mnist.txt").read_text("utf-8").splitlines()[0])
    )


def test_a_run_of_the_command_line_is_found_and_continued(queue: ProcessQueue) -> None:
    command = (
        "train mnist --train-size 320 --validation-size 200 --epochs 1 --lr 0.1 "
        "--schedule constant --out runs/here"
    )
    assert CliRunner().invoke(main, command.split()).exit_code == 0
    (run,) = find_runs(queue, "mnist")
    assert (run.name, run.state, run.finished, run.stoppable) == ("here", "ended", True, False)
    assert run.classes == tuple("0123456789")
    assert [point.loss for point in run.curve()] == [record.train_loss for record in run.records]
    resumed = "train mnist --resume --epochs 2 --out runs/here"
    assert CliRunner().invoke(main, resumed.split()).exit_code == 0
    go_on(queue, run.folder)
    assert queue.wait(run.folder, LONG)
    assert view(queue, run.folder).finished, view(queue, run.folder).output()
    assert len(view(queue, run.folder).records) == 2


def test_a_run_of_the_command_line_runs_while_its_folder_is_locked(queue: ProcessQueue) -> None:
    command = "train mnist --train-size 16 --validation-size 16 --epochs 1 --out runs/here"
    assert CliRunner().invoke(main, command.split()).exit_code == 0
    folder = Path("runs/here").resolve()
    (folder / "mnist.jsonl").unlink()  # As before the end of the first epoch.
    with run_lock(folder):
        assert view(queue, folder).state == "running"
        assert not view(queue, folder).can_go_on
        with pytest.raises(ValueError, match="has not ended"):
            go_on(queue, folder)
    assert view(queue, folder).state == "ended"
    assert view(queue, folder).can_go_on


def test_a_resumed_training_equals_an_uninterrupted_one(
    queue: ProcessQueue,
) -> None:
    settings = replace(SETTINGS, epochs=12)
    undisturbed = start_training(queue, RECIPE, settings)
    disturbed = start_training(queue, RECIPE, settings)
    assert view(queue, disturbed).state == "queued"
    assert queue.wait(undisturbed, LONG)
    wait_for(lambda: bool(view(queue, disturbed).records))
    queue.stop(disturbed)
    assert queue.wait(disturbed, LONG)
    assert view(queue, disturbed).state == "ended"
    if not view(queue, disturbed).finished:
        assert view(queue, disturbed).can_go_on
        go_on(queue, disturbed)
        assert queue.wait(disturbed, LONG)
    assert view(queue, disturbed).finished
    assert learnt(view(queue, disturbed)) == learnt(view(queue, undisturbed))
    ends = [point.epoch for point in view(queue, disturbed).curve()]
    assert ends == sorted(set(ends))
    assert ends == [point.epoch for point in view(queue, undisturbed).curve()]


def test_a_training_is_stopped_while_it_validates(queue: ProcessQueue) -> None:
    recipe = replace(RECIPE, train_size=16, validation_size=None)
    folder = start_training(queue, recipe, ENDLESS)

    def validates() -> bool:
        live = view(queue, folder).live
        return live is not None and live.phase == "validating"

    wait_for(validates)
    queue.stop(folder)
    assert queue.wait(folder, LONG)
    live = view(queue, folder).live
    assert live is not None
    assert live.phase == "stopped"
    assert view(queue, folder).can_go_on
    checkpoint = last_checkpoint(folder)
    assert checkpoint.meta["progress"]["examples_seen"] in (0, 16)


def test_a_killed_training_is_distinguished_from_a_running_one(queue: ProcessQueue) -> None:
    folder = start_training(queue, RECIPE, ENDLESS)
    wait_for(lambda: (folder / LAST).is_file())
    job = queue._current
    assert job is not None
    assert job.process is not None
    assert not view(queue, folder).can_go_on
    os.kill(job.process.pid, signal.SIGKILL)
    assert queue.wait(folder, LONG)
    wait_for(lambda: view(queue, folder).state == "ended")
    assert view(queue, folder).can_go_on
    assert not view(queue, folder).finished


def test_errors_of_a_training_are_shown(queue: ProcessQueue) -> None:
    folder = start_training(queue, replace(RECIPE, lr=1e30), SETTINGS)
    assert queue.wait(folder, LONG)
    run = view(queue, folder)
    assert "lower the learning rate" in run.failed


def test_a_run_of_another_process_is_not_resumed(
    queue: ProcessQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    # On a busy machine it may take long until a worker shows again that it lives.
    jobs = go_on.__module__.rpartition(".")[0]
    monkeypatch.setattr(f"{jobs}.watch.DEAD_AFTER", LONG)
    folder = start_training(queue, RECIPE, ENDLESS)
    wait_for(lambda: (folder / LAST).is_file())
    other = ProcessQueue()
    assert view(other, folder).state == "running"
    with pytest.raises(ValueError, match="has not ended"):
        go_on(other, folder)


def test_runs_are_found_with_the_latest_first_and_damaged_ones_left_out(
    queue: ProcessQueue,
) -> None:
    assert find_runs(queue, "mnist") == []
    folders = [start_training(queue, RECIPE, SETTINGS) for _ in range(3)]
    for number, folder in enumerate(folders):
        queue.stop(folder)
        assert queue.wait(folder, LONG)
        os.utime(folder / REQUEST, (number, number))
    (folders[1] / REQUEST).write_text("{", "utf-8")
    (folders[1] / LAST).unlink(missing_ok=True)
    assert [run.name for run in find_runs(queue, "mnist")] == ["mnist-3", "mnist-1"]


@pytest.mark.parametrize(("problem", "best"), [("mnist", 1), ("text", 2)])
def test_the_best_epoch_follows_the_metric_of_the_problem(problem: str, best: int) -> None:
    # The second epoch has the lower loss, the first one the higher accuracy.
    records = tuple(
        EpochRecord(epoch, 1.0, 0.5, loss, right, 10, 1, 1, 1.0, 1.0)
        for epoch, loss, right in ((1, 0.9, 8), (2, 0.8, 7))
    )
    run = RunView(Path("none"), problem, {}, {}, "ended", None, records, False)
    assert run.best is not None
    assert run.best.epoch == best
