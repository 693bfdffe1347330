"""An exception that imitates the grader's own is still the submission's fault."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from grading.isolation import CheckAbandoned, IsolatedSubject
from grading.protocol.messages import DriverError, SubjectError
from grading.tests.attacks.exam import LIMITS, OTHERS, sit
from grading.tests.attacks.trees import MUL, write_tree

WITHOUT_A_FRAME = {
    "a builtin that fails": "import functools\nmul = functools.partial(int, 'x')",
    "a builtin with other arguments": "mul = len",
    "too many arguments": "def mul(x): return x",
    "no function": "mul = 3.0",
    "an operator with wrong arguments": "import operator\nmul = operator.attrgetter('real')",
    "a class that cannot be instantiated": "import abc\nmul = abc.ABCMeta",
    "a closed generator": "mul = (x for x in ()).throw",
}
"""Exceptions that pass through no line of the submission."""

IN_A_CALL = {
    "the driver's own exception": """
        from grading.protocol.messages import DriverError, Request
        def mul(x, y): raise DriverError(["KeyError"], "formula", Request("x"))""",
    "an exception of the driver's options": "def mul(x, y): raise KeyError('formula')",
    "an exception in a block of the driver": """
        from grading.driver import attribution
        def mul(x, y):
            with attribution.submission_code:
                raise KeyError("formula")""",
    "SystemExit": "def mul(x, y): raise SystemExit(3)",
    "KeyboardInterrupt": "def mul(x, y): raise KeyboardInterrupt",
    "GeneratorExit": "def mul(x, y): raise GeneratorExit",
    "StopIteration": "def mul(x, y): raise StopIteration",
    "MemoryError": "def mul(x, y): raise MemoryError",
    "all memory is used": """
        held = []
        def mul(x, y):
            while True:
                held.append(bytearray(1 << 12))""",
    "RecursionError": "def mul(x, y): return mul(y, x)",
    "an exception without a trace": """
        def mul(x, y):
            try:
                raise KeyError("formula")
            except KeyError as error:
                raise error.with_traceback(None)""",
    "the exception of the call before": """
        error = KeyError("formula")
        def mul(x, y): raise error""",
    "a group": "def mul(x, y): raise BaseExceptionGroup('', [KeyError('formula')])",
    "an exception whose class has no name": """
        class Meta(type):
            @property
            def __name__(cls): raise KeyError("formula")
        class Nameless(Exception, metaclass=Meta): pass
        def mul(x, y): raise Nameless""",
}

IN_THE_ANSWER = {
    "__float__": "class A:\n    def __float__(self): raise KeyError('formula')",
    "__float__ of another type": "class A:\n    def __float__(self): return 'x'",
    "__array__": "class A:\n    def __array__(self, *a, **b): raise KeyError('formula')",
    "__iter__": "class A(list):\n    def __iter__(self): raise KeyError('formula')",
    "__index__": "class A:\n    def __index__(self): raise SystemExit",
    "__class__": "class A:\n    __class__ = property(lambda self: 1 / 0)",
    "__getattr__": "class A:\n    def __getattr__(self, name): raise KeyError(name)",
    "__del__": "class A:\n    def __del__(self): raise KeyError('formula')",
    "a float that fails": """
        class A(float):
            def __float__(self): raise KeyError("formula")
            def __init__(self): pass""",
}


def expect_charged(tree: Path) -> None:
    """Expect that only the check of `mul` fails, as the submission's fault."""
    result = sit(tree)
    assert not result.mul.passed
    assert result.passed == OTHERS


@pytest.mark.slow
@pytest.mark.parametrize("mul", [*WITHOUT_A_FRAME.values()], ids=WITHOUT_A_FRAME)
@pytest.mark.measured("attack")
def test_exceptions_without_a_line_of_the_submission(tree: Path, mul: str) -> None:
    expect_charged(write_tree(tree, f"{mul}\n"))


@pytest.mark.slow
@pytest.mark.parametrize("mul", [*IN_A_CALL.values()], ids=IN_A_CALL)
@pytest.mark.measured("attack")
def test_exceptions_of_a_call(tree: Path, mul: str) -> None:
    expect_charged(write_tree(tree, f"{mul}\n"))


@pytest.mark.slow
@pytest.mark.parametrize("answer", [*IN_THE_ANSWER.values()], ids=IN_THE_ANSWER)
@pytest.mark.measured("attack")
def test_exceptions_while_a_result_is_read(tree: Path, answer: str) -> None:
    others = {"minitorch/answer.py": answer}
    mul = "from .answer import A\ndef mul(x, y): return A()\n"
    expect_charged(write_tree(tree, mul, others=others))


@pytest.mark.slow
@pytest.mark.parametrize(
    "first", ["raise KeyError('formula')", "raise SystemExit", "import grading.checks"]
)
@pytest.mark.measured("attack")
def test_exceptions_at_import(tree: Path, first: str) -> None:
    assert sit(write_tree(tree, first=first)).passed == set()


MODULE = """
    class Parameter:
        def __init__(self, value): self.value = value

    class Module:
        def __init__(self):
            object.__setattr__(self, "found", {})
        def __setattr__(self, name, value):
            if isinstance(value, Parameter):
                self.found[name] = value
            object.__setattr__(self, name, value)
        def named_parameters(self): return ANSWER
        def parameters(self): return list(self.found.values())
        def modules(self): return []
    """

PLAIN = {
    "a value of an unsupported type": "[('a', Parameter(object()))]",
    "a value that cannot be sorted": "[('a', Parameter(1j)), ('a', Parameter(2j))]",
    "an endless list": "[('a', Parameter(self.loop()))]",
    "not a list": "None",
}


@pytest.mark.slow
@pytest.mark.parametrize("answer", [*PLAIN.values()], ids=PLAIN)
@pytest.mark.measured("attack")
def test_results_that_cannot_be_serialised(tree: Path, answer: str) -> None:
    loop = "    def loop(self):\n            a = []; a.append(a); return a\n"
    source = MODULE.replace("ANSWER", answer) + f"    {loop}"
    others = {"minitorch/module.py": source}
    options: dict[str, Any] = {"tree": {"parameters": {"a": 1.0}}}
    with (
        IsolatedSubject(write_tree(tree, others=others), limits=LIMITS) as subject,
        pytest.raises((SubjectError, CheckAbandoned)),
    ):
        subject.call("module.parameters", options=options)


def test_exceptions_of_the_grader_are_not_charged(tree: Path) -> None:
    one = np.ones(1)
    with IsolatedSubject(write_tree(tree), limits=LIMITS) as subject:
        with pytest.raises(DriverError, match="KeyError: 'formula'"):
            subject.call("operators.each", [one])
        for operation in ("operators.of_the_moon", "moon.operators"):
            with pytest.raises(DriverError, match="KeyError"):
                subject.call(operation, [one])
        # The worker goes on, and the next exception is looked at afresh.
        with pytest.raises(SubjectError, match="AttributeError"):
            subject.call("operators.each", [one], {"formula": "of_the_moon"})
        subject.call("operators.each", [one], {"formula": "neg"})
        assert subject.restarts == 0


@pytest.mark.measured("attack")
def test_forged_errors_of_the_grader_are_charged(
    tree: Path,
) -> None:
    patched = """
        import grading.worker.loop as loop
        loop.is_graders = lambda error: True
        """
    mul = "def mul(x, y): raise ValueError('no')\n"
    with (
        IsolatedSubject(write_tree(tree, mul, first=patched), limits=LIMITS) as subject,
        pytest.raises(SubjectError, match="ValueError: no"),
    ):
        subject.call("operators.each", [np.ones(1), np.ones(1)], {"formula": "mul"})


SURROUNDINGS = """
    import argparse, os, sys

    assert len(sys.argv) == 1 and sys.argv[0].endswith(".py"), sys.argv
    parser = argparse.ArgumentParser()
    parser.add_argument("--rate", type=float, default=0.1)
    settings = parser.parse_args()
    three = int(open("data/three.txt").read())
    os.environ["NUMBA_NUM_THREADS"] = "64"
    """


def test_the_process_state_equals_that_of_a_script(tree: Path) -> None:
    write_tree(tree, MUL, first=SURROUNDINGS, others={"data/three.txt": "3\n"})
    assert sit(tree).passed == OTHERS | {"mul"}
