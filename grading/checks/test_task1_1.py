"""Task 1.1: numerical derivatives."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grading.checking.compare import expect_array
from grading.checking.strategies import quarters
from grading.protocol.messages import Plain, Subject

pytestmark = pytest.mark.task1_1


@st.composite
def polynomials(draw: st.DrawFn, highest: int) -> tuple[Plain, list[float], int]:
    """Draw a polynomial in several variables, a point, and the index of a variable."""
    count = draw(st.integers(1, 3))
    exponents = st.lists(st.integers(0, highest), min_size=count, max_size=count)
    terms = draw(st.lists(st.tuples(quarters, exponents), min_size=1, max_size=3))
    at = [draw(quarters) for _ in range(count)]
    return [[c, list(e)] for c, e in terms], at, draw(st.integers(0, count - 1))


def derivative(terms: Plain, at: list[float], arg: int) -> float:
    total = 0.0
    for factor, exponents in terms:
        power = exponents[arg]
        if power:
            term = factor * power * at[arg] ** (power - 1)
            for i, exponent in enumerate(exponents):
                if i != arg:
                    term *= at[i] ** exponent
            total += term
    return total


@given(case=polynomials(highest=2), epsilon=st.sampled_from([1.0, 0.25, 0.01]))
def test_derivatives_of_parabolas(
    subject: Subject, case: tuple[Plain, list[float], int], epsilon: float
) -> None:
    """Check parabolas, for which a central difference is exact with any step."""
    terms, at, arg = case
    options = {"terms": terms, "at": at, "arg": arg, "epsilon": epsilon}
    response = subject.call("autodiff.difference", options=options)
    expect_array(response, derivative(terms, at, arg), absolute=1e-6)


@given(case=polynomials(highest=3))
def test_derivatives_of_cubics(subject: Subject, case: tuple[Plain, list[float], int]) -> None:
    terms, at, arg = case
    options = {"terms": terms, "at": at, "arg": arg, "epsilon": 1e-6}
    response = subject.call("autodiff.difference", options=options)
    expect_array(response, derivative(terms, at, arg), relative=1e-4, absolute=1e-2)


@given(epsilon=st.floats(0.01, 1.0), x=st.sampled_from([2.0, 0.5, -1.0, 0.0]))
def test_size_of_the_step(subject: Subject, epsilon: float, x: float) -> None:
    """Check the difference quotient of x³, which exceeds the derivative by the squared step."""
    options = {"terms": [[1.0, [3]]], "at": [x], "arg": 0, "epsilon": epsilon}
    slope = 3 * x**2
    response = subject.call("autodiff.difference", options=options)
    # Steps of epsilon / 2 are another usual definition.
    halved = abs(float(response.array) - slope - epsilon**2 / 4) < 1e-9
    expect_array(response, slope + (epsilon**2 / 4 if halved else epsilon**2))
