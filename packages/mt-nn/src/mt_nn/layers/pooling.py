"""Pooling layers: one number for each window of an image."""

from collections.abc import Sequence

from mt_autodiff import Tensor
from mt_autodiff.names import renamed
from mt_nn.functional.pooling import avg_pool2d, max_pool2d
from mt_nn.layers._checks import check_sizes, check_tensor
from mt_nn.module import Module


class _Pooling(Module):
    """The base class of pooling layers."""

    @renamed(kernel_size="kernel", dilation=None, ceil_mode=None, return_indices=None)
    def __init__(
        self,
        kernel: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int] = 0,
    ) -> None:
        """Build the layer.

        Args:
            kernel: The size of a window, one number or (height, width).
            stride: The distance between windows; None means the kernel's size.
            padding: The width of the border, at most half of the kernel.

        Raises:
            ValueError: A size is out of range, or there are more than two sizes.
            TypeError: A size is not an integer.
        """
        name = type(self).__name__
        self.kernel = _pair(name, "kernel", kernel, 1)
        self.stride = self.kernel if stride is None else _pair(name, "stride", stride, 1)
        self.padding = _pair(name, "padding", padding, 0)

    def extra_repr(self) -> str:
        """Return the size of a window, and settings other than the defaults."""
        parts = [_short(self.kernel)]
        if self.stride != self.kernel:
            parts.append(f"stride={_short(self.stride)}")
        if any(self.padding):
            parts.append(f"padding={_short(self.padding)}")
        return ", ".join(parts)


class AvgPool2d(_Pooling):
    """Average pooling: the mean of each window.

    A remainder of the image that fills no window is left out. Backends with a fused form use it
    if windows do not overlap and there is no padding.

    Attributes:
        kernel: The size of a window, (height, width).
        stride: The distance between windows, (height, width).
        padding: The width of the border of zeros, (height, width).

    >>> from mt_autodiff import tensor
    >>> AvgPool2d(2)(tensor([[[[1, 2], [3, 4]]]]))
    tensor([[[[2.5]]]])
    """

    def forward(self, input: Tensor) -> Tensor:
        """Return the mean of each window; see `mt_nn.functional.avg_pool2d`.

        Shape:
            (N, C, H, W) → (N, C, H', W'), H' = (H + 2 padding - kernel) // stride + 1.
        """
        check_tensor(self, input)
        return avg_pool2d(input, self.kernel, self.stride, self.padding)


class MaxPool2d(_Pooling):
    """Max pooling: the maximum of each window.

    A remainder of the image that fills no window is left out. Backends with a fused form use it
    if windows do not overlap and there is no padding.

    Attributes:
        kernel: The size of a window, (height, width).
        stride: The distance between windows, (height, width).
        padding: The width of the border of -∞, (height, width).

    >>> from mt_autodiff import tensor
    >>> MaxPool2d((1, 2))(tensor([[[[1, 2], [3, 4]]]]))
    tensor([[[[2.],
              [4.]]]])
    """

    def forward(self, input: Tensor) -> Tensor:
        """Return the maximum of each window; see `mt_nn.functional.max_pool2d`.

        Shape:
            (N, C, H, W) → (N, C, H', W'), H' = (H + 2 padding - kernel) // stride + 1.
        """
        check_tensor(self, input)
        return max_pool2d(input, self.kernel, self.stride, self.padding)


def _pair(layer: str, name: str, value: int | Sequence[int], least: int) -> tuple[int, int]:
    height, width = check_sizes(layer, name, value, 2, least)
    return height, width


def _short(sizes: tuple[int, int]) -> str:
    return str(sizes[0] if sizes[0] == sizes[1] else sizes)
