"""Running the checks of a task on a subject, without pytest in between."""

import functools
import importlib
import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from hypothesis import HealthCheck, Phase, settings

from grading.checking.finding import Finding, collecting, finding_of
from grading.judge.counterexamples import SETTINGS, counterexample
from grading.judge.draws import draws_from_seed_only
from grading.protocol.messages import Subject, SubjectError
from grading.tasks.model import marker_of

Check = Callable[..., None]


@dataclass(frozen=True)
class Failure:
    """A check that failed.

    Attributes:
        check: Its name.
        finding: What it found, on the input that the grader reports if `shrink` is true.
        others: What its comparisons came to.
        case: The id of its parameters.
    """

    check: str
    finding: Finding | None
    others: list[Finding]
    case: str = ""


def checks_of(task: str) -> list[Check]:
    """Return the checks of a task, in the order in which they stand in its file."""
    module = importlib.import_module(f"grading.checks.test_{marker_of(task)}")
    found = [
        value
        for name, value in vars(module).items()
        if name.startswith("test_") and callable(value)
    ]
    return sorted(found, key=lambda check: _line(check))


def _line(check: Check) -> int:
    inner = getattr(getattr(check, "hypothesis", None), "inner_test", check)
    return inspect.getsourcelines(inner)[1]


def parameter_sets(check: Check) -> list[dict[str, Any]]:
    """Return each set of parameters that pytest would call a check with."""
    sets: list[dict[str, Any]] = [{}]
    for mark in getattr(check, "pytestmark", []):
        if mark.name != "parametrize":
            continue
        names, values = mark.args
        named = [
            {names: value} if isinstance(names, str) else dict(zip(names, value, strict=True))
            for value in values
        ]
        sets = [{**one, **other} for one in sets for other in named]
    return sets


def cases_of(check: Check) -> list[tuple[str, dict[str, Any]]]:
    """Return the id of each set of parameters, its parts in any order, and the parameters."""
    ids: dict[str, list[str]] = {}
    for mark in getattr(check, "pytestmark", []):
        if mark.name == "parametrize" and "ids" in mark.kwargs:
            ids[mark.args[0][0]] = list(mark.kwargs["ids"])
    found = []
    counts: dict[str, int] = {}
    for parameters in parameter_sets(check):
        parts = []
        for name, value in parameters.items():
            if name in ids:
                parts.append(ids[name][counts.setdefault(name, 0)])
                counts[name] += 1
            elif isinstance(value, str | int | float):
                parts.append(str(value))
        found.append(("-".join(parts), parameters))
    return found


def case_fails(
    check: Check, parameters: dict[str, Any], subject: Subject, examples: int = 5
) -> bool:
    """Run a check with one set of parameters and return whether it fails."""
    return case_failure(check, parameters, subject, examples) is not None


def case_failure(
    check: Check, parameters: dict[str, Any], subject: Subject, examples: int = 5
) -> BaseException | None:
    """Run a check with one set of parameters and return what it raises if it fails."""
    given = "cuda_subject" if "cuda_subject" in inspect.signature(check).parameters else "subject"
    try:
        with _restricted(check, examples):
            check(**{given: subject}, **parameters)
    except (AssertionError, SubjectError, ExceptionGroup) as error:
        return _first(error)
    return None


def run_settings(examples: int) -> settings:
    """Return settings under which every run draws the same."""
    return settings(
        phases=[Phase.explicit, Phase.generate],
        max_examples=examples,
        database=None,
        derandomize=True,
        deadline=None,
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
    )


def failures(
    check: Check,
    subject: Subject,
    examples: int = 20,
    shrink: bool = False,
    selected: Callable[[str], bool] = lambda case: True,
) -> Iterator[Failure]:
    """Run a check with each set of parameters and yield those with which it fails.

    Args:
        check: The check.
        subject: The code under test.
        examples: Maximum number of examples.
        shrink: True to search for the input that the grader reports.
        selected: Returns whether to run a set of parameters, given by its id.
    """
    given = "cuda_subject" if "cuda_subject" in inspect.signature(check).parameters else "subject"
    task = vars(importlib.import_module(check.__module__))["pytestmark"].name
    task_id = task.removeprefix("task").replace("_", ".")
    for case, parameters in cases_of(check):
        if not selected(case):
            continue
        run = functools.partial(check, **{given: subject}, **parameters)
        with collecting() as others, _restricted(check, examples):
            try:
                run()
            except (AssertionError, SubjectError, ExceptionGroup) as error:
                found = counterexample(task_id, check, run, error, others) if shrink else error
                yield Failure(check.__name__, finding_of(_first(found)), list(others), case)


def _first(error: BaseException) -> BaseException:
    """Return the first of several exceptions, which hypothesis raises where answers vary."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


@contextmanager
def _restricted(check: Check, examples: int) -> Iterator[None]:
    """Let a check draw a number of examples at most."""
    if not hasattr(check, "hypothesis"):
        yield
        return
    before = getattr(check, SETTINGS, None)
    fewest = min(examples, before.max_examples if before is not None else examples)
    setattr(check, SETTINGS, run_settings(fewest))
    try:
        with draws_from_seed_only():
            yield
    finally:
        setattr(check, SETTINGS, before)
