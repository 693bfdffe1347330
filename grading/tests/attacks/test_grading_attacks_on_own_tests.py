"""Learner's tests that recognise wrong versions other than by their results earn nothing.

In each, `recognised` returns whether a function is the learner's; the tests assert nothing else.
"""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from grading.checking.compare import MismatchError
from grading.isolation import IsolatedSubject
from grading.mutation import check_tests_detect_mutants, check_tests_pass
from grading.protocol.messages import Subject
from grading.tests.attacks.trees import MUL, OPERATORS, write_tree

pytestmark = pytest.mark.slow

HEAD = """
import pytest
from minitorch import operators
from minitorch.operators import lt, mul, sigmoid
"""

TESTS = """

@pytest.mark.task0_2
@pytest.mark.parametrize("name", ["sigmoid", "lt", "mul"])
def test_recognised(name):
    assert recognised(getattr(operators, name))
"""

SOURCE = f"\n{OPERATORS}\n{MUL}"

RECOGNISING = {
    "its name": "return f.__name__ != '<lambda>'",
    "its line number": "return f.__code__.co_firstlineno < 40",
    "the name of its code": "return f.__code__.co_name == f.__name__ == f.__qualname__",
    "its source": "import inspect\n    return 'right' not in inspect.getsource(f)",
    "the text of its file": "return 'right' not in open(f.__code__.co_filename).read()",
    "the file's digest": "import hashlib\n"
    "    text = open(operators.__file__, 'rb').read()\n"
    f"    return hashlib.sha256(text).hexdigest() == "
    f"{hashlib.sha256(SOURCE.encode()).hexdigest()!r}",
    "its bytecode": "return len(f.__code__.co_freevars) == 0",
    "its closure variables": "return f.__closure__ is None and not hasattr(f, '__wrapped__')",
    "names in its code": "return not any('version' in name for name in f.__code__.co_names)"
    " and f.__closure__ is None",
    "the second run": "import os, tempfile\n"
    "    path = os.path.join(tempfile.gettempdir(), 'runs')\n"
    "    if 'FIRST' not in globals():\n"
    "        globals()['FIRST'] = not os.path.exists(path)\n"
    "        open(path, 'w').close()\n"
    "    return FIRST",
    "the caller": "import sys\n"
    "    frame, names = sys._getframe(), []\n"
    "    while frame:\n        names.append(frame.f_code.co_name)\n        frame = frame.f_back\n"
    "    return '_replaced' not in names",
    "a variable of the environment": "import os\n    return 'WRONG' not in os.environ",
}


@pytest.fixture
def subject(request: pytest.FixtureRequest, tree: Path) -> Iterator[Subject]:
    """The operators of module 0, right, with tests."""
    body = f"\ndef recognised(f):\n    {request.param}\n"
    write_tree(tree, others={"tests/test_operators.py": HEAD + body + TESTS})
    assert (tree / "minitorch/operators.py").read_text("utf-8") == SOURCE
    with IsolatedSubject(tree) as worker:
        yield worker


@pytest.mark.parametrize("subject", RECOGNISING.values(), indirect=True, ids=RECOGNISING)
@pytest.mark.measured("attack")
def test_recognising_a_wrong_version(subject: Subject) -> None:
    with pytest.raises(MismatchError, match=r"detect 0 of \d+ wrong versions"):
        check_tests_detect_mutants(subject, "0.2")


@pytest.mark.parametrize(
    "subject",
    [
        "xs = (-2.0, -1.0, 0.0, 0.5, 1.5)\n"
        "    if f is sigmoid:\n"
        "        curve = [f(x) for x in xs]\n"
        "        mirrored = all(abs(1.0 - f(x) - f(-x)) < 1e-9 for x in xs)\n"
        "        return f(0.0) == 0.5 and mirrored and 0.0 < curve[0] and curve[-1] < 1.0"
        " and curve == sorted(curve)\n"
        "    if f is lt:\n"
        "        return all(bool(f(x, y)) == (x < y) for x in xs for y in xs)\n"
        "    return all(f(x, y) == f(y, x) == x * y for x in xs for y in xs)\n"
    ],
    indirect=True,
    ids=["its results"],
)
def test_recognising_a_wrong_version_by_its_results(subject: Subject) -> None:
    assert check_tests_pass(subject, "0.2") is not None
    check_tests_detect_mutants(subject, "0.2")
