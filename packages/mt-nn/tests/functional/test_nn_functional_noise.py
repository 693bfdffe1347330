"""Dropout: the mask, its rate, and its dependence on the generator."""

import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mt_autodiff import Tensor, from_numpy, ones, tensor, zeros
from mt_kernels_cpu.tuned import Tuned
from mt_nn.functional import dropout
from mt_tensor import Backend, Reference

rates = st.floats(0.0, 1.0)
seeds = st.integers(0, 2**32)
shapes = st.lists(st.integers(0, 4), max_size=3).map(tuple)


@given(shape=shapes, rate=rates, seed=seeds)
def test_elements_are_kept_or_zeroed(shape: tuple[int, ...], rate: float, seed: int) -> None:
    x = ones(shape) * 3.0
    out = dropout(x, rate, rng=seed, scale=1.0).to_numpy()
    assert out.shape == shape
    assert np.isin(out, [0.0, 3.0]).all()
    # By default the mean of an element is its value: (1 - rate) · 3 / (1 - rate).
    scale = 1.0 if rate == 1.0 else 1.0 / (1.0 - rate)
    np.testing.assert_array_equal(dropout(x, rate, rng=seed), np.where(out, 3.0 * scale, 0.0))


@pytest.mark.parametrize("backend", [Reference(), Tuned()], ids=repr)
def test_a_third_positional_argument_is_an_error(backend: Backend) -> None:
    # PyTorch's third argument is `training`, which has the opposite meaning of `ignore`.
    message = (
        "dropout: 3 arguments without a name, and at most 2 are allowed; name the others: "
        "ignore, rng, scale, activation; PyTorch's training= is ignore=not training"
    )
    with pytest.raises(TypeError, match=re.escape(message)):
        dropout(ones((2,), backend), 0.5, False)  # type: ignore[call-arg]


@pytest.mark.parametrize("rate", [0.1, 0.25, 0.5, 0.9])
def test_the_rate_is_the_share_of_zeros(rate: float) -> None:
    count = 10_000
    zeroed = np.count_nonzero(dropout(ones((100, 100)), rate, rng=7).to_numpy() == 0.0)
    # Four standard deviations of a binomial distribution.
    assert abs(zeroed - rate * count) <= 4 * np.sqrt(count * rate * (1 - rate))


@given(shape=shapes, seed=seeds)
def test_rates_0_and_1_keep_all_and_none(shape: tuple[int, ...], seed: int) -> None:
    x = ones(shape)
    np.testing.assert_array_equal(dropout(x, 0.0, rng=seed), np.ones(shape))
    np.testing.assert_array_equal(dropout(x, 1.0, rng=seed), np.zeros(shape))


@given(rate=rates)
def test_ignore_returns_the_input_itself(rate: float) -> None:
    x = tensor([1.0, np.nan], requires_grad=True)
    assert dropout(x, rate, ignore=True) is x


@given(rate=rates, seed=seeds)
def test_the_gradient_is_the_mask(rate: float, seed: int) -> None:
    x = tensor(np.full((3, 4), 2.0), requires_grad=True)
    upstream = np.random.default_rng(0).uniform(0.5, 1.5, (3, 4))
    out = dropout(x, rate, rng=seed)
    out.backward(upstream)
    np.testing.assert_array_equal(x.grad, out.to_numpy() / 2.0 * upstream)


def test_a_seed_repeats_and_a_generator_advances() -> None:
    x = ones((50,))
    first, second = (dropout(x, 0.5, rng=3).to_numpy() for _ in range(2))
    np.testing.assert_array_equal(first, second)
    generator = np.random.default_rng(3)
    np.testing.assert_array_equal(dropout(x, 0.5, rng=generator), first)
    assert (dropout(x, 0.5, rng=generator).to_numpy() != first).any()
    assert (dropout(x, 0.5).to_numpy() != dropout(x, 0.5).to_numpy()).any()


def test_the_smallest_draw_is_kept_at_rate_0_only() -> None:
    class Smallest(np.random.Generator):
        random: Any = staticmethod(np.zeros)

    generator = Smallest(np.random.PCG64())
    np.testing.assert_array_equal(dropout(ones((2,)), 0.0, rng=generator), [1.0, 1.0])
    np.testing.assert_array_equal(dropout(ones((2,)), 5e-324, rng=generator), [0.0, 0.0])


def test_ignore_does_not_advance_the_generator() -> None:
    generator = np.random.default_rng(0)
    dropout(ones((4,)), 0.5, ignore=True, rng=generator)
    assert generator.random() == np.random.default_rng(0).random()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("order", ["C", "F"])
def test_the_mask_does_not_depend_on_layout_or_dtype(dtype: Any, order: Any) -> None:
    x = from_numpy(np.ones((5, 6), dtype, order=order), Reference(dtype))
    out = dropout(x, 0.5, rng=1)
    assert out.dtype == dtype
    np.testing.assert_array_equal(out, dropout(ones((5, 6)), 0.5, rng=1))


@pytest.mark.parametrize("ignore", [False, True])
@pytest.mark.parametrize("rate", [-0.01, 1.01, np.inf, -np.inf, np.nan])
def test_invalid_rates(rate: float, ignore: bool) -> None:
    with pytest.raises(ValueError, match=rf"dropout: rate {rate} is not a probability.*0 to 1"):
        dropout(zeros((2,)), rate, ignore=ignore)


def test_subclasses_of_tensor_are_kept() -> None:
    class Marked(Tensor):
        __slots__ = ()

    assert type(dropout(Marked(tensor([1.0, 2.0]).data), 0.5)) is Marked
