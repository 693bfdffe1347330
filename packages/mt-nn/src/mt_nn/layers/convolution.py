"""Convolution layers for sequences and images, with a bias and an activation."""

from collections.abc import Sequence
from typing import Any, ClassVar, Literal, TypeAlias

from mt_autodiff import Seed, Tensor
from mt_autodiff.names import renamed
from mt_nn import init as initializers
from mt_nn.functional.convolution import convolve, max_over_time
from mt_nn.functional.linear import Activation
from mt_nn.init import Initializer
from mt_nn.layers._checks import check_activation, check_sizes, check_tensor
from mt_nn.module import Module
from mt_nn.parameter import Parameter
from mt_tensor import REFERENCE, Backend, ShapeError

Padding: TypeAlias = int | Sequence[int] | Literal["trailing"]
"""The number of zeros on both sides, for all dimensions or one for each; or "trailing": kernel - 1
zeros after the input and none before it, so that the output has the input's size at stride 1."""


class _Convolution(Module):
    """The base class of convolution layers, for any number of spatial dimensions."""

    spatial: ClassVar[int]
    layout: ClassVar[str]

    @renamed(
        kernel_size="kernel",
        dilation=None,
        groups=None,
        padding_mode=None,
        device="backend",
        dtype="backend",
    )
    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel: int | Sequence[int],
        *,
        stride: int | Sequence[int] = 1,
        padding: Padding = 0,
        bias: bool = True,
        activation: Activation = None,
        init: Initializer = initializers.kaiming_uniform,
        rng: Seed = None,
        backend: Backend = REFERENCE,
    ) -> None:
        """Build a layer with random kernels and a bias of zeros.

        Args:
            in_channels: The number of input channels, 1 or more.
            out_channels: The number of output channels, 1 or more.
            kernel: The kernels' size, one number for all dimensions or one for each.
            stride: The distance between the positions of neighbouring outputs.
            padding: The zeros around the input, see `Padding`.
            bias: True adds a parameter to each output channel.
            activation: "relu" or None. ReLU equals calling ``relu()`` on the output; a backend may
                fuse both.
            init: The initialiser of the kernels.
            rng: A generator, preferably one for the whole network; a seed, or None.
            backend: The backend of the parameters.

        Raises:
            ValueError: A size is out of range.
            TypeError: A size is not an integer.
        """
        name, n = type(self).__name__, self.spatial
        (self.in_channels,) = check_sizes(name, "in_channels", in_channels, 1, 1)
        (self.out_channels,) = check_sizes(name, "out_channels", out_channels, 1, 1)
        self.kernel = check_sizes(name, "kernel", kernel, n, 1)
        self.stride = check_sizes(name, "stride", stride, n, 1)
        if isinstance(padding, str) and padding != "trailing":
            raise ValueError(
                f'{name}: padding "{padding}" is unknown; pass "trailing", or the number of zeros '
                "on both sides"
            )
        self.padding: tuple[int, ...] | Literal["trailing"] = (
            padding if isinstance(padding, str) else check_sizes(name, "padding", padding, n, 0)
        )
        self.activation = check_activation(name, activation)
        shape = (out_channels, in_channels, *self.kernel)
        self.weight = Parameter(init(shape, rng=rng, backend=backend))
        self.bias = (
            Parameter(initializers.zeros((out_channels,), backend=backend)) if bias else None
        )

    def forward(self, input: Tensor) -> Tensor:
        """Convolve the input with the kernels.

        Shape:
            (N, in_channels, *sizes) → (N, out_channels, *counts).

        Raises:
            ShapeError: The input has another number of dimensions or channels, or it is smaller
                than the kernel.
            TypeError: The input is not a tensor.
        """
        return convolve(*self._operands(input), relu=self.activation == "relu")

    def _operands(
        self, input: Tensor
    ) -> tuple[Tensor, Tensor, Tensor | None, tuple[int, ...], tuple[int, ...], tuple[int, ...]]:
        """Return input, kernels, bias, zeros before the input, positions and stride."""
        check_tensor(self, input)
        positions = self._positions(input)
        before = (0,) * self.spatial if isinstance(self.padding, str) else self.padding
        bias: Tensor | None = None if self.bias is None else self.bias.value
        return input, self.weight.value, bias, before, positions, self.stride

    def _positions(self, input: Tensor) -> tuple[int, ...]:
        """Return the numbers of kernel positions, up to the last one that the stride keeps."""
        if input.dims != 2 + self.spatial or input.shape[1] != self.in_channels:
            raise ShapeError(
                f"{self!r}: input of shape {input.shape}; expected (batch, {self.in_channels}, "
                f"{self.layout}). Use view to add or merge dimensions, or build the layer for "
                "other channels"
            )
        positions = []
        for dim, (size, kernel, stride) in enumerate(
            zip(input.shape[2:], self.kernel, self.stride, strict=True)
        ):
            zeros = kernel - 1 if self.padding == "trailing" else 2 * self.padding[dim]
            count = size + zeros - kernel + 1
            if count < 1:
                raise ShapeError(
                    f"{self!r}: input of shape {input.shape} is smaller than the kernel, padding "
                    f"included: {size + zeros} and {kernel} in dimension {dim + 2}. Use a larger "
                    "input, a smaller kernel or more padding"
                )
            positions.append((count - 1) // stride * stride + 1)
        return tuple(positions)

    def extra_repr(self) -> str:
        """Return the sizes, and settings other than the defaults."""
        parts = [str(self.in_channels), str(self.out_channels), f"kernel={_short(self.kernel)}"]
        if any(step != 1 for step in self.stride):
            parts.append(f"stride={_short(self.stride)}")
        if self.padding == "trailing":
            parts.append("padding='trailing'")
        elif any(self.padding):
            parts.append(f"padding={_short(self.padding)}")
        if self.bias is None:
            parts.append("bias=False")
        if self.activation is not None:
            parts.append(f"activation={self.activation!r}")
        return ", ".join(parts)


class Conv1d(_Convolution):
    r"""A convolution of sequences.

    $y_{n,o,p} = b_o + \sum_{c,k} x_{n,c,p \cdot \text{stride} + k} w_{o,c,k}$, where $x$ includes
    the zeros of the padding.

    Shape:
        (N, in_channels, W) → (N, out_channels, W'), where
        W' = (W + 2 padding - kernel) // stride + 1, or ⌈W / stride⌉ with trailing padding.

    Attributes:
        weight: Shape (out_channels, in_channels, kernel).
        bias: Shape (out_channels,), or None.

    >>> from mt_autodiff import ones
    >>> Conv1d(3, 8, kernel=5, padding=2, rng=0)(ones((1, 3, 10))).shape
    (1, 8, 10)
    """

    spatial = 1
    layout = "width"


class MaxOverTimeConv1d(Conv1d):
    r"""A convolution of sequences with max-over-time pooling.

    $y_{n,o} = \max(0, \max_p z_{n,o,p})$, where $z$ is the output of `Conv1d` (Kim, "Convolutional
    neural networks for sentence classification", EMNLP 2014). A backend may fuse it; the gradient
    is then computed only for the windows of the maxima.

    Shape:
        (N, in_channels, W) → (N, out_channels, 1).

    Attributes:
        weight: Shape (out_channels, in_channels, kernel).
        bias: Shape (out_channels,), or None.

    >>> from mt_autodiff import ones
    >>> MaxOverTimeConv1d(3, 8, kernel=5, padding="trailing", rng=0)(ones((2, 3, 10))).shape
    (2, 8, 1)
    """

    def __init__(
        self, in_channels: int, out_channels: int, kernel: int | Sequence[int], **options: Any
    ) -> None:
        """Build a layer with random kernels and a bias of zeros.

        Args:
            in_channels: The number of input channels, 1 or more.
            out_channels: The number of output channels, 1 or more.
            kernel: The kernels' size.
            **options: Further arguments of `Conv1d`, except `activation`, which is "relu".
        """
        super().__init__(in_channels, out_channels, kernel, activation="relu", **options)

    def forward(self, input: Tensor) -> Tensor:
        """Return the maximum over time of each output channel; see `Conv1d.forward`."""
        return max_over_time(*self._operands(input))


class Conv2d(_Convolution):
    r"""A convolution of images.

    $y_{n,o,p,q} = b_o + \sum_{c,k,l} x_{n,c,p s + k,q s + l} w_{o,c,k,l}$ with the stride $s$,
    where $x$ includes the zeros of the padding.

    Shape:
        (N, in_channels, H, W) → (N, out_channels, H', W'), where
        H' = (H + 2 padding - kernel) // stride + 1, or ⌈H / stride⌉ with trailing padding, and W'
        likewise.

    Attributes:
        weight: Shape (out_channels, in_channels, *kernel).
        bias: Shape (out_channels,), or None.

    >>> from mt_autodiff import ones
    >>> layer = Conv2d(1, 4, kernel=3, padding="trailing", rng=0)
    >>> layer
    Conv2d(1, 4, kernel=3, padding='trailing')
    >>> layer(ones((2, 1, 28, 28))).shape
    (2, 4, 28, 28)
    """

    spatial = 2
    layout = "height, width"


def _short(sizes: tuple[int, ...]) -> int | tuple[int, ...]:
    """Return one number for equal sizes, else all sizes."""
    return sizes[0] if len(set(sizes)) == 1 else sizes
