"""Live state of training runs, and stopping of workers."""

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from mt_app.jobs import live as live_module
from mt_app.jobs.live import (
    CURVE,
    EVALUATION,
    LIVE,
    LiveDisplay,
    read_curve,
    read_evaluation,
    read_live,
)
from mt_app.jobs.watch import ALIVE, Watch, is_alive
from mt_models.problems import Evaluation
from mt_models.training import Progress, Settings


@pytest.fixture
def display(tmp_path: Path) -> LiveDisplay:
    display = LiveDisplay(tmp_path, Settings(epochs=2, batch_size=10))
    display.begin(Progress(), 100)
    return display


def learn(progress: Progress, examples: int, loss: float, right: int) -> Progress:
    progress.examples_seen += examples
    progress.loss_sum += loss * examples
    progress.right += right
    progress.seconds += 0.5
    return progress


class TestLiveDisplay:
    def test_a_training_begins_with_loading_data(self, tmp_path: Path) -> None:
        LiveDisplay(tmp_path, Settings(epochs=3, batch_size=10))
        live = read_live(tmp_path)
        assert live is not None
        assert (live.phase, live.epochs, live.share) == ("preparing", 3, 0.0)

    def test_points_of_a_curve_are_means_since_the_previous_point(
        self, display: LiveDisplay, tmp_path: Path
    ) -> None:
        progress = Progress()
        display.on_step(learn(progress, 10, 2.0, 1))
        display.on_step(learn(progress, 10, 1.0, 5))
        first, second = read_curve(tmp_path)
        assert (first.epoch, first.loss, first.accuracy) == pytest.approx((0.1, 2.0, 0.1))
        assert (second.epoch, second.loss, second.accuracy) == pytest.approx((0.2, 1.0, 0.5))

    def test_after_the_last_step_of_an_epoch_it_validates(
        self, display: LiveDisplay, tmp_path: Path
    ) -> None:
        display.on_step(learn(Progress(), 100, 1.0, 50))
        live = read_live(tmp_path)
        assert live is not None
        assert (live.phase, live.share, live.accuracy) == ("validating", 0.5, 0.5)
        assert live.left is not None

    def test_a_resumed_training_truncates_its_curve(
        self, display: LiveDisplay, tmp_path: Path
    ) -> None:
        progress = Progress()
        for _ in range(5):
            display.on_step(learn(progress, 10, 1.0, 5))
        resumed = learn(Progress(), 30, 1.0, 15)
        again = LiveDisplay(tmp_path, Settings(epochs=2, batch_size=10))
        again.begin(resumed, 100)
        again.on_step(learn(resumed, 10, 3.0, 0))
        points = read_curve(tmp_path)
        assert [point.epoch for point in points] == pytest.approx([0.1, 0.2, 0.3, 0.4])
        assert points[-1].loss == pytest.approx(3.0)

    def test_evaluation_results_are_returned(self, display: LiveDisplay, tmp_path: Path) -> None:
        evaluation = Evaluation(0.5, np.array([[0.25, 0.75], [1.0, 0.0]]), np.array([1, 1]))
        display.on_epoch(Progress(), evaluation)
        found = read_evaluation(tmp_path)
        assert found is not None
        assert found.loss == evaluation.loss
        assert found.right.tolist() == [True, False]

    def test_the_end_of_a_training_is_recorded(self, display: LiveDisplay, tmp_path: Path) -> None:
        display.end("failed", "the loss is nan")
        live = read_live(tmp_path)
        assert live is not None
        assert (live.phase, live.message) == ("failed", "the loss is nan")

    @pytest.mark.parametrize(
        "content", [b"", b"{", b"[]", b'{"phase": "x", "other": 1}', b"\xff\xfe\x00", b"null"]
    )
    def test_damaged_files_are_ignored(self, tmp_path: Path, content: bytes) -> None:
        for name in (LIVE, CURVE, EVALUATION):
            (tmp_path / name).write_bytes(content)
        assert read_live(tmp_path) is None
        assert read_curve(tmp_path) == []
        assert read_evaluation(tmp_path) is None

    def test_an_incomplete_line_is_skipped(self, display: LiveDisplay, tmp_path: Path) -> None:
        display.on_step(learn(Progress(), 10, 1.0, 5))
        with (tmp_path / CURVE).open("a", encoding="utf-8") as file:
            file.write('{"epoch": 0.2, "lo')
        assert len(read_curve(tmp_path)) == 1

    def test_a_long_training_has_a_curve_of_bounded_length(self, tmp_path: Path) -> None:
        display = LiveDisplay(tmp_path, Settings(epochs=1, batch_size=1))
        display.begin(Progress(), 10_000)
        progress = Progress()
        for _ in range(10_000):
            display.on_step(learn(progress, 1, 1.0, 1))
        assert len(read_curve(tmp_path)) <= live_module.POINTS + 1


class TestWatch:
    """A pipe stands for standard input."""

    @staticmethod
    def wait_for_the_mark(watch: Watch) -> None:
        deadline = time.monotonic() + 60
        while not watch():
            assert time.monotonic() < deadline
            time.sleep(0.01)

    def test_end_of_input_sets_a_flag_without_interruption(self, tmp_path: Path) -> None:
        end, other = os.pipe()
        with os.fdopen(end, "rb") as stream, Watch(tmp_path, stream) as watch:
            assert not watch()
            os.close(other)
            self.wait_for_the_mark(watch)

    def test_interruptible_blocks_are_interrupted(self, tmp_path: Path) -> None:
        end, other = os.pipe()
        with os.fdopen(end, "rb") as stream, Watch(tmp_path, stream) as watch:
            with pytest.raises(KeyboardInterrupt):
                watch.interruptible = True
                os.close(other)
                deadline = time.monotonic() + 60
                while time.monotonic() < deadline:
                    time.sleep(0.01)
            assert watch()

    def test_no_interruptible_block_begins_after_the_flag(self, tmp_path: Path) -> None:
        end, other = os.pipe()
        with os.fdopen(end, "rb") as stream, Watch(tmp_path, stream) as watch:
            os.close(other)
            self.wait_for_the_mark(watch)
            with pytest.raises(KeyboardInterrupt):
                watch.interruptible = True

    def test_the_heartbeat_continues_until_the_end(self, tmp_path: Path) -> None:
        end, other = os.pipe()
        with os.fdopen(end, "rb") as stream:
            with Watch(tmp_path, stream):
                deadline = time.monotonic() + 60
                while not is_alive(tmp_path):
                    assert time.monotonic() < deadline
                    time.sleep(0.01)
            os.close(other)

    def test_a_dead_worker_is_detected(self, tmp_path: Path) -> None:
        assert not is_alive(tmp_path)
        (tmp_path / ALIVE).touch()
        assert is_alive(tmp_path)
        os.utime(tmp_path / ALIVE, (0, 0))
        assert not is_alive(tmp_path)

    def test_a_worker_ends_while_its_input_is_open(self, tmp_path: Path) -> None:
        code = (
            "import time; from pathlib import Path; from mt_app.jobs.watch import Watch\n"
            "with Watch(Path('.')): time.sleep(0.2)"
        )
        with subprocess.Popen(
            (sys.executable, "-c", code), cwd=tmp_path, stdin=subprocess.PIPE
        ) as worker:
            assert worker.wait(60) == 0
