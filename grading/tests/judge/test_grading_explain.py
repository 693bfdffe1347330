"""Errors of a submission in the words of its author, and nothing of them that could do harm."""

import unicodedata
from pathlib import Path

import numba
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numba.core.errors import NumbaError

from grading.checking.compare import MismatchError, expect_array
from grading.checking.finding import finding_of
from grading.diagnosis import Answers, diagnose
from grading.diagnosis.operators import LOSES_NAN
from grading.judge.explain import explain
from grading.judge.functions import with_location, with_missing_function
from grading.judge.records import CheckResult, Fault, Hole, Status
from grading.judge.text import MAX_CHARACTERS, clean, clean_line
from grading.paths import ROOT
from grading.protocol.messages import Request, Response
from grading.submissions.submission import Submission


@numba.njit
def with_a_slip(x):  # type: ignore[no-untyped-def]
    total = np.zeros(3)
    total.append(x)  # type: ignore[attr-defined]
    return total


@numba.njit
def calls_the_slip(x):  # type: ignore[no-untyped-def]
    return with_a_slip(x) + 1


@numba.njit
def adds_text(x):  # type: ignore[no-untyped-def]
    return x + "1"  # cannot be added


@numba.njit
def unknown_name(x):  # type: ignore[no-untyped-def]
    return x + stride_of_nothing  # type: ignore[name-defined]  # noqa: F821


def error_of(kernel: numba.core.dispatcher.Dispatcher) -> NumbaError:
    with pytest.raises(NumbaError) as caught:
        kernel(1.0)
    error: NumbaError = caught.value
    return error


@pytest.mark.parametrize(
    ("kernel", "cause", "line"),
    [
        (with_a_slip, "Unknown attribute 'append'", "total.append(x)"),
        (calls_the_slip, "Unknown attribute 'append'", "total.append(x)"),
        (adds_text, "there is no add(float64, Literal[str](1))", 'return x + "1"'),
        # Here numba names no line; the report then names the function of the task.
        (unknown_name, "name 'stride_of_nothing' is not defined", ""),
    ],
    ids=["attribute", "nested", "operation", "name"],
)
def test_a_compiler_error_becomes_a_line_and_its_cause(
    kernel: numba.core.dispatcher.Dispatcher, cause: str, line: str
) -> None:
    error = error_of(kernel)
    kinds = [kind.__name__ for kind in type(error).__mro__]
    explained = explain(kinds, str(error), ())
    assert explained.sentence.startswith("numba cannot compile this: ")
    assert cause in explained.sentence
    assert "\n" not in explained.sentence and len(explained.sentence) < 260
    assert explained.excerpt.startswith(line)
    assert bool(explained.line) is bool(line)
    assert explained.file.endswith("test_grading_explain.py" if line else "")


TRACE = (
    ("grading/driver/calls.py", 41, "call_function"),
    ("packages/mt-nn/src/mt_nn/module.py", 7, "train"),
    ("/usr/lib/python3/json/decoder.py", 355, "decode"),
)


def test_an_exception_names_the_line_of_the_submission() -> None:
    explained = explain(["ValueError", "Exception"], "no\nmore", TRACE, "printed\n")
    assert explained.sentence == "ValueError was raised in train: no"
    assert (explained.file, explained.line) == ("packages/mt-nn/src/mt_nn/module.py", 7)
    assert "more" in explained.details
    assert "printed" in explained.details


@pytest.mark.parametrize(
    ("message", "sentence"),
    [
        ("No module named 'networkx'", "the submission imports the package networkx"),
        ("No module named 'networkx.drawing'", "the submission imports the package networkx"),
        ("No module named 'minitorch.nn'", "ModuleNotFoundError was raised"),
        ("torch may not be used here", "the submission imports torch, which no solution may use"),
    ],
)
def test_a_package_that_is_missing_is_named(message: str, sentence: str) -> None:
    kinds = ["ModuleNotFoundError", "ImportError", "Exception"]
    assert explain(kinds, message, TRACE).sentence.startswith(sentence)


@pytest.mark.parametrize(
    ("end", "sentence"),
    [
        ("it ended with status 3", "the code ended its process with status 3, as `os._exit` does"),
        (
            "it was ended by SIGSEGV",
            "the process of the code crashed (SIGSEGV): the code reads or writes outside of an "
            "array",
        ),
        ("it was ended by SIGTERM", "the process of the code ended: it was ended by SIGTERM"),
    ],
)
def test_the_end_of_a_process_names_its_signal_or_status(end: str, sentence: str) -> None:
    explained = explain(["WorkerDied", "WorkerError"], f"the worker ended: {end}", ())
    assert explained.sentence == sentence


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ("return x * (y", "'(' was never closed"),
        ("<<<<<<< HEAD", "the line is a conflict of git that is not resolved"),
    ],
)
def test_a_syntax_error_has_its_own_file_line_and_source(source: str, problem: str) -> None:
    trace = [*TRACE, ("minitorch/operators.py", 12, "<module>")]
    message = f"'(' was never closed (operators.py, line 12)\n{source}"
    explained = explain(["SyntaxError", "Exception"], message, trace)
    assert explained.sentence.startswith("operators.py is not valid Python 3.")
    assert explained.sentence.endswith(f": {problem}")
    assert (explained.file, explained.line) == ("minitorch/operators.py", 12)
    assert explained.excerpt == source


def test_a_syntax_error_of_evaluated_text_keeps_the_line_of_the_call() -> None:
    trace = [*TRACE, ("<string>", 1, "<module>")]
    explained = explain(["SyntaxError", "Exception"], "invalid syntax (<string>, line 1)", trace)
    assert explained.sentence.startswith("SyntaxError was raised in train: invalid syntax")


@pytest.mark.parametrize(("kind", "way"), [("EOFError", "`input`"), ("BdbQuit", "`breakpoint`")])
def test_an_interactive_call_has_a_way_out(kind: str, way: str) -> None:
    assert explain([kind, "Exception"], "", TRACE).sentence.endswith(f"so remove {way}")


def test_a_missing_function_is_named_in_its_file_not_where_it_is_imported() -> None:
    here = Submission.at(ROOT)
    file = "packages/mt-tensor/src/mt_tensor/operators.py"
    sentence = (
        f"ImportError was raised: cannot import name 'mul' from 'mt_tensor.operators' ({file})"
    )
    check = CheckResult("test_x", Status.FAILED, fault=Fault(sentence, place="minitorch.py:3"))
    missing, other = Hole("mt_tensor.operators:mul"), Hole("mt_tensor.operators:add", f"{file}:7")
    fault = with_missing_function(check, [other, missing], here).fault
    assert fault is not None and fault.place == f"{file}:1"
    assert fault.sentence.startswith("there is no `mul` in mt_tensor.operators")
    assert with_missing_function(check, [other], here) is check


def test_an_empty_file_is_named_instead_of_a_missing_function(tmp_path: Path) -> None:
    for name in ("__init__", "operators"):
        file = tmp_path / f"minitorch/{name}.py"
        file.parent.mkdir(exist_ok=True)
        file.write_text("" if name == "operators" else "from .operators import mul\n", "utf-8")
    empty = Submission.at(tmp_path)
    holes = [Hole("minitorch.operators:mul")]
    for sentence, place in (
        ("cannot import name 'mul' from 'minitorch.operators' (x.py)", "minitorch/__init__.py:1"),
        ("module 'minitorch' has no attribute 'mul'", ""),
    ):
        check = CheckResult("test_x", Status.FAILED, fault=Fault(sentence, place=place))
        fault = with_missing_function(check, holes, empty).fault
        assert fault is not None and fault.place == "minitorch/operators.py:1"
        assert fault.sentence.startswith("minitorch/operators.py is empty, and other files")


def test_a_missing_attribute_is_not_blamed_on_the_function_of_the_request() -> None:
    sentence = "AttributeError was raised: module 'mt_tensor.operators' has no attribute 'is_close'"
    fault = Fault(sentence, request="tensor.mul")
    mul = Hole("mt_tensor.operators:mul", "packages/mt-tensor/src/mt_tensor/operators.py:30")
    check = CheckResult("test_functions_of_two_tensors", Status.FAILED, case="mul", fault=fault)
    located = with_location(with_missing_function(check, [mul], Submission.at(ROOT)), [mul]).fault
    assert located is not None and not located.function
    assert located.place == "packages/mt-tensor/src/mt_tensor/operators.py:1"
    assert located.sentence.startswith("there is no `is_close` in mt_tensor.operators")


def test_a_timeout_or_an_end_during_an_import_names_the_file() -> None:
    trace = [("minitorch/operators.py", 7, "<module>"), ("/usr/lib/python3/os.py", 1, "f")]
    message = "mul did not return within 10 s of processor time"
    explained = explain(["TimedOut", "WorkerError"], message, trace)
    assert explained.sentence == f"while minitorch/operators.py was imported, {message}"
    assert (explained.file, explained.line) == ("minitorch/operators.py", 7)
    assert not explained.function
    trace.append(("minitorch/operators.py", 3, "helper"))
    assert explain(["TimedOut", "WorkerError"], message, trace).function == "helper"


def test_a_timeout_names_function_and_limit() -> None:
    message = "tile did not return within 10 s of processor time"
    assert explain(["TimedOut", "WorkerError"], message, ()).sentence == message


@given(text=st.text(st.characters(codec=None), max_size=200))
def test_every_text_becomes_printable(text: str) -> None:
    for shown in (clean(text), clean_line(text)):
        shown.encode("utf-8")
        assert all(
            sign in "\n\t" or unicodedata.category(sign) not in ("Cc", "Cf", "Cs") for sign in shown
        )
    assert "\n" not in clean_line(text)


@given(text=st.text("abc äöü→✓\n", max_size=80))
def test_printable_text_is_unchanged(text: str) -> None:
    assert clean(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred\x1b[0m", "red"),
        ("a\x1b]0;title\x07b", "ab"),
        ("a\x1b]8;;http://x\x1b\\link", "alink"),
        ("\x9b2Jgone", "gone"),
        ("one\r\ntwo\rthree", "one\ntwo\nthree"),
        ("bell\x07 null\x00", "bell\N{REPLACEMENT CHARACTER} null\N{REPLACEMENT CHARACTER}"),
        ("\u202etxt.exe", "\N{REPLACEMENT CHARACTER}txt.exe"),
        ("half\ud800", "half\N{REPLACEMENT CHARACTER}"),
    ],
)
def test_terminal_control_sequences_are_removed(text: str, shown: str) -> None:
    assert clean(text) == shown


@pytest.mark.parametrize("text", ["x" * 10**7, "x\n" * 10**6, "\x1b[31m" * 10**6])
def test_long_output_is_truncated(text: str) -> None:
    assert len(clean(text)) < MAX_CHARACTERS + 60
    assert len(clean_line(text)) < 500


@pytest.mark.parametrize("pair", [(np.nan, 1.0), (1.0, np.nan)])
def test_a_maximum_that_ignores_nan_is_diagnosed(pair: tuple[float, float]) -> None:
    request = Request("operators.each", tuple(np.array([x]) for x in pair), {"formula": "max"})
    with pytest.raises(MismatchError) as raised:
        expect_array(Response(request, (np.array([1.0]),)), [np.nan])
    finding = finding_of(raised.value)
    assert finding is not None
    (found,) = diagnose("0.1", [Answers("maximum", (finding,))])
    assert found.cause == LOSES_NAN


MAX = tuple(
    Hole(f"minitorch.nn:{name}", f"minitorch/nn.py:{line}")
    for line, name in enumerate(("Max.forward", "Max.backward", "max", "softmax"), start=1)
)


@pytest.mark.parametrize(
    ("sentence", "function"),
    [
        ("the gradient of operand 0 is wrong", "Max.backward"),
        ("the result is wrong at 1 of 2 indices", "Max.forward"),
    ],
)
def test_a_wrong_gradient_is_diagnosed_as_backward(sentence: str, function: str) -> None:
    check = CheckResult("test_maxima", Status.FAILED, fault=Fault(sentence, request="nn.max"))
    fault = with_location(check, MAX).fault
    assert fault is not None and fault.function == function


def test_a_full_name_precedes_its_parts() -> None:
    holes = tuple(
        Hole(f"mt_tensor.operators:{name}", f"operators.py:{line}")
        for line, name in enumerate(("inv", "inv_back", "relu"), start=1)
    )
    request = "operators.each\n  formula = 'inv_back'"
    fault = Fault("the result is wrong at 1 of 1 indices", request=request)
    check = CheckResult("test_derivatives", Status.FAILED, case="inv_back", fault=fault)
    pointed = with_location(check, holes).fault
    assert pointed is not None and pointed.function == "inv_back"
