"""Pooling, compared with NumPy's sliding windows and finite differences."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mt_autodiff import Tensor, from_numpy, grad_check, tensor, zeros
from mt_nn.functional import avg_pool2d, avgpool2d, max_pool2d, maxpool2d, tile
from mt_tensor import Reference, ShapeError

ORDERS = ["C", "F"]
POOLS = [avgpool2d, maxpool2d]

sizes = st.integers(0, 3)
windows = st.tuples(st.integers(1, 3), st.integers(1, 3))


def images(shape: tuple[int, ...], order: Any = "C", dtype: Any = np.float64) -> Tensor:
    """Return distinct numbers in random order, in row-major or column-major memory."""
    numbers = np.random.default_rng(0).permutation(int(np.prod(shape))) * 0.5
    return from_numpy(np.array(numbers.reshape(shape), dtype, order=order), Reference(dtype))


def sliding(array: np.ndarray, kernel: tuple[int, int]) -> np.ndarray:
    """Return the windows that start at multiples of the kernel: (N, C, H', W', KH, KW)."""
    if 0 in array.shape:
        n, c, h, w = array.shape
        return np.zeros((n, c, h // kernel[0], w // kernel[1], *kernel))
    view = np.lib.stride_tricks.sliding_window_view(array, kernel, axis=(2, 3))
    return view[:, :, :: kernel[0], :: kernel[1]]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("order", ORDERS)
@given(n=sizes, c=sizes, rows=sizes, columns=sizes, kernel=windows)
def test_tile_returns_windows_in_row_major_order(
    n: int, c: int, rows: int, columns: int, kernel: tuple[int, int], order: str, dtype: Any
) -> None:
    x = images((n, c, rows * kernel[0], columns * kernel[1]), order, dtype)
    out, height, width = tile(x, kernel)
    assert (height, width) == (rows, columns)
    assert out.shape == (n, c, rows, columns, kernel[0] * kernel[1])
    assert out.dtype == dtype
    np.testing.assert_array_equal(out, sliding(x.to_numpy(), kernel).reshape(out.shape))


@pytest.mark.parametrize("order", ORDERS)
@given(n=sizes, c=sizes, rows=sizes, columns=sizes, kernel=windows)
def test_avgpool2d_agrees_with_numpy(
    n: int, c: int, rows: int, columns: int, kernel: tuple[int, int], order: str
) -> None:
    x = images((n, c, rows * kernel[0], columns * kernel[1]), order)
    expected = sliding(x.to_numpy(), kernel).mean((4, 5))
    np.testing.assert_allclose(avgpool2d(x, kernel), expected, rtol=1e-14)


@pytest.mark.parametrize("order", ORDERS)
@given(n=sizes, c=sizes, rows=sizes, columns=sizes, kernel=windows)
def test_maxpool2d_agrees_with_numpy(
    n: int, c: int, rows: int, columns: int, kernel: tuple[int, int], order: str
) -> None:
    x = images((n, c, rows * kernel[0], columns * kernel[1]), order)
    np.testing.assert_array_equal(maxpool2d(x, kernel), sliding(x.to_numpy(), kernel).max((4, 5)))


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("kernel", [(1, 1), (2, 1), (1, 3), (2, 3), (4, 6)])
@pytest.mark.parametrize("pool", [lambda x, k: tile(x, k)[0], *POOLS])
def test_gradients(pool: Any, kernel: tuple[int, int], order: str) -> None:
    grad_check(lambda x: pool(x, kernel), images((2, 1, 4, 6), order))


@pytest.mark.parametrize("pool", POOLS)
def test_gradients_of_empty_images(pool: Any) -> None:
    x = zeros((0, 2, 4, 0), requires_grad=True)
    pool(x, (2, 1)).sum().backward()
    assert x.grad.shape == x.shape


def test_views_of_larger_images() -> None:
    x = images((2, 3, 5, 9))[:, 1:, :4, 1::2]
    np.testing.assert_array_equal(maxpool2d(x, (2, 4)), sliding(x.to_numpy(), (2, 4)).max((4, 5)))
    repeated = images((1, 1, 2, 2)).expand(2, 3, 2, 2)
    np.testing.assert_array_equal(avgpool2d(repeated, (2, 2)), np.full((2, 3, 1, 1), 0.75))


def test_the_first_maximum_of_a_tie_has_the_gradient() -> None:
    x = tensor(np.zeros((1, 1, 4, 4)), requires_grad=True)
    maxpool2d(x, (2, 2)).backward(np.array([[[[1.0, 2.0], [3.0, 4.0]]]]))
    expected = np.zeros((1, 1, 4, 4))
    expected[0, 0, ::2, ::2] = [[1.0, 2.0], [3.0, 4.0]]
    np.testing.assert_array_equal(x.grad, expected)


@pytest.mark.parametrize("pool", POOLS)
def test_nan_affects_only_its_window(pool: Any) -> None:
    x = np.arange(8.0).reshape(1, 1, 2, 4)
    x[0, 0, 1, 0] = np.nan
    out = pool(tensor(x), (2, 2)).to_numpy()
    np.testing.assert_array_equal(np.isnan(out), [[[[True, False]]]])


@pytest.mark.parametrize("pool", [tile, *POOLS])
def test_kernels_that_do_not_divide_the_image(pool: Any) -> None:
    with pytest.raises(
        ShapeError, match=r"a kernel of 2 × 3 does not divide an image of 5 × 7"
    ) as info:
        pool(zeros((1, 1, 5, 7)), (2, 3))
    # The suggestion in the message.
    assert "input[:, :, :4, :6]" in str(info.value)


@pytest.mark.parametrize("shape", [(), (4,), (4, 4), (1, 4, 4), (1, 1, 1, 4, 4)])
def test_images_have_four_dimensions(shape: tuple[int, ...]) -> None:
    with pytest.raises(ShapeError, match=r"batch, channels, height, width"):
        tile(zeros(shape), (2, 2))


@pytest.mark.parametrize("kernel", [(0, 2), (2, -1), (2,), (2, 2, 2), 2])
def test_kernels_are_two_positive_sizes(kernel: Any) -> None:
    with pytest.raises(ShapeError, match="both at least 1"):
        tile(zeros((1, 1, 4, 4)), kernel)


@pytest.mark.parametrize("pool", [avgpool2d, maxpool2d, tile])
@pytest.mark.parametrize("kernel", [(2.0, 2.0), (2, 1.5), ("2", "2"), (np.float32(2), 2)])
def test_kernels_are_integers(pool: Any, kernel: Any) -> None:
    with pytest.raises(TypeError, match=r"tile: kernel .* must contain two integers"):
        pool(zeros((1, 1, 4, 4)), kernel)
    assert pool(zeros((1, 1, 4, 4)), (np.int64(2), np.int32(2))) is not None


# Stride and padding


@given(
    n=st.integers(1, 2),
    size=st.tuples(st.integers(3, 6), st.integers(3, 6)),
    kernel=windows,
    stride=windows,
    padded=st.booleans(),
)
def test_stride_and_padding_agree_with_numpy(
    n: int, size: tuple[int, int], kernel: tuple[int, int], stride: tuple[int, int], padded: bool
) -> None:
    x = images((n, 2, *size))
    padding = (kernel[0] // 2 * padded, kernel[1] // 2 * padded)
    widths = [(0, 0), (0, 0), *((width, width) for width in padding)]
    pools: list[tuple[Any, float, Any]] = [
        (max_pool2d, -np.inf, np.max),
        (avg_pool2d, 0.0, np.mean),
    ]
    for pool, fill, reduce in pools:
        array = np.pad(x.to_numpy(), widths, constant_values=fill)
        view = np.lib.stride_tricks.sliding_window_view(array, kernel, axis=(2, 3))
        expected = reduce(view[:, :, :: stride[0], :: stride[1]], axis=(4, 5))
        received = pool(x, kernel, stride, padding)
        np.testing.assert_allclose(received, expected, rtol=1e-14)


def test_one_number_applies_to_height_and_width() -> None:
    x = images((1, 2, 5, 6))
    for pool in (max_pool2d, avg_pool2d):
        np.testing.assert_array_equal(pool(x, 3, 2, 1), pool(x, (3, 3), (2, 2), (1, 1)))
        np.testing.assert_array_equal(pool(x, 2), pool(x, (2, 2)))


def test_a_remainder_of_the_image_is_left_out() -> None:
    x = images((1, 2, 5, 7))
    for pool, tiled in [(max_pool2d, maxpool2d), (avg_pool2d, avgpool2d)]:
        np.testing.assert_array_equal(pool(x, (2, 3)), tiled(x[:, :, :4, :6], (2, 3)))


@pytest.mark.parametrize("pool", [max_pool2d, avg_pool2d])
@pytest.mark.parametrize("settings", [((2, 2),), ((2, 2), (1, 2)), ((3, 2), (2, 2), (1, 1))])
def test_gradients_of_overlapping_windows(pool: Any, settings: Any) -> None:
    grad_check(lambda x: pool(x, *settings), images((1, 2, 4, 5)))


@pytest.mark.parametrize("pool", [max_pool2d, avg_pool2d])
@pytest.mark.parametrize(
    ("shape", "settings", "message"),
    [
        ((3, 4, 4), ((2, 2),), r"input of shape \(3, 4, 4\); expected \(batch, channels, height"),
        ((1, 1, 4, 4), ((0, 2),), r"kernel \(0, 2\); pass two integers.* each 1 or more"),
        ((1, 1, 4, 4), ((2.0, 2),), r"kernel \(2.0, 2\); pass two integers"),
        ((1, 1, 4, 4), ((2, 2), (0, 1)), r"stride \(0, 1\); pass two integers"),
        ((1, 1, 4, 4), ((2, 2), (1, 1), (2, 0)), r"padding \(2, 0\) is more than half"),
        ((1, 1, 4, 1), ((2, 2),), "an image of 4 × 1, padding included, is smaller than the ker"),
    ],
)
def test_invalid_settings_of_pooling(pool: Any, shape: Any, settings: Any, message: str) -> None:
    with pytest.raises(ShapeError, match=f"{pool.__name__}: {message}"):
        pool(zeros(shape), *settings)
