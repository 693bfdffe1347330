"""Initialisers: distributions, seeds and generators."""

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mt_autodiff import Tensor, tensor
from mt_nn import Linear, init
from mt_tensor import Reference, ShapeError

RANDOM: list[Callable[..., Tensor]] = [
    init.kaiming_uniform,
    init.xavier_uniform,
    init.course_uniform,
    partial(init.uniform, low=-2.0, high=3.0),
]

weight_shapes = st.one_of(
    st.tuples(st.integers(1, 8), st.integers(1, 8)),
    st.tuples(*[st.integers(1, 4)] * 3),
    st.tuples(*[st.integers(1, 4)] * 4),
)


@given(weight_shapes)
def test_fans_of_matrices_and_kernels(shape: tuple[int, ...]) -> None:
    # A unit of a matrix is a column or a row; a unit of convolution kernels is a channel.
    weight = np.ones(shape)
    into, out_of = (weight[:, 0], weight[0]) if len(shape) == 2 else (weight[0], weight[:, 0])
    assert init.fans(shape) == (into.size, out_of.size)


@pytest.mark.parametrize("shape", [(), (3,)])
def test_fans_of_a_vector(shape: tuple[int, ...]) -> None:
    with pytest.raises(ShapeError, match="Use uniform or zeros for a bias"):
        init.fans(shape)


@pytest.mark.parametrize(
    ("draw", "variance"),
    [
        (init.kaiming_uniform, 2 / 300),
        (init.xavier_uniform, 2 / (300 + 200)),
        (init.course_uniform, 0.1**2 / 12),
        (partial(init.uniform, low=-2.0, high=4.0), 6.0**2 / 12),
    ],
)
def test_the_distribution_is_uniform_with_the_variance_of_the_source(
    draw: Callable[..., Tensor], variance: float
) -> None:
    numbers = draw((300, 200), rng=0).to_numpy()
    half = math.sqrt(3 * variance)  # of the width of a uniform distribution
    middle = 1.0 if isinstance(draw, partial) else 0.0
    assert abs(numbers - middle).max() <= half
    # Each of ten equal bins holds a tenth of the numbers, up to six standard deviations.
    counts, _ = np.histogram(numbers, bins=10, range=(middle - half, middle + half))
    assert abs(counts - 6_000).max() < 6 * math.sqrt(60_000 * 0.1 * 0.9)


@pytest.mark.parametrize("draw", RANDOM)
def test_a_seed_gives_the_same_numbers_on_every_backend(draw: Callable[..., Tensor]) -> None:
    double = draw((3, 4), rng=5)
    single = draw((3, 4), rng=np.random.default_rng(5), backend=Reference(np.float32))
    assert single.dtype == np.float32
    np.testing.assert_array_equal(single.to_numpy(), double.to_numpy().astype(np.float32))
    assert not double.requires_grad()


@pytest.mark.parametrize("draw", RANDOM)
def test_a_generator_advances(draw: Callable[..., Tensor]) -> None:
    rng = np.random.default_rng(0)
    first, second = draw((3, 4), rng=rng), draw((3, 4), rng=rng)
    assert not np.array_equal(first, second)


def test_course_uniform_is_the_course_formula() -> None:
    expected = 0.1 * (np.random.default_rng(3).random((4, 5)) - 0.5)
    np.testing.assert_allclose(init.course_uniform((4, 5), rng=3), expected, atol=1e-16)


def test_kaiming_uniform_preserves_the_variance_of_activations() -> None:
    rng = np.random.default_rng(0)
    x = rng.standard_normal((50, 200))
    for _ in range(20):
        x = np.maximum(x @ init.kaiming_uniform((200, 200), rng=rng).to_numpy(), 0.0)
    assert 0.2 < np.mean(x**2) < 5.0


def test_zeros_draw_nothing() -> None:
    rng = np.random.default_rng(0)
    before = rng.bit_generator.state
    assert init.zeros((2, 3), rng=rng).to_numpy().tolist() == [[0.0] * 3] * 2
    assert rng.bit_generator.state == before


@pytest.mark.parametrize(("low", "high"), [(1.0, 0.0), (0.0, math.inf), (math.nan, 1.0)])
def test_uniform_with_invalid_bounds(low: float, high: float) -> None:
    with pytest.raises(ValueError, match="must be finite, and low at most high"):
        init.uniform((2,), low, high)


def test_a_layer_with_another_initialiser() -> None:
    layer = Linear(2, 3, init=partial(init.uniform, low=7.0, high=7.0))
    assert layer.weight.value.to_numpy().tolist() == [[7.0] * 3] * 2

    def ordered(shape: Any, *, rng: Any, backend: Any) -> Tensor:
        return tensor(np.arange(math.prod(shape)).reshape(shape), backend)

    assert Linear(2, 2, init=ordered).weight.value.to_numpy().tolist() == [[0.0, 1.0], [2.0, 3.0]]
