"""Pooling layers: one number for each window of an image."""

from collections.abc import Sequence

from mt_autodiff import Tensor
from mt_nn.functional import avgpool2d, maxpool2d
from mt_nn.layers._checks import check_sizes, check_tensor
from mt_nn.module import Module


class _Pooling(Module):
    """The base class of pooling layers."""

    def __init__(self, kernel: int | Sequence[int]) -> None:
        """Build the layer.

        Args:
            kernel: The size of a window, one number or (height, width).

        Raises:
            ValueError: A size is smaller than 1, or there are more than two sizes.
            TypeError: A size is not an integer.
        """
        height, width = check_sizes(type(self).__name__, "kernel", kernel, 2, 1)
        self.kernel = (height, width)

    def extra_repr(self) -> str:
        """Return the size of a window."""
        height, width = self.kernel
        return str(height if height == width else self.kernel)


class AvgPool2d(_Pooling):
    """Average pooling: the mean of each window; windows do not overlap.

    Attributes:
        kernel: The size of a window, (height, width).

    >>> from mt_autodiff import tensor
    >>> AvgPool2d(2)(tensor([[[[1, 2], [3, 4]]]]))
    tensor([[[[2.5]]]])
    """

    def forward(self, input: Tensor) -> Tensor:
        """Return the mean of each window; see `mt_nn.avgpool2d`.

        Shape:
            (N, C, H, W) → (N, C, H / height, W / width).
        """
        check_tensor(self, input)
        return avgpool2d(input, self.kernel)


class MaxPool2d(_Pooling):
    """Max pooling: the maximum of each window; windows do not overlap.

    Attributes:
        kernel: The size of a window, (height, width).

    >>> from mt_autodiff import tensor
    >>> MaxPool2d((1, 2))(tensor([[[[1, 2], [3, 4]]]]))
    tensor([[[[2.],
              [4.]]]])
    """

    def forward(self, input: Tensor) -> Tensor:
        """Return the maximum of each window; see `mt_nn.maxpool2d`.

        Shape:
            (N, C, H, W) → (N, C, H / height, W / width).
        """
        check_tensor(self, input)
        return maxpool2d(input, self.kernel)
