"""The kernel that draws a token, against NumPy."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from mt_kernels_cpu.sampling import draw

LOGITS = arrays(np.float64, st.integers(1, 9), elements=st.integers(-9, 9))
"""Whole numbers, so that some are equal."""

EVERY = np.empty(0, np.int64)


def expected(
    logits: npt.NDArray[np.float64], temperature: float, top_k: int, top_p: float
) -> npt.NDArray[np.float64]:
    """Return the probabilities, by sorting and sums of NumPy."""
    order = np.argsort(-logits, kind="stable")
    powers = np.exp((logits - logits.max()) / temperature)
    powers[order[top_k:]] = 0.0
    probabilities = powers[order] / powers.sum()
    kept = np.cumsum(probabilities) - probabilities < top_p
    found: npt.NDArray[np.float64] = np.zeros_like(logits)
    found[order[kept]] = probabilities[kept] / probabilities[kept].sum()
    return found


@given(
    LOGITS,
    st.floats(0.1, 3.0),
    st.integers(1, 9),
    st.floats(0.01, 1.0),
    st.floats(0.0, 1.0, exclude_max=True),
)
def test_a_token_is_drawn_from_the_kept_probabilities(
    logits: npt.NDArray[np.float64], temperature: float, top_k: int, top_p: float, u: float
) -> None:
    found = logits.copy()
    order = np.argsort(-logits, kind="stable")
    token = draw(found, order, temperature, top_k, top_p, u)
    sums = np.cumsum(found)
    assert token == (sums / sums[-1]).searchsorted(u, side="right")
    if top_k >= len(logits) and top_p == 1.0:
        np.testing.assert_array_equal(draw(logits.copy(), EVERY, temperature, 9, 1.0, u), token)
    # Sums that differ in the last digit may keep another token.
    probabilities = expected(logits, temperature, len(logits), 1.0)
    first = probabilities[order[:top_k]]
    before = np.cumsum(first) - first
    if np.abs(before / first.sum() - top_p).min() > 1e-12:
        np.testing.assert_allclose(found, expected(logits, temperature, top_k, top_p), rtol=1e-12)


def test_temperature_0_takes_the_first_of_the_most_probable_tokens() -> None:
    scores = np.array([1.0, 3.0, 3.0])
    assert draw(scores, EVERY, 0.0, 3, 1.0, 0.99) == 1
    assert scores.tolist() == [0.0, 1.0, 0.0]


@pytest.mark.parametrize("logits", [[np.nan, 1.0], [1.0, np.inf], [-np.inf], []])
def test_other_logits_draw_nothing(logits: list[float]) -> None:
    scores = np.array(logits)
    assert draw(scores, EVERY, 1.0, 2, 1.0, 0.0) == -1
    np.testing.assert_array_equal(scores, logits)
