"""Task 1.3: the chain rule."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from grading.checking.compare import expect_plain
from grading.checking.strategies import positive, quarters
from grading.protocol.messages import Plain, Response, Subject

pytestmark = pytest.mark.task1_3


@st.composite
def applications(draw: st.DrawFn) -> Plain:
    """Draw a function with known derivatives, applied to variables and constants."""
    count = draw(st.integers(1, 3))
    constants = draw(st.lists(st.booleans(), min_size=count, max_size=count))
    constants[draw(st.integers(0, count - 1))] = False
    uses = draw(st.lists(st.integers(0, count - 1), min_size=1, max_size=4))
    # A function of constants only is a constant, to which the chain rule is not applied.
    if all(constants[i] for i in uses):
        uses.append(constants.index(False))
    return {
        "inputs": [draw(quarters) for _ in range(count)],
        "constants": constants,
        "uses": uses,
        "factors": [draw(quarters) for _ in uses],
        "saved": draw(positive),
        "d_output": draw(quarters),
    }


CONSTANT_FIRST = {
    "inputs": [1.0, 2.0],
    "constants": [True, False],
    "uses": [0, 1],
    "factors": [2.0, 3.0],
    "saved": 1.5,
    "d_output": 0.5,
}
"""A constant in front of a variable, so that pairs shift if the constant is left out."""


@given(case=applications())
@example(case=CONSTANT_FIRST)
def test_pairs_of_variables_and_derivatives(subject: Subject, case: Plain) -> None:
    response = subject.call("scalar.chain_rule", options=case)
    scale = case["saved"] * case["d_output"]
    expected = [[i, f * scale] for i, f in zip(case["uses"], case["factors"], strict=True)]
    # Constants may be listed or not: their derivatives are never used.
    plain = response.plain
    if len(plain) < len(expected):
        expected = [pair for pair in expected if not case["constants"][pair[0]]]
        plain = [pair for pair in plain if not case["constants"][pair[0]]]
    expect_plain(Response(response.request, plain=plain), expected, "the chain rule")
