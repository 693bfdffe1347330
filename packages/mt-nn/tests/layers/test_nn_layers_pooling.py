"""Pooling layers, compared with their functions."""

import numpy as np
import pytest

from mt_autodiff import randn
from mt_nn import AvgPool2d, MaxPool2d, avgpool2d, maxpool2d


@pytest.mark.parametrize("kernel", [(2, 2), (1, 3)])
def test_layers_pool_like_their_functions(kernel: tuple[int, int]) -> None:
    x = randn((2, 3, 4, 6), rng=0)
    np.testing.assert_array_equal(AvgPool2d(kernel)(x), avgpool2d(x, kernel))
    np.testing.assert_array_equal(MaxPool2d(kernel)(x), maxpool2d(x, kernel))


def test_one_number_makes_square_windows() -> None:
    x = randn((1, 1, 4, 4), rng=0)
    assert AvgPool2d(2).kernel == (2, 2)
    np.testing.assert_array_equal(MaxPool2d(2)(x), maxpool2d(x, (2, 2)))


@pytest.mark.parametrize("kernel", [0, (2, -1), (1, 2, 3)])
def test_windows_have_two_positive_sizes(kernel: int | tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"AvgPool2d: kernel .* must be an integer or 2 of"):
        AvgPool2d(kernel)


def test_repr_shows_the_window() -> None:
    assert repr(AvgPool2d(2)) == "AvgPool2d(2)"
    assert repr(MaxPool2d((1, 2))) == "MaxPool2d((1, 2))"


def test_pooling_needs_a_tensor() -> None:
    with pytest.raises(TypeError, match=r"MaxPool2d\(2\): the input is of type ndarray"):
        MaxPool2d(2)(np.zeros((1, 1, 2, 2)))
