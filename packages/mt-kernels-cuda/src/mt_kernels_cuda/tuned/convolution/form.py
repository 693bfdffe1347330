"""Convolutions as products whose second operand is found in the input, never built.

One kernel serves all of them (see `Correlation`): the output, the gradient of the input, which is a
convolution of the output's gradient with turned kernels, and the gradient of the kernels, in which
the output's gradient takes the kernels' place. They differ in strides alone. Sequences are images
one row high.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mt_kernels_cuda.launching import Table
from mt_kernels_cuda.tuned.device import Device
from mt_kernels_cuda.tuned.gemm.strips import Operand, Walk
from mt_kernels_cuda.tuned.gemm.tiles import ALONG_ROWS, OWN, Product, launch_product
from mt_kernels_cuda.tuned.hardware.integers import divmod
from mt_kernels_cuda.tuned.hardware.vec4 import VEC4, load4, vec4_aligned
from mt_kernels_cuda.tuned.operations.elementwise import Numbers, merged
from mt_tensor import FusedForm, Gradients, TensorData, operators
from mt_tensor.layout import Storage

(P, Q, H, W, TOP, LEFT, X_N, X_H, X_W, W_O, OUT_N) = range(OWN, OWN + 11)
"""The numbers of a convolution: the sizes of output positions and input; how far kernels begin
before the input; strides of the input; how far one output's kernels are from the next's; and how
far apart images of the output are."""


def _starts(g: Numbers, batch: int) -> tuple[int, int]:
    return 0, 0


def _row(g: Numbers, start: int, row: int) -> tuple[int, int, int]:
    return row * g[W_O], 0, 0


def _of_weight(g: Numbers, steps: Storage, x: int, y: int, z: int, term: int) -> int:
    in_weight, _, _, _ = load4(steps, VEC4 * term)
    return x + int(in_weight)


def _column(g: Numbers, start: int, column: int) -> tuple[int, int, int]:
    rest, across = divmod(column, g[Q])
    image, line = divmod(rest, g[P])
    line, across = line - g[TOP], across - g[LEFT]
    return image * g[X_N] + line * g[X_H] + across * g[X_W], line, across


def _of_input(g: Numbers, steps: Storage, x: int, y: int, z: int, term: int) -> int:
    _, in_input, down, right = load4(steps, VEC4 * term)
    if 0 <= y + down < g[H] and 0 <= z + right < g[W]:
        return x + int(in_input)
    return -1


def _place(g: Numbers, batch: int, column: int) -> int:
    image, position = divmod(column, g[P] * g[Q])
    return image * g[OUT_N] + position


CORRELATION = Product(
    "correlate", _starts, Operand(_row, _of_weight), Operand(_column, _of_input), _place
)


@dataclass(frozen=True)
class Steps(Table):
    """What each term of a convolution adds to places, so that no thread divides to find it.

    Shape:
        (terms, 4), flat: the steps in the kernels and in the input, down and to the right.

    Attributes:
        sizes: Of channels, lines and columns of the kernels.
        weight: The strides of the kernels along these.
        input: The strides of the input along these.
        way: In which direction kernels reach, 1 or -1.
    """

    sizes: Numbers
    weight: Numbers
    input: Numbers
    way: int

    def array(self) -> npt.NDArray[np.integer]:
        """Compute the table, in 32 bits if they are enough: they take half the registers."""
        terms = np.indices(self.sizes).reshape(3, -1)
        reached = terms * np.array([[1], [self.way], [self.way]])
        places = [np.dot(self.weight, terms), np.dot(self.input, reached)]
        table = np.stack([*places, *reached[1:]], 1).reshape(-1)
        small = np.abs(table).max() <= np.iinfo(np.int32).max
        return table.astype(np.int32 if small else np.int64)


def correlate(
    backend: Device,
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
    terms = math.prod(weight.shape[1:])
    if terms == 0 or input.size == 0:
        backend.map(operators.id, backend.full((1, 1, 1, 1), 0.0), out)
        return
    images, _, lines, across = input.strides
    own = (
        *(rows, columns, *input.shape[2:], *before),
        *(images, lines, across, weight.strides[0], out.strides[0]),
    )
    way = -1 if reverse else 1
    launch_product(
        backend,
        CORRELATION,
        out.storage,
        (weight.storage, input.storage),
        (outputs, count * rows * columns, terms, 1),
        out.strides[1],
        own,
        walks=(_walk(weight), Walk(by_terms=False, vec4=False)),
        vec4_out=vec4_aligned(out.storage, rows * columns, *out.strides[:2]),
        steps=Steps(weight.shape[1:], weight.strides[1:], input.strides[1:], way),
        bias=None if bias is None else (ALONG_ROWS, bias),
        relu=relu,
    )


def _walk(weight: TensorData) -> Walk:
    """Return how to fetch kernels: terms that are neighbours in memory in pieces."""
    layout = merged(weight.shape[1:], weight.strides[1:])
    assert layout is not None, "three dimensions are few enough"
    dims, numbers = layout
    sizes, strides = numbers[:dims], numbers[dims:]
    begins = (sizes[-1], *strides[:-1], weight.strides[0])
    return Walk(by_terms=True, vec4=strides[-1] == 1 and vec4_aligned(weight.storage, *begins))


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


class Convolution(FusedForm[Device]):
    """Convolution, bias and ReLU in one pass, for a stride of 1."""

    @staticmethod
    def forward(
        backend: Device,
        needs_grad: tuple[bool, ...],
        input: TensorData,
        weight: TensorData,
        bias: TensorData | None,
        before: tuple[int, ...],
        positions: tuple[int, ...],
        stride: tuple[int, ...],
        relu: bool,
    ) -> tuple[TensorData, Call] | None:
        """Compute the layer's output; see `mt_nn.functional.convolution.convolve`.

        The form declines strides other than 1 and shapes that do not fit together.
        """
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
        call = Call(sequences, zeros, input, weight, out, relu, needs_grad)
        return (as_sequences(out) if sequences else out), call

    @staticmethod
    def backward(backend: Device, saved: Call, grad: TensorData) -> Gradients:
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


def gradient_of_input(backend: Device, call: Call, grad: TensorData) -> TensorData:
    r"""Return $\bar x_{n,c,q} = \sum_{o,k} \bar z_{n,o,q+before-k}\, w_{o,c,k}$."""
    out = backend.empty(call.input.shape)
    (top, left), turned = call.before, call.weight.permute(1, 0, 2, 3)
    correlate(backend, out, grad, turned, before=(-top, -left), reverse=True)
    return out


def gradient_of_weight(backend: Device, call: Call, grad: TensorData) -> TensorData:
    r"""Return $\bar w_{o,c,k} = \sum_{n,p} \bar z_{n,o,p}\, x_{n,c,p+k-before}$."""
    out = backend.empty(call.weight.shape)
    swap = (1, 0, 2, 3)
    images, kernels = call.input.permute(*swap), grad.permute(*swap)
    correlate(backend, out.permute(*swap), images, kernels, before=call.before)
    return out
