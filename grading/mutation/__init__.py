"""Grading the tests that a learner writes: they have to tell right code from wrong code.

The tests of tasks 0.2, 0.3 and 4.4 run on the learner's own code, which the other checks hold to be
right, and on versions of it in which one function is wrong. A version counts as noticed if a test
fails that passes on the right code.

Tests are to tell right from wrong by what a function returns. So each version is a copy of the
submission, with the function in the file where it always is, in a process of its own; versions come
in an order that is drawn; and among them are right ones that are written like the wrong ones. A
test that fails on one of those does not count.
"""

import random
from collections.abc import Mapping
from importlib.util import decode_source

import pytest

from grading.checking.compare import expect
from grading.mutation.wrong_versions import WRONG, Wrong
from grading.protocol.messages import Response, Subject
from grading.submissions.submission import Submission

FEWEST = {"0.2": 7, "0.3": 4, "4.4": 4}
"""How many wrong versions have to be noticed: all where each lacks a property that is asked for."""

EXAMPLES = {"0.2": 200, "0.3": 60, "4.4": 60}
"""How many examples hypothesis draws for a test: few triples of numbers are in order."""

FILES = {"0.2": "test_operators.py", "0.3": "test_operators.py", "4.4": "test_nn.py"}
"""Where the tests stand, in the folder ``tests`` of a submission."""

HOMES = {
    "operators": ("mt_tensor.operators", "minitorch.operators"),
    "nn": ("mt_nn.functional.maximum", "minitorch.nn"),
}
"""The modules in which a function of a family is defined, in one layout or the other."""

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
"""Put at the end of a file, it puts another version of a function in its place."""


def check_right_code_passes(subject: Subject, task: str) -> Response | None:
    """Run the learner's tests on the learner's code; None if there is no file of them.

    Raises:
        MismatchError: There are none, one is still to be written, or one fails.
    """
    answer = _run(subject, task)
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
    versions = [(wrong, wrong.text) for wrong in WRONG[task]]
    drawn = random.SystemRandom()
    # One right version of each function, written like a wrong one.
    by_function = {wrong.function: wrong for wrong in drawn.sample(WRONG[task], len(WRONG[task]))}
    versions += [(wrong, wrong.twin) for wrong in by_function.values()]
    drawn.shuffle(versions)
    counting, failing = set(last.plain), {}
    for wrong, text in versions:
        with subject.changed(_sources(subject, wrong, text)) as version:
            last = _run(version, task)
        outcomes = last.plain or {}
        failed = {name for name in counting if outcomes.get(name) != PASSED}
        failing[wrong.what, text == wrong.twin] = failed
    misled = set().union(*(names for (_, right), names in failing.items() if right))
    unnoticed = [w.what for w in WRONG[task] if not failing[w.what, False] - misled]
    noticed = len(WRONG[task]) - len(unnoticed)
    message = (
        f"the tests in tests/{FILES[task]} notice {noticed} of {len(WRONG[task])} wrong versions, "
        f"expected {FEWEST[task]} at least; they pass although {'; although '.join(unnoticed)}"
    )
    if misled:
        message += (
            f"; {', '.join(sorted(misled))} fails on right code that is written differently, and "
            "does not count"
        )
    expect(noticed >= FEWEST[task], message, last)


def _sources(subject: Subject, wrong: Wrong, text: str) -> Mapping[str, str]:
    """Return the file with a version of a function in it, by its path."""
    assert subject.folder is not None, "the sources are not known"
    submission = Submission.at(subject.folder)
    found = (submission.source(module) for module in HOMES[wrong.family])
    file = next((file for file in found if file is not None), None)
    if file is None:
        return {}
    source = decode_source(file.read_bytes())
    name = file.relative_to(submission.root).as_posix()
    return {name: source + VERSION.format(text=text, name=wrong.function)}


def _run(subject: Subject, task: str) -> Response:
    options = {
        "file": FILES[task],
        "marker": f"task{task.replace('.', '_')}",
        "examples": EXAMPLES[task],
    }
    return subject.call("learners_tests.run", options=options)
