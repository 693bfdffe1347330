"""Task 5.3: layer normalisation."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grading.checking import layers
from grading.checking.compare import expect_array
from grading.checking.layers import Case, expect_parameters
from grading.checking.oracles import transformer
from grading.protocol.messages import Subject

pytestmark = pytest.mark.task5_3


@st.composite
def rows(draw: st.DrawFn, scale: float = 1.0, least: int = 1) -> Case:
    """Draw rows, weights, a bias, and an upstream gradient.

    Args:
        draw: Draws from a strategy.
        scale: A factor of the rows.
        least: The smallest size of a row.
    """
    count, size = draw(st.integers(1, 4)), draw(st.integers(least, 5))
    eps = draw(st.sampled_from([1e-5, 1e-3, 0.25]))
    rng = np.random.default_rng(draw(st.integers(0, 999)))
    x = rng.permuted(np.arange(count * size).reshape(count, size) / 2.0, axis=1) * scale
    parameters = layers.parameters(rng, layers.norm(size))
    upstream = layers.numbers(rng, (count, size))
    return Case("LayerNorm1d", {"dim": size, "eps": eps}, x, parameters, upstream)


def _check(subject: Subject, case: Case) -> None:
    out, back = transformer.layer_norm(case.x, case.parameters, case.sizes["eps"])
    assert case.upstream is not None
    d_x, gradients = back(case.upstream)
    # Gradients of small variances are large, and so are their errors in float32.
    absolute = layers.ABSOLUTE * max(1.0, float(np.abs(d_x).max()))
    case.expect(case.call(subject), out, d_x, gradients, absolute)


@given(case=rows())
def test_normalised_rows_and_gradients(subject: Subject, case: Case) -> None:
    _check(subject, case)


@given(case=rows(scale=2.0**-7, least=2))
def test_small_variances(subject: Subject, case: Case) -> None:
    """Check variances of about `eps`, so that its place and its size matter."""
    _check(subject, case)


def test_rows_of_equal_elements(subject: Subject) -> None:
    x, upstream = np.full((2, 3), 4.0), np.array([[1.0, -2.0, 0.5], [0.0, 3.0, 1.0]])
    parameters = {"weights": np.array([1.0, 2.0, -1.0]), "bias": np.array([0.5, -1.0, 2.0])}
    _check(subject, Case("LayerNorm1d", {"dim": 3, "eps": 0.25}, x, parameters, upstream))


def test_parameters_at_first(subject: Subject) -> None:
    sizes = {"dim": 3, "eps": 1e-5}
    response = subject.call("transformer.parameters", [], {"layer": "LayerNorm1d", "sizes": sizes})
    expect_parameters(response, layers.norm(3))
    expect_array(response, np.zeros(3), which=0)
    expect_array(response, np.ones(3), which=1)
