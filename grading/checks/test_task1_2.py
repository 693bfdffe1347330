"""Task 1.2: scalars."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grading.checking.compare import expect_array, expect_plain
from grading.checking.oracles.programs import SMOOTH, VALUES, Program, values_of
from grading.checking.strategies import positive, programs, quarters
from grading.protocol.messages import Subject

pytestmark = pytest.mark.task1_2


@pytest.mark.parametrize("step", SMOOTH)
@given(data=st.data())
def test_value_of_one_step(subject: Subject, step: str, data: st.DataObject) -> None:
    arity, _ = SMOOTH[step]
    numbers = positive if step in ("log", "div") else quarters
    inputs = [data.draw(numbers) for _ in range(arity)]
    options = {"program": [[step, *range(arity)]], "inputs": inputs}
    answer = subject.call("scalar.program", options=options)
    expect_array(answer, [VALUES[step](*inputs)])


@pytest.mark.parametrize("step", ["add", "sub", "mul", "div", "lt", "gt", "eq"])
@given(x=positive, number=positive, right=st.booleans())
def test_plain_numbers_on_either_side(
    subject: Subject, step: str, x: float, number: float, right: bool
) -> None:
    operands = [0, number] if right else [number, 0]
    options = {"program": [[step, *operands]], "inputs": [x]}
    answer = subject.call("scalar.program", options=options)
    expect_array(answer, [VALUES[step](*((x, number) if right else (number, x)))])


@given(case=programs())
def test_values_of_programs(subject: Subject, case: tuple[Program, list[float]]) -> None:
    program, inputs = case
    answer = subject.call("scalar.program", options={"program": program, "inputs": inputs})
    expect_array(answer, values_of(program, inputs))


@pytest.mark.parametrize("step", ["neg", "relu", "sigmoid", "exp", "log", "add", "mul", "lt", "eq"])
@given(data=st.data())
def test_results_remember_their_inputs(subject: Subject, step: str, data: st.DataObject) -> None:
    arity, _ = SMOOTH[step]
    inputs = [data.draw(positive) for _ in range(arity)]
    answer = subject.call("scalar.history", options={"step": step, "inputs": inputs})
    expected = {
        "leaves": [True] * arity,
        "result is leaf": False,
        "result is constant": False,
        "parents": list(range(arity)),
        "data": inputs,
    }
    expect_plain(answer, expected, "what the result remembers")
