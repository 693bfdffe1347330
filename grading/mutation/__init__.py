"""Grading of tests that the learner writes: they have to pass on correct code and fail on mutants.

The tests of tasks 0.2, 0.3 and 4.4 run on the learner's own code, which the other checks judge, and
on mutants of it, in which one function is wrong. A mutant counts as detected if a test fails that
passes on the unchanged code.

Tests have to decide by return values. So each version is a copy of the submission with the function
changed in its usual file, and runs in a separate process; the order of the versions is random; and
some versions are equivalent mutants, which are correct. A test that fails on an equivalent mutant
does not count.

A version runs only the tests that call its function on the unchanged code, and stops at the first
one that fails. Versions run side by side. Nothing in a request distinguishes a mutant from an
equivalent mutant.

The mutants of 4.4 change no kernel, but each version would compile all kernels again. So versions
run kernels as plain Python, if the tests pass on the unchanged code in this way, too. A version
whose tests take long without the compiler, or end its worker, runs again with it.
"""

import os
import random
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from importlib.util import decode_source
from weakref import WeakKeyDictionary

import pytest

from grading.checking.compare import expect
from grading.isolation import CheckAbandoned
from grading.judge.recorder import NOT_JUDGED
from grading.mutation.mutants import MUTANTS, Mutant
from grading.phases import OWN_TESTS, phase, uncounted
from grading.protocol.messages import DriverError, Response, Subject, SubjectError
from grading.submissions.submission import Submission
from grading.tasks.model import marker_of

MIN_DETECTED = {"0.2": 7, "0.3": 4, "4.4": 4}
"""Number of mutants to detect; all of them where each violates a property that a stub names."""

EXAMPLES = {"0.2": 200, "0.3": 60, "4.4": 60}
"""Hypothesis examples per test; more for 0.2, because few random triples are in ascending order."""

FILES = {"0.2": "test_operators.py", "0.3": "test_operators.py", "4.4": "test_nn.py"}
"""File of the learner's tests, below ``tests`` of the submission."""

HOMES = {
    "test_operators.py": ("mt_tensor.operators", "minitorch.operators"),
    "test_nn.py": ("mt_nn.functional.maximum", "minitorch.nn"),
}
"""Modules that define the functions under test of a file, one for each layout."""

WITH_KERNELS = frozenset({"4.4"})
"""Tasks whose tests call kernels, which numba compiles."""

PASSED = "passed"

AT_ONCE = 2
"""Maximum number of versions that run at the same time, if there are as many processors."""

NO_OUTCOMES = "the learner's tests returned no valid result"

NO_RESULT = (SubjectError, DriverError, CheckAbandoned)
"""Errors of a run that ended without outcomes."""

_on_right_code: WeakKeyDictionary[Subject, dict[str, Response]] = WeakKeyDictionary()
"""Responses of runs on the unchanged code by subject and task, which two checks use."""

VERSION = """

def _version(right):
    import functools
    version = {text}
    functools.update_wrapper(version, right)
    version.__dict__.pop("__wrapped__", None)
    code = getattr(right, "__code__", version.__code__)
    version.__code__ = version.__code__.replace(
        co_name=code.co_name, co_firstlineno=code.co_firstlineno
    )
    return version


{name} = _version({name})
del _version
"""
"""Code to append to a file: it replaces a function by another version."""


def check_tests_pass(subject: Subject, task: str) -> Response | None:
    """Run the learner's tests on the learner's code.

    Returns:
        The response of the worker; None if there is no test file.

    Raises:
        MismatchError: The file has no tests of the task, or one fails or is not implemented yet.
    """
    of_subject = _on_right_code.setdefault(subject, {})
    if task not in of_subject:
        of_subject[task] = _run(subject, task, watched=_watched(task))
    response = of_subject[task]
    if response.plain is None:
        # A folder without tests was handed in for its code: the other checks judge it.
        if task == "0.2":
            pytest.skip(f"{NOT_JUDGED}there is no tests/{FILES[task]}")
        return None
    outcomes = _outcomes(response)
    none = f"tests/{FILES[task]} holds no test with the marker {marker_of(task)}"
    expect(bool(outcomes), none, response)
    for name, outcome in outcomes.items():
        missing = f"{name} in tests/{FILES[task]} is not implemented yet"
        expect("NotImplementedError" not in outcome, missing, response)
    for name, outcome in outcomes.items():
        failing = f"{name} in tests/{FILES[task]} fails on your code: {outcome}"
        expect(outcome == PASSED, failing, response)
    return response


def check_tests_detect_mutants(subject: Subject, task: str) -> None:
    """Run the learner's tests on mutants of the code.

    Raises:
        MismatchError: The tests detect fewer than `MIN_DETECTED` mutants.
    """
    last = check_tests_pass(subject, task)
    if last is None:
        return
    calls = _calls(last)
    tests = {
        mutant.function: {
            name
            for watched, names in calls.items()
            if watched.endswith(f":{mutant.function}")
            for name in names
        }
        for mutant in MUTANTS[task]
    }
    with phase(OWN_TESTS):
        undetected, misled = _undetected(subject, task, tests)
    detected = len(MUTANTS[task]) - len(undetected)
    message = (
        f"the tests in tests/{FILES[task]} detect {detected} of {len(MUTANTS[task])} wrong "
        f"versions, expected at least {MIN_DETECTED[task]}; "
        f"they pass although {'; although '.join(undetected)}"
    )
    if misled:
        message += (
            f"; {', '.join(sorted(misled))} fails on correct code that is written differently, and "
            "does not count"
        )
    expect(detected >= MIN_DETECTED[task], message, last)


def _undetected(
    subject: Subject, task: str, tests: Mapping[str, set[str]]
) -> tuple[list[str], set[str]]:
    """Run the tests on mutants and on equivalent mutants.

    Args:
        subject: The submission.
        task: The task.
        tests: For each changed function the tests that call it.

    Returns:
        The mistakes of the mutants that no test detects, and the tests that fail on an equivalent
        mutant, which do not count.
    """
    mutants = MUTANTS[task]
    rng = random.SystemRandom()
    # One equivalent mutant of each function.
    by_function = {mutant.function: mutant for mutant in rng.sample(mutants, len(mutants))}
    wrong = [_Version(mutant, mutant.expression) for mutant in mutants]
    right = [_Version(mutant, mutant.equivalent) for mutant in by_function.values()]
    versions = [*wrong, *right]
    called = sorted(set().union(*tests.values()))
    compiled = task not in WITH_KERNELS or not _pass_without_compiler(subject, task, called)
    misled: set[str] = set()
    failing: dict[_Version, str | None] = {}
    while versions:
        rng.shuffle(versions)
        to_run = {each: sorted(tests[each.mutant.function] - misled) for each in versions}
        failing |= _first_failures(subject, task, to_run, compiled)
        misled.update(name for each in right if (name := failing[each]) is not None)
        # Without the tests that do not count, these may fail at another test.
        versions = [each for each in failing if failing[each] in misled]
    return [each.mutant.mistake for each in wrong if failing[each] is None], misled


@dataclass(frozen=True)
class _Version:
    """A version of the submission: a function and the expression that replaces it."""

    mutant: Mutant
    expression: str


def _pass_without_compiler(subject: Subject, task: str, names: Sequence[str]) -> bool:
    """Return whether tests pass on the unchanged code when kernels run as plain Python."""
    try:
        return _first_failure(subject, task, {}, names, compiled=False) is None
    except NO_RESULT:
        return False


def _first_failure(
    subject: Subject, task: str, sources: Mapping[str, str], names: Sequence[str], compiled: bool
) -> str | None:
    """Run tests on a copy with changed sources; return the first one that fails, or None."""
    if not names:
        return None
    with subject.changed(sources, compiled) as copy:
        response = _run(copy, task, names)
        outcomes = {} if response.plain is None else _outcomes(response)
    failed = [name for name, outcome in outcomes.items() if outcome != PASSED]
    return next(iter((*failed, *(name for name in names if name not in outcomes))), None)


def _first_failures(
    subject: Subject, task: str, tests: Mapping[_Version, Sequence[str]], compiled: bool
) -> dict[_Version, str | None]:
    """Return for each version the first of its tests that fails; None if all pass."""

    def first_failure(version: _Version) -> str | None:
        sources = _sources(subject, task, version.mutant, version.expression)
        run = partial(_first_failure, subject, task, sources, tests[version])
        with uncounted():
            if not compiled:
                with suppress(*NO_RESULT):
                    return run(compiled=False)
            return run(compiled=True)

    # A worker ends with the thread that started it, so each thread also ends its worker.
    with ThreadPoolExecutor(min(AT_ONCE, os.cpu_count() or 1)) as executor:
        futures = {version: executor.submit(first_failure, version) for version in tests}
        try:
            return {version: future.result() for version, future in futures.items()}
        finally:
            executor.shutdown(cancel_futures=True)


def _sources(subject: Subject, task: str, mutant: Mutant, expression: str) -> Mapping[str, str]:
    """Return the changed file of a version, by its path in the submission."""
    assert subject.folder is not None, "the sources are not known"
    submission = Submission.at(subject.folder)
    found = (submission.source(module) for module in HOMES[FILES[task]])
    file = next((file for file in found if file is not None), None)
    if file is None:
        return {}
    source = decode_source(file.read_bytes())
    name = file.relative_to(submission.root).as_posix()
    return {name: source + VERSION.format(text=expression, name=mutant.function)}


def _outcomes(response: Response) -> dict[str, str]:
    """Return the outcomes of tests.

    Raises:
        MismatchError: The response has another form, so it does not come from the driver.
    """
    plain = response.plain
    outcomes = plain.get("outcomes") if isinstance(plain, dict) else None
    valid = isinstance(outcomes, dict) and all(isinstance(each, str) for each in outcomes.values())
    expect(valid, NO_OUTCOMES, response)
    assert isinstance(outcomes, dict)
    return outcomes


def _calls(response: Response) -> dict[str, list[str]]:
    """Return for each watched function the tests that call it; raises the error of `_outcomes`."""
    calls = response.plain.get("calls")
    valid = isinstance(calls, dict) and all(
        isinstance(names, list) and all(isinstance(name, str) for name in names)
        for names in calls.values()
    )
    expect(valid, NO_OUTCOMES, response)
    assert isinstance(calls, dict)
    return calls


def _watched(task: str) -> list[str]:
    """Return the functions whose calls the tests of a task are observed for."""
    functions = dict.fromkeys(mutant.function for mutant in MUTANTS[task])
    return [f"{module}:{name}" for module in HOMES[FILES[task]] for name in functions]


def _run(
    subject: Subject,
    task: str,
    names: Sequence[str] | None = None,
    watched: Iterable[str] = (),
) -> Response:
    """Run tests of a task.

    Args:
        subject: The submission or a version of it.
        task: The task.
        names: Names of the tests to run until one fails; None to run all tests.
        watched: Functions whose calls to observe.
    """
    options = {
        "file": FILES[task],
        "marker": marker_of(task),
        "examples": EXAMPLES[task],
        "names": None if names is None else list(names),
        "watched": list(watched),
    }
    return subject.call("learners_tests.run", options=options)
