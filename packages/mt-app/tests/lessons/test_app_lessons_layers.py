"""Networks of layers that the user chooses."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mt_app.lessons.layers import MOST_POINTS, fit, joined, read_points
from mt_models.datasets import DATASETS, Graph

POINTS = st.tuples(st.integers(0, 999), st.integers(0, 999), st.integers(0, 1))


@given(st.lists(POINTS, max_size=5))
def test_points_are_read_from_their_text(points: list[tuple[int, int, int]]) -> None:
    found = read_points(".".join(f"{x:03}{y:03}{label}" for x, y, label in points))
    assert [(x / 1000, y / 1000) for x, y, _ in points] == found.X
    assert found.y == [label for _, _, label in points]
    assert len(points) == found.N


@pytest.mark.parametrize("text", ["1", "1234562", "1234561.", "x", ".".join(["0000000"] * 201)])
def test_invalid_points_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=rf"not a point|allowed are {MOST_POINTS}"):
        read_points(text)


def test_a_hidden_layer_separates_what_a_line_does_not() -> None:
    points = DATASETS["Xor"](50, 0)
    line = fit(points, (), 300, 0, 4)
    hidden = fit(points, (8,), 300, 0, 4)
    assert (line.parameters, hidden.parameters) == (3, 2 * 8 + 8 + 8 + 1)
    right = [int(((each.probabilities > 0.5) == points.y).sum()) for each in (line, hidden)]
    assert right[0] < 42 < right[1]
    assert hidden.loss < line.loss < math.log(2)


def test_the_network_of_no_hidden_layer_is_a_line() -> None:
    """Three points of the map determine the logit of all others."""
    grid = fit(DATASETS["Simple"](20, 0), (), 30, 0, 5).grid
    logits = np.log(grid / (1 - grid))
    rows, columns = np.indices(logits.shape)
    across, down = logits[0, 1] - logits[0, 0], logits[1, 0] - logits[0, 0]
    expected = logits[0, 0] + across * columns + down * rows
    np.testing.assert_allclose(logits, expected, atol=1e-4)


def test_without_points_the_weights_are_those_of_the_seed() -> None:
    empty = Graph(0, [], [])
    first, second = (fit(empty, (3,), 100, seed, 4) for seed in (0, 1))
    assert math.isnan(first.loss)
    assert not np.array_equal(first.grid, second.grid)
    np.testing.assert_array_equal(first.grid, fit(empty, (3,), 0, 0, 4).grid)


def test_sets_of_points_are_joined() -> None:
    first, second = DATASETS["Diag"](3, 0), read_points("5005001")
    both = joined(first, second)
    assert (both.N, both.X[3], both.y[3]) == (4, (0.5, 0.5), 1)
    assert (first.N, len(first.X)) == (3, 3)
