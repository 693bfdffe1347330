"""Training a submission's networks: what is asked of the worker, and what counts."""

import numpy as np
import pytest

from grading.accuracy import check_accuracy, seconds_of_an_epoch
from grading.accuracy.training import MAX_STARTS
from grading.checking.compare import MismatchError
from grading.checking.points import RULES
from grading.isolation import IsolatedSubject, Limits
from grading.paths import ROOT
from grading.protocol.messages import Request, Response, Subject
from grading.submissions.submission import Submission
from grading.tasks.model import Accuracy

SETTING: dict[str, str | float] = {
    "model": "scalar",
    "hidden": 2,
    "rate": 0.1,
    "epochs": 2,
    "batch": 10,
}
REQUIRED = Accuracy(48, 50, SETTING)


class Pupil(Subject):
    """Says class 1 to everything, until it has been started often enough to know the rule."""

    def __init__(self, knows_at: int) -> None:
        self.knows_at = knows_at
        self.seeds: list[int] = []
        self.learnt = 0

    def answer(self, request: Request) -> Response:
        if request.operation == "learn.begin":
            self.seeds.append(request.options["seed"])
            return Response(request, plain=1)
        points = request.arrays[0]
        if request.operation == "learn.steps":
            self.learnt += len(points)
            return Response(request, (np.zeros(len(points)),))
        if len(self.seeds) < self.knows_at:
            return Response(request, (np.ones(points.shape[:2]),))
        right = RULES["Diag"](points[..., 0], points[..., 1])
        return Response(request, (right.astype(np.float64),))


def test_a_network_with_a_bad_start_is_trained_from_another_seed() -> None:
    recorded: list[object] = []
    pupil = Pupil(knows_at=3)
    check_accuracy(pupil, "Diag", REQUIRED, lambda name, value: recorded.append(value), seed=5)
    assert pupil.seeds == [5, 6, 7]
    # Five batches of ten, twice, at each start.
    assert pupil.learnt == 3 * 10
    (measured,) = recorded
    assert isinstance(measured, dict)
    assert (measured["value"], measured["of"], measured["least"]) == (50, 50, 48)


def test_a_network_that_never_learns_reports_its_best_seed() -> None:
    pupil = Pupil(knows_at=MAX_STARTS + 1)
    with pytest.raises(MismatchError, match=r"Diag: \d+ of 50 are correct, expected at least 48"):
        check_accuracy(pupil, "Diag", REQUIRED)
    assert len(pupil.seeds) == MAX_STARTS


class Slow(Pupil):
    """Takes its time for each step, on a clock of its own."""

    now = 0.0

    def answer(self, request: Request) -> Response:
        if request.operation == "learn.steps":
            # The first pass compiles.
            self.now += len(request.arrays[0]) * (9.0 if self.learnt < 5 else 0.25)
        return super().answer(request)


def test_epoch_time_is_the_sum_of_its_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    pupil = Slow(knows_at=1)
    monkeypatch.setattr("grading.accuracy.training.time.perf_counter", lambda: pupil.now)
    assert seconds_of_an_epoch(pupil, "fast", hidden=100, batch=10, rounds=3) == 5 * 0.25
    assert pupil.learnt == 5 + 3 * 5


def test_training_requests_have_a_longer_limit() -> None:
    """Its first request compiles more."""
    limits = Limits(call_seconds=0.0, learn_seconds=60.0)
    with IsolatedSubject(Submission.at(ROOT), limits=limits) as subject:
        check = {"problem": "scalar", "hidden": 2, "rate": 0.1, "seed": 0}
        assert subject.call("learn.begin", (), check).plain > 0
