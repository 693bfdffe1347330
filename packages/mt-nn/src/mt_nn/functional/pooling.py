"""Pooling: one number for each window of an image.

`maxpool2d` and `avgpool2d` are the course's: windows tile the image. `max_pool2d` and `avg_pool2d`
have PyTorch's stride and padding, and leave out a remainder of the image that fills no window.
"""

from collections.abc import Iterator
from numbers import Integral
from typing import TypeAlias

import numpy as np

from mt_autodiff import Tensor, concatenate, from_numpy, fused, pad
from mt_autodiff.names import renamed
from mt_nn.functional.maximum import max
from mt_tensor import ShapeError
from mt_tensor.fused import operations
from mt_tensor.fused.arguments import pooling_window

Sizes: TypeAlias = int | tuple[int, int]
"""One number, or height and width."""


def tile(input: Tensor, kernel: tuple[int, int]) -> tuple[Tensor, int, int]:
    """Divide images into windows that do not overlap.

    Args:
        input: The images.
        kernel: Height and width of a window. They must divide the image's.

    Returns:
        The windows, each as one row in row-major order; the number of windows along the height;
        the number along the width.

    Shape:
        (N, C, H, W) → (N, C, H', W', KH · KW), H' = H / KH, W' = W / KW.

    Raises:
        ShapeError: The input does not have four dimensions, the kernel is not two positive sizes,
            or it does not divide the image.

    >>> from mt_autodiff import tensor
    >>> windows, height, width = tile(tensor([[[[1, 2, 3, 4], [5, 6, 7, 8]]]]), (2, 2))
    >>> height, width, windows.to_numpy().tolist()
    (1, 2, [[[[[1.0, 2.0, 5.0, 6.0], [3.0, 4.0, 7.0, 8.0]]]]])
    """
    _check_windows(input.shape, kernel)
    batch, channels, height, width = input.shape
    kh, kw = kernel
    rows, columns = height // kh, width // kw
    cut = input.contiguous().view(batch, channels, rows, kh, columns, kw)
    windows = cut.permute(0, 1, 2, 4, 3, 5).contiguous()  # (N, C, H', W', KH, KW)
    return windows.view(batch, channels, rows, columns, kh * kw), rows, columns


@fused(operations.AVGPOOL2D)
def avgpool2d(input: Tensor, kernel: tuple[int, int]) -> Tensor:
    """Return the mean of every window.

    Args:
        input: The images.
        kernel: Height and width of a window.

    Shape:
        (N, C, H, W) → (N, C, H / KH, W / KW).

    Raises:
        ShapeError: The shapes are invalid, see `tile`.

    >>> from mt_autodiff import tensor
    >>> avgpool2d(tensor([[[[1, 2, 3, 4], [5, 6, 7, 8]]]]), (2, 2))
    tensor([[[[3.5, 5.5]]]])
    """
    windows, height, width = tile(input, kernel)
    return windows.mean(4).view(*input.shape[:2], height, width)


@fused(operations.MAXPOOL2D)
def maxpool2d(input: Tensor, kernel: tuple[int, int]) -> Tensor:
    """Return the maximum of every window; the first maximum has the gradient.

    Args:
        input: The images.
        kernel: Height and width of a window.

    Shape:
        (N, C, H, W) → (N, C, H / KH, W / KW).

    Raises:
        ShapeError: The shapes are invalid, see `tile`.

    >>> from mt_autodiff import tensor
    >>> maxpool2d(tensor([[[[1, 2, 3, 4], [5, 6, 7, 8]]]]), (2, 2))
    tensor([[[[6., 8.]]]])
    """
    windows, height, width = tile(input, kernel)
    return max(windows, 4).view(*input.shape[:2], height, width)


@renamed(kernel_size="kernel", ceil_mode=None, dilation=None)
def max_pool2d(
    input: Tensor,
    kernel: Sizes,
    stride: Sizes | None = None,
    padding: Sizes = 0,
) -> Tensor:
    """Return the maximum of every window; the first maximum has the gradient.

    Args:
        input: The images.
        kernel: Height and width of a window, or one number for both.
        stride: The distance between windows; None means the kernel's size.
        padding: The width of the border, whose elements are -∞; at most half of the kernel.

    Shape:
        (N, C, H, W) → (N, C, H', W'), H' = (H + 2 padding - kernel) // stride + 1, W' likewise.

    Raises:
        ShapeError: The input does not have four dimensions, the image is smaller than the kernel,
            or a size is invalid.

    >>> from mt_autodiff import tensor
    >>> max_pool2d(tensor([[[[1, 2, 3], [4, 5, 6], [7, 8, 9]]]]), (2, 2), stride=(1, 1))
    tensor([[[[5., 6.],
              [8., 9.]]]])
    """
    kernel, padding = _pair(kernel), _pair(padding)
    step = kernel if stride is None else _pair(stride)
    if step == kernel and padding == (0, 0) and pooling_window(input.data, kernel) is not None:
        return maxpool2d(input, kernel)
    _check_pooling("max_pool2d", input, kernel, step, padding)
    if step == kernel and padding == (0, 0):
        return maxpool2d(_cropped(input, kernel), kernel)
    if any(padding):
        widths = [(width, width) for width in padding]
        border = np.pad(np.zeros(input.shape[2:]), widths, constant_values=-np.inf)
        input = _padded(input, padding) + from_numpy(border, input.backend)
    views = list(_shifted(input, kernel, step))
    stacked = concatenate([view.contiguous().view(*view.shape, 1) for view in views], 4)
    return max(stacked, 4).view(*views[0].shape)


@renamed(kernel_size="kernel", ceil_mode=None)
def avg_pool2d(
    input: Tensor,
    kernel: Sizes,
    stride: Sizes | None = None,
    padding: Sizes = 0,
    count_include_pad: bool = True,
) -> Tensor:
    """Return the mean of every window.

    Args:
        input: The images.
        kernel: Height and width of a window, or one number for both.
        stride: The distance between windows; None means the kernel's size.
        padding: The width of the border, whose elements are 0; at most half of the kernel.
        count_include_pad: False divides by the number of elements inside of the image.

    Shape:
        (N, C, H, W) → (N, C, H', W'), H' = (H + 2 padding - kernel) // stride + 1, W' likewise.

    Raises:
        ShapeError: The input does not have four dimensions, the image is smaller than the kernel,
            or a size is invalid.

    >>> from mt_autodiff import tensor
    >>> avg_pool2d(tensor([[[[1, 2, 3], [4, 5, 6], [7, 8, 9]]]]), (2, 2))
    tensor([[[[3.]]]])
    """
    kernel, padding = _pair(kernel), _pair(padding)
    step = kernel if stride is None else _pair(stride)
    if step == kernel and padding == (0, 0) and pooling_window(input.data, kernel) is not None:
        return avgpool2d(input, kernel)
    _check_pooling("avg_pool2d", input, kernel, step, padding)
    if step == kernel and padding == (0, 0):
        return avgpool2d(_cropped(input, kernel), kernel)
    first, *others = _shifted(_padded(input, padding), kernel, step)
    total = first
    for view in others:
        total = total + view
    if count_include_pad or not any(padding):
        return total * (1.0 / (kernel[0] * kernel[1]))
    inside = from_numpy(np.ones((1, 1, *input.shape[2:])), input.backend)
    views = [view.to_numpy() for view in _shifted(_padded(inside, padding), kernel, step)]
    return total * from_numpy(1.0 / np.sum(views, 0), input.backend)


def _pair(sizes: Sizes) -> tuple[int, int]:
    """Return height and width; one number applies to both."""
    return sizes if isinstance(sizes, tuple) else (sizes, sizes)


def _cropped(input: Tensor, kernel: tuple[int, int]) -> Tensor:
    """Return images without the rows and columns that fill no window."""
    height, width = (s // k * k for s, k in zip(input.shape[2:], kernel, strict=True))
    if (height, width) == input.shape[2:]:
        return input
    view: Tensor = input[:, :, :height, :width]
    return view


def _padded(input: Tensor, padding: tuple[int, int]) -> Tensor:
    """Return images with a border of zeros."""
    if not any(padding):
        return input
    return pad(input, [(0, 0), (0, 0), *((width, width) for width in padding)])


def _shifted(input: Tensor, kernel: tuple[int, int], stride: tuple[int, int]) -> Iterator[Tensor]:
    """Yield, for each element of a window in row-major order, its value in all windows."""
    rows, columns = (
        (size - window) // step + 1
        for size, window, step in zip(input.shape[2:], kernel, stride, strict=True)
    )
    for i in range(kernel[0]):
        down = slice(i, i + (rows - 1) * stride[0] + 1, stride[0])
        for j in range(kernel[1]):
            yield input[:, :, down, j : j + (columns - 1) * stride[1] + 1 : stride[1]]


def _check_pooling(
    operation: str,
    input: Tensor,
    kernel: tuple[int, int],
    stride: tuple[int, int],
    padding: tuple[int, int],
) -> None:
    """Check the input and all sizes.

    Raises:
        ShapeError: The input does not have four dimensions, the image is smaller than the kernel,
            or a size is invalid.
    """
    if input.dims != 4:
        raise ShapeError(
            f"{operation}: input of shape {input.shape}; expected (batch, channels, height, "
            "width): use view to add missing dimensions of size 1"
        )
    for name, sizes, least in (
        ("kernel", kernel, 1),
        ("stride", stride, 1),
        ("padding", padding, 0),
    ):
        whole = np.shape(sizes) == (2,) and all(isinstance(size, Integral) for size in sizes)
        if not whole or any(size < least for size in sizes):
            raise ShapeError(
                f"{operation}: {name} {sizes!r}; pass two integers, for height and width, each "
                f"{least} or more"
            )
    if any(2 * width > size for width, size in zip(padding, kernel, strict=True)):
        raise ShapeError(
            f"{operation}: padding {padding} is more than half of the kernel {kernel}, so that "
            "windows lie outside of the image; use less padding or a larger kernel"
        )
    height, width = (s + 2 * p for s, p in zip(input.shape[2:], padding, strict=True))
    if height < kernel[0] or width < kernel[1]:
        raise ShapeError(
            f"{operation}: an image of {height} × {width}, padding included, is smaller than "
            f"the kernel of {kernel[0]} × {kernel[1]}; use a larger image, a smaller kernel or "
            "more padding"
        )


def _check_windows(shape: tuple[int, ...], kernel: tuple[int, int]) -> None:
    """Raise ShapeError unless the kernel's sizes divide images of a shape."""
    if len(shape) != 4:
        raise ShapeError(
            f"tile: input of shape {shape}; expected (batch, channels, height, width): "
            "use view to add missing dimensions of size 1"
        )
    if np.shape(kernel) == (2,) and not all(isinstance(size, Integral) for size in kernel):
        raise TypeError(f"tile: kernel {kernel} must contain two integers, height and width")
    if np.shape(kernel) != (2,) or any(size < 1 for size in kernel):
        raise ShapeError(
            f"tile: kernel {kernel}; pass the height and the width of a window, both at least 1"
        )
    if any(size % window for size, window in zip(shape[2:], kernel, strict=True)):
        fitting = tuple(
            size // window * window for size, window in zip(shape[2:], kernel, strict=True)
        )
        raise ShapeError(
            f"tile: a kernel of {kernel[0]} × {kernel[1]} does not divide an image of "
            f"{shape[2]} × {shape[3]}; choose another kernel, crop the image to "
            f"{fitting[0]} × {fitting[1]} with input[:, :, :{fitting[0]}, :{fitting[1]}], or "
            "enlarge it with mt_autodiff.pad"
        )
