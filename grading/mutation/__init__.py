"""Grading of tests that the learner writes: they have to pass on correct code and fail on mutants.

The tests of tasks 0.2, 0.3 and 4.4 run on the learner's own code, which the other checks judge, and
on mutants of it, in which one function is wrong. A mutant counts as detected if a test fails that
passes on the unchanged code.

Tests have to decide by return values. So each version is a copy of the submission with the function
changed in its usual file, and runs in a separate process; the order of the versions is random; and
some versions are equivalent mutants, which are correct. A test that fails on an equivalent mutant
does not count.
"""

import random
from collections.abc import Mapping
from importlib.util import decode_source

import pytest

from grading.checking.compare import expect
from grading.judge.recorder import NOT_JUDGED
from grading.mutation.mutants import MUTANTS, Mutant
from grading.protocol.messages import Response, Subject
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

PASSED = "passed"

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
    response = _run(subject, task)
    outcomes = response.plain
    if outcomes is None:
        # A folder without tests was handed in for its code: the other checks judge it.
        if task == "0.2":
            pytest.skip(f"{NOT_JUDGED}there is no tests/{FILES[task]}")
        return None
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
    mutants = MUTANTS[task]
    versions = [(mutant, mutant.expression) for mutant in mutants]
    rng = random.SystemRandom()
    # One equivalent mutant of each function.
    by_function = {mutant.function: mutant for mutant in rng.sample(mutants, len(mutants))}
    versions += [(mutant, mutant.equivalent) for mutant in by_function.values()]
    rng.shuffle(versions)
    counting, failing = set(last.plain), {}
    for mutant, expression in versions:
        with subject.changed(_sources(subject, task, mutant, expression)) as version:
            last = _run(version, task)
        outcomes = last.plain or {}
        failed = {name for name in counting if outcomes.get(name) != PASSED}
        failing[mutant.mistake, expression == mutant.equivalent] = failed
    misled = set().union(*(names for (_, correct), names in failing.items() if correct))
    undetected = [
        mutant.mistake for mutant in mutants if not failing[mutant.mistake, False] - misled
    ]
    detected = len(mutants) - len(undetected)
    message = (
        f"the tests in tests/{FILES[task]} detect {detected} of {len(mutants)} wrong versions, "
        f"expected at least {MIN_DETECTED[task]}; "
        f"they pass although {'; although '.join(undetected)}"
    )
    if misled:
        message += (
            f"; {', '.join(sorted(misled))} fails on correct code that is written differently, and "
            "does not count"
        )
    expect(detected >= MIN_DETECTED[task], message, last)


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


def _run(subject: Subject, task: str) -> Response:
    options = {
        "file": FILES[task],
        "marker": marker_of(task),
        "examples": EXAMPLES[task],
    }
    return subject.call("learners_tests.run", options=options)
