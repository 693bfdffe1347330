"""Pooling layers, compared with their functions."""

import numpy as np
import pytest

from mt_autodiff import randn, tensor
from mt_kernels_cpu.tuned import Tuned
from mt_nn import AvgPool2d, MaxPool2d, avg_pool2d, avgpool2d, max_pool2d, maxpool2d


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
    assert repr(MaxPool2d(3, stride=2, padding=1)) == "MaxPool2d(3, stride=2, padding=1)"


def test_layers_have_stride_and_padding() -> None:
    x = randn((2, 3, 7, 7), rng=0)
    settings = ((3, 3), (2, 1), (1, 0))
    np.testing.assert_array_equal(MaxPool2d(3, (2, 1), (1, 0))(x), max_pool2d(x, *settings))
    np.testing.assert_array_equal(AvgPool2d(3, (2, 1), (1, 0))(x), avg_pool2d(x, *settings))


def test_a_layer_uses_the_fused_form_for_windows_that_tile_the_image() -> None:
    for size, expected in [(4, "maxpool2d"), (5, "maxpool2d")]:
        x = tensor(np.ones((1, 1, size, size)), Tuned(), requires_grad=True)
        assert repr(MaxPool2d(2)(x).history) == f"History({expected})"


def test_pooling_needs_a_tensor() -> None:
    with pytest.raises(TypeError, match=r"MaxPool2d\(2\): the input is of type ndarray"):
        MaxPool2d(2)(np.zeros((1, 1, 2, 2)))
