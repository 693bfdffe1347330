"""Search for the counterexample of a report, after a check has failed.

A check fails with the first input that hypothesis draws. The report shows another one, on which a
reader sees the mistake: the smallest textbook example (`grading.checking.textbook`). If a known
mistake that is not the cause explains the answer to it, too, a larger example is preferred whose
answer at most one known mistake explains. If no textbook example fails, because the mistake needs a
fraction or NaN, hypothesis shrinks the first input.
"""

import functools
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from typing import Any

from hypothesis import Phase, is_hypothesis_test, settings

from grading.checking import textbook
from grading.checking.compare import MismatchError
from grading.checking.finding import Finding, finding_of
from grading.diagnosis.catalogue import MISTAKES
from grading.judge.faults import is_lost, is_unimplemented
from grading.protocol.messages import SubjectError

SETTINGS = "_hypothesis_internal_use_settings"
"""Attribute with hypothesis' settings of a test; its decorator cannot be applied twice."""

Wanted = Callable[[Exception], bool]
"""Returns whether a check fails with an exception that the search looks for."""


def counterexample(
    task_id: str,
    check: Any,
    run: Callable[[], object],
    error: Exception,
    findings: Collection[Finding],
) -> Exception:
    """Return the exception that a check raises for the input to report.

    Args:
        task_id: The task of the check.
        check: The test function.
        run: Runs it, with the parameters with which it failed.
        error: The exception that it raised.
        findings: Its comparisons, to which the search adds.
    """
    if not is_hypothesis_test(check) or not _is_wrong_answer(error):
        return error
    with textbook.examples():
        found = _search(check, run, _is_wrong_answer)
        if found is not None:
            wrong = [each for each in findings if not each.right]
            if _is_ambiguous(task_id, finding_of(found), wrong):
                found = _search(check, run, functools.partial(_is_clear, task_id, wrong)) or found
            return found
    phases = (Phase.explicit, Phase.generate, Phase.shrink)
    return _search(check, run, _is_wrong_answer, phases) or error


def _search(
    check: Any,
    run: Callable[[], object],
    wanted: Wanted,
    phases: Collection[Phase] = (Phase.generate, Phase.shrink),
) -> Exception | None:
    """Return the exception of the smallest input with a wanted one; None if none is found."""
    with _changed(check, wanted, phases):
        try:
            run()
        except Exception as error:
            return error if _is_wrong_answer(error) else None
    return None


@contextmanager
def _changed(check: Any, wanted: Wanted, phases: Collection[Phase]) -> Iterator[None]:
    """Let a check fail with wanted exceptions only, and run in given phases of hypothesis."""
    original, before = check.hypothesis.inner_test, getattr(check, SETTINGS, None)

    @functools.wraps(original)
    def filtered(*args: Any, **arguments: Any) -> None:
        try:
            original(*args, **arguments)
        except (MismatchError, SubjectError) as error:
            if wanted(error):
                raise

    setattr(check, SETTINGS, settings(before or settings.default, phases=phases))
    check.hypothesis.inner_test = filtered
    try:
        yield
    finally:
        setattr(check, SETTINGS, before)
        check.hypothesis.inner_test = original


def _is_wrong_answer(error: Exception) -> bool:
    return not is_lost(error) and not is_unimplemented(error)


def _is_clear(task_id: str, others: Collection[Finding], error: Exception) -> bool:
    """Return whether at most one known mistake explains a wrong answer, and fits the others."""
    return _is_wrong_answer(error) and not _is_ambiguous(task_id, finding_of(error), others)


def _is_ambiguous(task_id: str, finding: Finding | None, others: Collection[Finding]) -> bool:
    """Return whether several known mistakes explain an answer, or one that others rule out."""
    if finding is None:
        return False
    mistakes = [each for each in MISTAKES if task_id in each.tasks and each.explains(finding)]
    causes = {each.cause for each in mistakes}
    if len(causes) != 1:
        return len(causes) > 1
    return all(any(each.explains(other) is False for other in others) for each in mistakes)
