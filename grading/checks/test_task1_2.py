"""Task 1.2: scalars."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from grading.checking.compare import expect_any_array, expect_array, expect_plain
from grading.checking.oracles.programs import SMOOTH, VALUES, Program, value_forms
from grading.checking.strategies import positive, programs, quarters
from grading.protocol.messages import Subject

pytestmark = pytest.mark.task1_2


@pytest.mark.parametrize("step", SMOOTH)
@given(data=st.data())
def test_values_of_single_operations(subject: Subject, step: str, data: st.DataObject) -> None:
    arity, _ = SMOOTH[step]
    numbers = positive if step in ("log", "div") else quarters
    inputs = [data.draw(numbers) for _ in range(arity)]
    if step in ("lt", "gt", "eq") and data.draw(st.booleans()):
        # Close is not equal.
        inputs[1] = inputs[0] + data.draw(st.sampled_from([0.005, -0.005, 0.0]))
    options = {"program": [[step, *range(arity)]], "inputs": inputs}
    response = subject.call("scalar.program", options=options)
    expect_any_array(response, value_forms([[step, *range(arity)]], inputs))


@pytest.mark.parametrize("step", ["add", "sub", "mul", "div", "lt", "gt", "eq"])
@given(x=positive, number=positive, right=st.booleans())
@example(x=2.0, number=1.0, right=False)  # The reciprocal may be a function of its own.
def test_plain_numbers_on_either_side(
    subject: Subject, step: str, x: float, number: float, right: bool
) -> None:
    # No edition of the course has number - Scalar; test_a_number_minus_a_scalar checks it.
    right = right or step == "sub"
    operands = [0, number] if right else [number, 0]
    options = {"program": [[step, *operands]], "inputs": [x]}
    response = subject.call("scalar.program", options=options)
    expect_array(response, [VALUES[step](*((x, number) if right else (number, x)))])


@given(x=positive, number=positive)
def test_a_number_minus_a_scalar(subject: Subject, x: float, number: float) -> None:
    """Check number - scalar if the class of scalars has `__rsub__`."""
    if not subject.call("scalar.defines", options={"name": "__rsub__"}).plain:
        return
    options = {"program": [["sub", number, 0]], "inputs": [x]}
    expect_array(subject.call("scalar.program", options=options), [number - x])


@given(case=programs())
def test_values_of_programs(subject: Subject, case: tuple[Program, list[float]]) -> None:
    program, inputs = case
    response = subject.call("scalar.program", options={"program": program, "inputs": inputs})
    expect_any_array(response, value_forms(program, inputs))


@pytest.mark.parametrize("step", ["neg", "relu", "sigmoid", "exp", "log", "add", "mul", "lt", "eq"])
@given(data=st.data())
def test_history_of_results(subject: Subject, step: str, data: st.DataObject) -> None:
    arity, _ = SMOOTH[step]
    inputs = [data.draw(positive) for _ in range(arity)]
    response = subject.call("scalar.history", options={"step": step, "inputs": inputs})
    expected = {
        "leaves": [True] * arity,
        "result is leaf": False,
        "result is constant": False,
        "parents": list(range(arity)),
        "data": inputs,
    }
    expect_plain(response, expected, "the history of the result")
