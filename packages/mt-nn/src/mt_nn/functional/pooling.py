"""Pooling: one number for each window of an image."""

from numbers import Integral

import numpy as np

from mt_autodiff import Tensor, fused
from mt_nn.functional.maximum import max
from mt_tensor import ShapeError
from mt_tensor.fused import operations


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
