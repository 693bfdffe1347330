"""Search for the counterexample of a report, after a check has failed.

A check fails with the first input that hypothesis draws. Some more inputs are drawn, so that the
diagnosis compares its models with several different answers. The report shows another input, on
which a reader sees the mistake: the smallest textbook example (`grading.checking.textbook`). If a
known mistake that is not the cause explains the answer to it, too, a larger example is preferred
that rules this mistake out. If no textbook example fails, because the mistake needs a fraction or
NaN, hypothesis shrinks the first input.
"""

import functools
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias

from hypothesis import Phase, is_hypothesis_test, settings

from grading.checking import textbook
from grading.checking.compare import MismatchError
from grading.checking.finding import Finding, finding_of
from grading.diagnosis.catalogue import MISTAKES
from grading.isolation import CheckAbandoned
from grading.judge.faults import is_lost, is_unimplemented
from grading.protocol.messages import SubjectError

SETTINGS = "_hypothesis_internal_use_settings"
"""Attribute with hypothesis' settings of a test; its decorator cannot be applied twice."""

MORE = 20
"""Number of further inputs whose answers are collected for the diagnosis."""

Wanted: TypeAlias = Callable[[Exception], bool]
"""Returns whether a check may fail with an exception, so that the search continues from it."""


def counterexample(
    task_id: str,
    check: Any,
    run: Callable[[], object],
    error: Exception,
    findings: Iterable[Finding],
) -> Exception:
    """Return the exception that a check raises for the input to report.

    Args:
        task_id: The task of the check.
        check: The test function.
        run: Runs it, with the parameters with which it failed.
        error: The exception that it raised.
        findings: Its comparisons, to which the search adds.
    """
    if not is_hypothesis_test(check) or is_lost(error) or is_unimplemented(error):
        return error
    try:
        _search(check, run, lambda error: False, most=MORE)
        with textbook.examples():
            found = _search(check, run)
            if found is not None:
                error = found
                wrong = [each for each in findings if not each.right]
                if _is_ambiguous(task_id, finding_of(error), wrong):
                    is_clear = functools.partial(_is_clear, task_id, wrong)
                    error = _search(check, run, is_clear) or error
                return error
        return _search(check, run, explicit=True) or error
    except _SearchEnded:
        return error


class _SearchEnded(BaseException):
    """The worker was lost, or the time is used up.

    The class does not derive from `Exception`, so that hypothesis stops, too.
    """


def _search(
    check: Any,
    run: Callable[[], object],
    wanted: Wanted = lambda error: True,
    explicit: bool = False,
    most: int | None = None,
) -> Exception | None:
    """Return the exception of the smallest input with a wanted one; None if none is found.

    Args:
        check: The test function.
        run: Runs it.
        wanted: Returns whether an exception is wanted.
        explicit: True to begin with the inputs of `hypothesis.example`.
        most: Limit for the number of inputs; None for that of the check.

    Raises:
        _SearchEnded: The worker was lost, or the time is used up.
    """
    phases = (*(Phase.explicit,) * explicit, Phase.generate, Phase.shrink)
    with _changed(check, wanted, phases, most):
        try:
            run()
        except Exception as error:
            return error
        except CheckAbandoned as error:
            raise _SearchEnded from error
    return None


@contextmanager
def _changed(
    check: Any, wanted: Wanted, phases: Collection[Phase], most: int | None
) -> Iterator[None]:
    """Let a check fail with wanted exceptions only, in given phases and with a limit of inputs."""
    original, before = check.hypothesis.inner_test, getattr(check, SETTINGS, None)

    @functools.wraps(original)
    def filtered(*args: Any, **arguments: Any) -> None:
        try:
            original(*args, **arguments)
        except (MismatchError, SubjectError) as error:
            if is_lost(error):
                raise _SearchEnded from error
            if not is_unimplemented(error) and wanted(error):
                raise

    own: settings = before or settings()
    count = own.max_examples if most is None else min(most, own.max_examples)
    setattr(check, SETTINGS, settings(own, phases=phases, max_examples=count))
    check.hypothesis.inner_test = filtered
    try:
        yield
    finally:
        setattr(check, SETTINGS, before)
        check.hypothesis.inner_test = original


def _is_clear(task_id: str, others: Collection[Finding], error: Exception) -> bool:
    """Return whether no known mistake explains a wrong answer and is ruled out by the others."""
    return not _is_ambiguous(task_id, finding_of(error), others)


def _is_ambiguous(task_id: str, finding: Finding | None, others: Collection[Finding]) -> bool:
    """Return whether a known mistake explains an answer, but other wrong answers rule it out.

    Several mistakes that no answer rules out do not make an answer ambiguous: a wrong sum, for
    example, may come from `sum` or from the `reduce` that it calls. An answer that a model fails
    on, because it is malformed, is not ambiguous either.
    """
    if finding is None:
        return False
    possible: dict[str, bool] = {}
    try:
        for each in MISTAKES:
            if task_id in each.tasks and not possible.get(each.cause) and each.explains(finding):
                possible[each.cause] = not any(each.explains(other) is False for other in others)
    except Exception:
        return False
    return not all(possible.values())
