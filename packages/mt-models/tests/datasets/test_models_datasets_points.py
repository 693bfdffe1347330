"""Six sets of points: sizes, classes, sources of random numbers."""

import random
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from mt_models import datasets
from mt_models.datasets import DATASETS, Graph

Floats = NDArray[np.float64]

# The classes as masks over all points.
RULES: dict[str, Callable[[Floats, Floats], NDArray[np.bool_]]] = {
    "Simple": lambda a, b: a < 0.5,
    "Diag": lambda a, b: b < 0.5 - a,
    "Split": lambda a, b: np.abs(a - 0.5) > 0.3,
    "Xor": lambda a, b: (a - 0.5) * (b - 0.5) < 0,
    "Circle": lambda a, b: np.hypot(a - 0.5, b - 0.5) > np.sqrt(0.1),
}


class Scripted:
    """A source that returns a list of numbers."""

    def __init__(self, *numbers: float) -> None:
        self.numbers: Iterator[float] = iter(numbers)

    def random(self) -> float:
        return next(self.numbers)


def test_names_of_the_course() -> None:
    assert list(DATASETS) == ["Simple", "Diag", "Split", "Xor", "Circle", "Spiral"]
    for name, function in DATASETS.items():
        assert function is getattr(datasets, name.lower())


@pytest.mark.parametrize("name", DATASETS)
@given(n=st.integers(0, 60), seed=st.integers(0, 2**32))
def test_number_of_points(name: str, n: int, seed: int) -> None:
    graph = DATASETS[name](n, seed)
    assert graph.N == len(graph.X) == len(graph.y) == n
    assert all(type(x) is float for point in graph.X for x in point)
    assert all(type(label) is int and label in (0, 1) for label in graph.y)


@pytest.mark.parametrize("name", RULES)
@given(n=st.integers(0, 60), seed=st.integers(0, 2**32))
def test_classes(name: str, n: int, seed: int) -> None:
    graph = DATASETS[name](n, seed)
    points = np.array(graph.X).reshape(n, 2)
    assert ((points >= 0) & (points < 1)).all()
    assert graph.y == RULES[name](points[:, 0], points[:, 1]).astype(int).tolist()


@pytest.mark.parametrize(
    ("name", "point", "label"),
    [
        ("Simple", (0.5, 0.0), 0),
        ("Diag", (0.25, 0.25), 0),
        ("Diag", (0.125, 0.25), 1),
        ("Split", (0.2, 0.5), 0),
        ("Split", (0.8, 0.5), 0),
        ("Xor", (0.5, 0.75), 0),
        ("Xor", (0.25, 0.5), 0),
        ("Xor", (0.25, 0.75), 1),
        ("Xor", (0.75, 0.25), 1),
        ("Circle", (0.5, 0.5), 0),
        ("Circle", (0.5, 0.75), 0),
        ("Circle", (0.0, 0.0), 1),
    ],
)
def test_single_points_and_edges(name: str, point: tuple[float, float], label: int) -> None:
    assert DATASETS[name](1, Scripted(*point)) == Graph(1, [point], [label])


@pytest.mark.parametrize("name", RULES)
class TestSources:
    """Sources of uniform numbers: seeds, generators and Python's random."""

    def test_a_seed(self, name: str) -> None:
        make = DATASETS[name]
        numpy_seed: Any = np.int64(7)
        assert make(20, 7) == make(20, numpy_seed) == make(20, np.random.default_rng(7))
        assert make(20, 7) != make(20, 8)

    def test_unseeded_sets_differ(self, name: str) -> None:
        assert DATASETS[name](20, None) != DATASETS[name](20, None)

    def test_a_generator_advances(self, name: str) -> None:
        rng = np.random.default_rng(7)
        assert DATASETS[name](20, rng) != DATASETS[name](20, rng)

    def test_pythons_random_in_the_order_of_the_course(self, name: str) -> None:
        numbers = random.Random(7)
        expected = [(numbers.random(), numbers.random()) for _ in range(20)]
        graph = DATASETS[name](20, random.Random(7))
        np.testing.assert_array_equal(graph.X, expected)
        before = random.getstate()
        try:
            random.seed(7)
            graph = DATASETS[name](20, random)
        finally:
            random.setstate(before)
        np.testing.assert_array_equal(graph.X, expected)


class TestSpiral:
    @given(st.integers(0, 40))
    def test_arms_as_complex_numbers(self, half: int) -> None:
        """The first arm is t exp(it) / 20; the second is the first times -i."""
        graph = datasets.spiral(2 * half)
        t = 10 * np.arange(5, 5 + half) / max(half, 1)
        arm = t * np.exp(1j * t) / 20
        both = np.concatenate([arm, -1j * arm]) + (0.5 + 0.5j)
        points = np.array(graph.X).reshape(2 * half, 2)
        np.testing.assert_allclose(points[:, 0], both.real, atol=1e-12)
        np.testing.assert_allclose(points[:, 1], both.imag, atol=1e-12)
        assert graph.y == [0] * half + [1] * half

    @given(st.integers(0, 40))
    def test_an_odd_point_goes_to_the_first_arm(self, half: int) -> None:
        assert datasets.spiral(2 * half + 1).y == [0] * (half + 1) + [1] * half

    def test_the_spiral_is_not_random(self) -> None:
        assert datasets.spiral(50, 1) == datasets.spiral(50, 2)


@pytest.mark.parametrize("name", DATASETS)
def test_a_negative_number_of_points(name: str) -> None:
    with pytest.raises(ValueError, match="must not be negative, got -1"):
        DATASETS[name](-1, 0)


def test_graph_is_frozen_and_its_repr_short() -> None:
    graph = datasets.xor(1000, 0)
    assert len(repr(graph)) < 40
    assert repr(graph).startswith("Graph(N=1000, ")
    with pytest.raises(AttributeError):
        graph.N = 3  # type: ignore[misc]
