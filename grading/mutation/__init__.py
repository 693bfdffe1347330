"""Grading the tests that a learner writes: they have to tell right code from wrong code.

The tests of tasks 0.2, 0.3 and 4.4 run in the worker, on the learner's own code, which the other
checks hold to be right, and on versions of it in which one function is wrong. A version counts as
noticed if a test fails that passes on the right code.
"""

import pytest

from grading.checking.compare import expect
from grading.mutation.wrong_versions import WRONG, Wrong
from grading.protocol.messages import Plain, Response, Subject

FEWEST = {"0.2": 7, "0.3": 4, "4.4": 4}
"""How many wrong versions have to be noticed: all where each lacks a property that is asked for."""

EXAMPLES = {"0.2": 200, "0.3": 60, "4.4": 60}
"""How many examples hypothesis draws for a test: few triples of numbers are in order."""

FILES = {"0.2": "test_operators.py", "0.3": "test_operators.py", "4.4": "test_nn.py"}
"""Where the tests stand, in the folder ``tests`` of a submission."""

PASSED = "passed"


def check_right_code_passes(subject: Subject, task: str) -> Response | None:
    """Run the learner's tests on the learner's code; None if there is no file of them.

    Raises:
        MismatchError: There are none, one is still to be written, or one fails.
    """
    answer = _run(subject, task, None)
    outcomes = answer.plain
    if outcomes is None:
        # A folder that holds the code alone was handed in for its code: the other checks judge it.
        if task == "0.2":
            pytest.skip(f"not judged here: there is no tests/{FILES[task]}")
        return None
    marker = f"task{task.replace('.', '_')}"
    none = f"tests/{FILES[task]} holds no test with the marker {marker}"
    expect(bool(outcomes), none, answer)
    for name, outcome in outcomes.items():
        missing = f"{name} in tests/{FILES[task]} is still to be written"
        expect("NotImplementedError" not in outcome, missing, answer)
    for name, outcome in outcomes.items():
        failing = f"{name} in tests/{FILES[task]} fails on right code: {outcome}"
        expect(outcome == PASSED, failing, answer)
    return answer


def check_wrong_code_is_noticed(subject: Subject, task: str) -> None:
    """Run the learner's tests on wrong versions of the code.

    Raises:
        MismatchError: They notice too few of them.
    """
    last = check_right_code_passes(subject, task)
    if last is None:
        return
    right, unnoticed = list(last.plain), []
    for wrong in WRONG[task]:
        last = _run(subject, task, wrong)
        if all(last.plain.get(name) == PASSED for name in right):
            unnoticed.append(wrong.what)
    noticed = len(WRONG[task]) - len(unnoticed)
    message = (
        f"the tests in tests/{FILES[task]} notice {noticed} of {len(WRONG[task])} wrong versions, "
        f"expected {FEWEST[task]} at least; they pass although {'; although '.join(unnoticed)}"
    )
    expect(noticed >= FEWEST[task], message, last)


def _run(subject: Subject, task: str, wrong: Wrong | None) -> Response:
    replaced: Plain = None if wrong is None else [wrong.family, wrong.function, wrong.text]
    options = {
        "file": FILES[task],
        "marker": f"task{task.replace('.', '_')}",
        "replaced": replaced,
        "examples": EXAMPLES[task],
    }
    return subject.call("learners_tests.run", options=options)
