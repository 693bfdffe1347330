"""Conversion of the exception that ended a check to a fault for the report."""

import traceback
from collections.abc import Set

import msgspec
from hypothesis.errors import Flaky

from grading.checking.finding import Finding, finding_of
from grading.isolation import CheckAbandoned
from grading.judge.explain import explain
from grading.judge.records import Fault
from grading.judge.text import clean, clean_line
from grading.judge.values import shown_pair
from grading.protocol.messages import DriverError, SubjectError


def is_unimplemented(error: BaseException) -> bool:
    """Return True if a check ended because a function is not implemented yet."""
    found = _subject_error(error)
    return found is not None and "NotImplementedError" in found.kinds


def is_lost(error: BaseException) -> bool:
    """Return True if a check ended because the worker was lost or the task's time was used up.

    Either may be caused by an earlier check, so a second run decides.
    """
    return _is_one_of(error, {"WorkerError", "OutOfTime"})


def _is_graders(error: BaseException) -> bool:
    """Return True if the driver caused the exception, or one of several."""
    if isinstance(error, BaseExceptionGroup):
        return any(map(_is_graders, error.exceptions))
    return isinstance(error, DriverError)


def _is_one_of(error: BaseException, kinds: Set[str]) -> bool:
    if isinstance(error, BaseExceptionGroup):
        # Hypothesis raises a group if a repeated example behaves differently.
        return any(_is_one_of(each, kinds) for each in error.exceptions)
    found = _subject_error(error)
    return found is not None and not kinds.isdisjoint(found.kinds)


def fault_of(error: BaseException) -> Fault | None:
    """Return the fault behind the exception of a check; None if the grader caused it.

    The likely cause depends on all checks of a task: `grading.judge.causes` adds it.
    """
    if _is_graders(error):
        return None
    error = _first(error)
    if isinstance(error, Flaky):
        return _of_flaky(error)
    subject_error = _subject_error(error)
    if subject_error is not None:
        return _of_exception(subject_error)
    finding = finding_of(error)
    if finding is not None:
        return _of_finding(finding)
    if isinstance(error, AssertionError):
        return Fault(clean_line(str(error)) or "a required property does not hold")
    return None


def harness_error(error: BaseException) -> str:
    """Return an exception of the grader as text: its class, message and place."""
    while isinstance(error, BaseExceptionGroup):
        error = next(filter(_is_graders, error.exceptions), error.exceptions[0])
    if isinstance(error, DriverError):
        return clean_line(str(error))
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if "/grading/" in frame.filename] or frames
    location = f" at {own[-1].filename.rpartition('/grading/')[2]}:{own[-1].lineno}" if own else ""
    return clean_line(f"{type(error).__name__}: {error}{location}")


def _of_flaky(error: Flaky) -> Fault:
    """Return the fault of an example that failed once and then behaved differently."""
    sentence = "same input, different answers"
    for each in getattr(error, "exceptions", ()):
        fault = fault_of(each)
        if fault is not None and is_lost(each):
            # The failure is the loss of the worker.
            return fault
        if fault is not None:
            return msgspec.structs.replace(fault, sentence=f"{sentence}: once, {fault.sentence}")
    return Fault(sentence)


def _of_finding(finding: Finding) -> Fault:
    expected, received = shown_pair(finding)
    return Fault(
        sentence=clean_line(finding.sentence).rstrip("."),
        request=clean(str(finding.request)),
        name=clean_line(finding.name),
        expected=expected,
        received=received,
        index=finding.index,
    )


def _of_exception(error: SubjectError) -> Fault:
    explanation = explain(error.kinds, error.message, error.trace, error.output)
    return Fault(
        sentence=explanation.sentence,
        request=clean(str(error.request)),
        name="the exception",
        function=explanation.function,
        place=f"{explanation.file}:{explanation.line}" if explanation.file else "",
        excerpt=explanation.excerpt,
        details=explanation.details,
    )


def _subject_error(error: BaseException) -> SubjectError | None:
    error = _first(error)
    if isinstance(error, CheckAbandoned):
        return error.error
    return error if isinstance(error, SubjectError) else None


def _first(error: BaseException) -> BaseException:
    """Return the first of several exceptions that were raised together."""
    while isinstance(error, BaseExceptionGroup) and not isinstance(error, Flaky):
        error = error.exceptions[0]
    return error
