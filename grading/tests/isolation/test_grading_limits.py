"""The limits of a worker change with the current check."""

import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from grading.isolation import CheckAbandoned, IsolatedSubject, Limits
from grading.protocol.messages import SubjectError
from grading.tests.attacks.trees import write_tree

SMALL = Limits(memory_mb=300, stops=2, call_seconds=20.0)

TAKES_MEMORY = """
    import numpy

    def mul(x, y):
        numpy.ones(80_000_000)
        return x * y
    """


@pytest.mark.slow
def test_a_worker_is_replaced_for_higher_limits(tmp_path: Path) -> None:
    """The kernel never lets a process raise its own limits."""
    one = np.ones(1)
    with IsolatedSubject(write_tree(tmp_path, TAKES_MEMORY), limits=SMALL) as subject:
        with pytest.raises(SubjectError, match="Memory"):
            subject.call("operators.each", [one, one], {"formula": "mul"})
        subject.begin_check(replace(SMALL, memory_mb=2000))
        answer = subject.call("operators.each", [one, one], {"formula": "mul"})
        np.testing.assert_array_equal(answer.array, one)
        # Lower limits: the same worker continues, and the judge enforces them.
        subject.begin_check(SMALL)
        assert subject.restarts == 0


def test_a_check_without_time_starts_no_worker(tmp_path: Path) -> None:
    limits = replace(SMALL, check_seconds=0.0)
    with (
        IsolatedSubject(write_tree(tmp_path), limits=limits) as subject,
        pytest.raises(CheckAbandoned, match="the time for all requests is up") as caught,
    ):
        subject.call("operators.each", [np.ones(1)], {"formula": "neg"})
    assert caught.value.error.kinds[0] == "OutOfTime"
    assert subject.restarts == 0


@pytest.mark.slow
def test_a_check_without_time_reports_its_smallest_request(tmp_path: Path) -> None:
    ends = "def mul(x, y):\n    import os; os._exit(0)\n"
    with IsolatedSubject(write_tree(tmp_path, ends), limits=SMALL) as subject:
        few, many = np.ones(2), np.ones(5)
        with pytest.raises(SubjectError):
            subject.call("operators.each", [few, few], {"formula": "mul"})
        with pytest.raises(CheckAbandoned, match="lost 2 times") as caught:
            subject.call("operators.each", [many, many], {"formula": "mul"})
        assert caught.value.error.request.arrays[0].size == 2


def test_a_copy_has_the_remaining_time(tmp_path: Path) -> None:
    limits = replace(SMALL, memory_mb=2000, check_seconds=20.0)
    with IsolatedSubject(write_tree(tmp_path), limits=limits) as subject:
        # The time of a call is 0 if a thread of the worker ends meanwhile, with its time.
        while subject.seconds == 0:
            subject.call("operators.each", [np.ones(1)], {"formula": "neg"})
        with subject.changed({}) as copy:
            assert copy.limits.check_seconds == 20.0 - subject.seconds


def test_the_worker_without_the_submission_has_the_remaining_time(tmp_path: Path) -> None:
    limits = replace(SMALL, memory_mb=2000, check_seconds=20.0)
    with IsolatedSubject(write_tree(tmp_path), limits=limits) as subject:
        subject.call("operators.each", [np.ones(1)], {"formula": "neg"})
        spent = subject.seconds
        alone = subject.without_submission()
        with pytest.raises(SubjectError):
            alone.call("source.work")
        assert subject.seconds == alone.seconds > spent
        used_up = replace(limits, check_seconds=subject.seconds / 2)
        subject.limits = alone.limits = used_up
        for worker in (subject, alone):
            with pytest.raises(CheckAbandoned, match="the time for all requests is up"):
                worker.call("operators.each", [np.ones(1)], {"formula": "neg"})
        subject.begin_check(used_up)
        subject.call("operators.each", [np.ones(1)], {"formula": "neg"})


def test_a_new_check_resets_both_workers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[Limits | None] = []
    with IsolatedSubject(write_tree(tmp_path), limits=SMALL) as subject:
        monkeypatch.setattr(subject.without_submission(), "begin_check", begun.append)
        subject.begin_check()
        subject.begin_check(SMALL)
    assert begun == [None, SMALL]


@pytest.mark.slow
def test_only_the_worker_with_low_limits_is_replaced(tmp_path: Path) -> None:
    large = replace(SMALL, memory_mb=2000)
    with IsolatedSubject(write_tree(tmp_path), limits=large) as subject:
        alone = subject.without_submission()
        with pytest.raises(SubjectError):
            alone.call("source.work")
        subject.begin_check(SMALL)
        subject.call("operators.each", [np.ones(1)], {"formula": "neg"})
        subject.begin_check(large)
        assert not subject.running
        assert alone.running


def test_temporary_folders_are_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    with IsolatedSubject(write_tree(tmp_path / "tree"), limits=SMALL) as subject:
        subject.without_submission()
    assert list(temporary.iterdir()) == []
