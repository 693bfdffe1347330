"""Convolutions as products whose second operand is found in the input, never built.

One kernel serves all of them (see `Correlation`): the output, the gradient of the input, which is a
convolution of the output's gradient with turned kernels, and the gradient of the kernels, in which
the output's gradient takes the kernels' place. They differ in strides alone. Sequences are images
one row high.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mt_kernels_cuda.tuned.elementwise import Numbers
from mt_kernels_cuda.tuned.tiles import ALONG_ROWS, OWN, Product, launch_product
from mt_tensor import FusedForm, Gradients, TensorData, operators
from mt_tensor.layout import Storage

if TYPE_CHECKING:
    from mt_kernels_cuda.tuned.backend import TunedCuda

# The numbers of a convolution: the sizes of output positions, input and kernels; the direction in
# which kernels reach and how far they begin before the input; the strides of input and kernels; and
# how far apart images of the output are.
(P, Q, H, W, KH, KW, WAY, TOP, LEFT) = range(OWN, OWN + 9)
(X_N, X_C, X_H, X_W, W_O, W_C, W_H, W_W, OUT_N) = range(OWN + 9, OWN + 18)


def _first(weight: Storage, g: Numbers, batch: int, row: int, term: int) -> Any:
    column, rest = term % g[KW], term // g[KW]
    line, channel = rest % g[KH], rest // g[KH]
    return weight[row * g[W_O] + channel * g[W_C] + line * g[W_H] + column * g[W_W]]


def _column(g: Numbers, batch: int, column: int) -> tuple[int, int, int]:
    rest = column // g[Q]
    return (
        rest // g[P] * g[X_N],
        rest % g[P] - g[TOP],
        column % g[Q] - g[LEFT],
    )


def _second(input: Storage, g: Numbers, x: int, y: int, z: int, term: int) -> Any:
    rest = term // g[KW]
    line = y + g[WAY] * (rest % g[KH])
    column = z + g[WAY] * (term % g[KW])
    if 0 <= line < g[H] and 0 <= column < g[W]:
        return input[x + rest // g[KH] * g[X_C] + line * g[X_H] + column * g[X_W]]
    return input.dtype.type(0)


def _place(g: Numbers, batch: int, column: int) -> int:
    positions = g[P] * g[Q]
    return column // positions * g[OUT_N] + column % positions


CORRELATION = Product("correlate", _first, _column, _second, _place)


def correlate(
    backend: "TunedCuda",
    out: TensorData,
    input: TensorData,
    weight: TensorData,
    *,
    before: tuple[int, int] = (0, 0),
    reverse: bool = False,
    bias: Storage | None = None,
    relu: bool = False,
) -> None:
    """Slide kernels over images, zeros around them, and write what they find.

    Args:
        backend: What runs it.
        out: (N, O, P, Q), each image's channel contiguous; images and channels in any order.
        input: (N, C, H, W), in any layout.
        weight: (O, C, KH, KW), in any layout.
        before: How far before the input a kernel begins; if `reverse`, how far behind it reaches
            ahead.
        reverse: Whether kernels reach towards the beginning.
        bias: What is added to each output channel.
        relu: Whether negative results become 0.
    """
    if out.size == 0:
        return
    count, outputs, rows, columns = out.shape
    channels, height, width = weight.shape[1:]
    terms = channels * height * width
    if terms == 0 or input.size == 0:
        backend.map(operators.id, backend.full((1, 1, 1, 1), 0.0), out)
        return
    own = (
        *(rows, columns, *input.shape[2:], height, width),
        *(-1 if reverse else 1, *before),
        *(*input.strides, *weight.strides, out.strides[0]),
    )
    launch_product(
        backend,
        CORRELATION,
        out.storage,
        (weight.storage, input.storage),
        (outputs, count * rows * columns, terms, 1),
        out.strides[1],
        own,
        bias=None if bias is None else (ALONG_ROWS, bias),
        relu=relu,
    )


def as_images(a: TensorData) -> TensorData:
    """Return sequences (N, C, W) as images (N, C, 1, W)."""
    (count, channels, width), (n, c, w) = a.shape, a.strides
    return TensorData.trusted(a.storage, (count, channels, 1, width), (n, c, w, w))


def as_sequences(a: TensorData) -> TensorData:
    """Return images one row high as sequences."""
    (count, channels, _, width), (n, c, _, w) = a.shape, a.strides
    return TensorData.trusted(a.storage, (count, channels, width), (n, c, w))


@dataclass(frozen=True, slots=True)
class Call:
    """What a call leaves for its gradients, sequences as images one row high.

    Attributes:
        sequences: Whether the input was given as sequences.
        before: How many rows and columns of zeros are before the input.
        input: (N, C, H, W).
        weight: (O, C, KH, KW).
        out: What came out, (N, O, P, Q).
        relu: Whether negative sums became 0.
        needs_grad: For input, weight and bias, if there is one.
    """

    sequences: bool
    before: tuple[int, int]
    input: TensorData
    weight: TensorData
    out: TensorData
    relu: bool
    needs_grad: tuple[bool, ...]


def convolve(
    backend: "TunedCuda",
    needs_grad: tuple[bool, ...],
    input: TensorData,
    weight: TensorData,
    bias: TensorData | None,
    before: tuple[int, ...],
    positions: tuple[int, ...],
    stride: tuple[int, ...],
    relu: bool,
) -> Call | None:
    """Compute a convolution; it declines strides and whatever does not fit together."""
    sequences = input.dims == weight.dims == 3 and len(before) == len(positions) == 1
    if sequences:
        input, weight = as_images(input), as_images(weight)
        before, positions = (0, *before), (1, *positions)
    if not (input.dims == weight.dims == 4 and len(before) == len(positions) == 2):
        return None
    outputs = weight.shape[0]
    if (
        any(step != 1 for step in stride)
        or input.shape[1] != weight.shape[1]
        or 0 in (*input.shape, *weight.shape, *positions)
        or min(*before, *positions) < 0
        or (bias is not None and bias.shape != (outputs,))
    ):
        return None
    out = backend.empty((input.shape[0], outputs, *positions))
    added = None if bias is None else backend.contiguous(bias).storage
    zeros = (before[0], before[1])
    correlate(backend, out, input, weight, before=zeros, bias=added, relu=relu)
    return Call(sequences, zeros, input, weight, out, relu, needs_grad)


class Convolution(FusedForm):
    """Convolution, bias and ReLU in one pass, for a stride of 1."""

    @staticmethod
    def forward(
        backend: "TunedCuda",
        needs_grad: tuple[bool, ...],
        input: TensorData,
        weight: TensorData,
        bias: TensorData | None,
        before: tuple[int, ...],
        positions: tuple[int, ...],
        stride: tuple[int, ...],
        relu: bool,
    ) -> tuple[TensorData, Call] | None:
        """Compute the layer's output; see `mt_nn.functional.convolution.convolve`."""
        call = convolve(backend, needs_grad, input, weight, bias, before, positions, stride, relu)
        if call is None:
            return None
        return (as_sequences(call.out) if call.sequences else call.out), call

    @staticmethod
    def backward(backend: "TunedCuda", saved: Call, grad: TensorData) -> Gradients:
        """Return the gradients of input, weight and bias, where they are needed."""
        if saved.sequences:
            grad = as_images(grad)
        if saved.relu:
            grad = backend.zip(operators.relu_back, saved.out, grad)
        grad = backend.contiguous(grad)
        by_input = by_weight = by_bias = None
        if saved.needs_grad[0]:
            by_input = gradient_of_input(backend, saved, grad)
        if saved.needs_grad[1]:
            by_weight = gradient_of_weight(backend, saved, grad)
        if saved.needs_grad[2:] == (True,):
            count, outputs, rows, columns = grad.shape
            sums = backend.reduce(operators.add, grad.view(count * outputs, rows * columns), 1, 0.0)
            by_bias = backend.reduce(operators.add, sums.view(count, outputs), 0, 0.0).view(outputs)
        if saved.sequences:
            by_input = by_input and as_sequences(by_input)
            by_weight = by_weight and as_sequences(by_weight)
        return (by_input, by_weight, by_bias)[: len(saved.needs_grad)]


def gradient_of_input(backend: "TunedCuda", call: Call, grad: TensorData) -> TensorData:
    r"""Return $\bar x_{n,c,q} = \sum_{o,k} \bar z_{n,o,q+before-k}\, w_{o,c,k}$."""
    out = backend.empty(call.input.shape)
    (top, left), turned = call.before, call.weight.permute(1, 0, 2, 3)
    correlate(backend, out, grad, turned, before=(-top, -left), reverse=True)
    return out


def gradient_of_weight(backend: "TunedCuda", call: Call, grad: TensorData) -> TensorData:
    r"""Return $\bar w_{o,c,k} = \sum_{n,p} \bar z_{n,o,p}\, x_{n,c,p+k-before}$."""
    out = backend.empty(call.weight.shape)
    swap = (1, 0, 2, 3)
    images, kernels = call.input.permute(*swap), grad.permute(*swap)
    correlate(backend, out.permute(*swap), images, kernels, before=call.before)
    return out
