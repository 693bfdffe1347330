"""The lesson on LayerNorm: its steps end at the library's output and gradient."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mt_app.figures.layer_norm import draw_stages
from mt_app.lessons.layer_norm import EPS, normalise


@given(seed=st.integers(0, 1000), columns=st.integers(2, 8))
@settings(max_examples=20, deadline=None)
def test_steps_end_at_output_and_gradient_of_the_library(seed: int, columns: int) -> None:
    x, w, b, g = np.random.default_rng(seed).normal(size=(4, columns))
    lesson = normalise(x, w, b, g)
    rows = {stage.name: stage.row for stage in lesson.stages}
    np.testing.assert_allclose(rows["output"], lesson.output, atol=1e-9)
    np.testing.assert_allclose(rows["gradient"], lesson.gradient, atol=1e-6)
    assert abs(rows["less its mean"].sum()) < 1e-9
    # Without eps, the rest would be orthogonal to the normalised row.
    rest = rows["less its mean"] @ rows["normalised"] * EPS / (x.var() + EPS)
    along = rows["less its share along the row"] @ rows["normalised"]
    assert along == pytest.approx(rest, abs=1e-9)
    assert rows["mean"].shape == rows["deviation"].shape == (1,)


def test_gradient_equals_central_differences() -> None:
    x, w, b, g = np.random.default_rng(0).normal(size=(4, 5))

    def loss(row: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> float:
        return float(((row - row.mean()) / np.sqrt(row.var() + EPS) * w + b) @ g)

    step = 1e-6 * np.eye(5)
    expected = [(loss(x + each) - loss(x - each)) / 2e-6 for each in step]
    np.testing.assert_allclose(normalise(x, w, b, g).gradient, expected, atol=1e-7)


def test_an_upstream_gradient_of_ones_gives_zero() -> None:
    x, b = np.random.default_rng(0).normal(size=(2, 6))
    lesson = normalise(x, np.ones(6), b, np.ones(6))
    assert np.abs(lesson.gradient).max() < 1e-12


@pytest.mark.parametrize("at", [0, 10])
def test_the_figure_shows_the_steps_so_far(at: int) -> None:
    x, w, b, g = np.random.default_rng(0).normal(size=(4, 3))
    svg = draw_stages(normalise(x, w, b, g), at).svg()
    assert ("upstream" in svg) == (at > 5)
    assert svg.count("<rect") == (3 if at == 0 else 9 * 3 + 2)
