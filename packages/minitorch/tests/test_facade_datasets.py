"""Sets of points in the course's order of random numbers."""

import random

import pytest

import minitorch


@pytest.mark.parametrize("name", ["Simple", "Diag", "Split", "Xor", "Circle", "Spiral"])
def test_datasets_draw_from_pythons_random(name: str) -> None:
    random.seed(5)
    first = minitorch.datasets[name](10)
    random.seed(5)
    second = getattr(minitorch, name.lower())(10)
    assert first == second
    assert (first.N, len(first.X), len(first.y)) == (10, 10, 10)
    assert set(first.y) <= {0, 1}
    assert all(len(point) == 2 for point in first.X)
