"""Convolutions as matrix products with an implicit second operand (implicit GEMM).

The kernel `CORRELATION` computes three results: the output; the gradient of the input, which is a
convolution of the output's gradient with flipped kernels; and the gradient of the kernels, a
convolution of the input with the output's gradient. They differ in strides only. Sequences are
images with one row.

The second operand of one image with two channels of 2 × 3 elements, for kernels of 2 × 2: a row for
each term, a column for each position of the output. It is never stored::

    channel 0    channel 1     terms   positions (0, 0)  (0, 1)  (0, 2)  (1, 0) …
    a b c        g h i         0, 0, 0         a       b       c       d
    d e f        j k l         0, 0, 1         b       c       0       e
                               0, 1, 0         d       e       f       0
                               …
                               1, 1, 1         k       l       0       0
"""

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from mt_kernels_cuda.launching import Table
from mt_kernels_cuda.tuned.device import Device
from mt_kernels_cuda.tuned.gemm.strips import AccessPattern, Operand
from mt_kernels_cuda.tuned.gemm.tiles import ALONG_ROWS, Product, ProductCall, launch_product
from mt_kernels_cuda.tuned.hardware.integers import divmod
from mt_kernels_cuda.tuned.hardware.vec4 import VEC4, load4, vec4_aligned
from mt_kernels_cuda.tuned.operations.elementwise import Numbers, few_dims
from mt_tensor import FusedForm, Gradients, TensorData, operators
from mt_tensor.layout import Storage
from mt_tensor.tensor_data import as_images, as_sequences


class ConvolutionOffsets(NamedTuple):
    """Further launch parameters of a convolution, in elements.

    Attributes:
        out_rows: The rows of the output.
        out_columns: The columns of the output.
        height: The rows of the input.
        width: The columns of the input.
        top: The rows of zeros before the input.
        left: The columns of zeros before the input.
        image: The stride of images of the input.
        row: The stride of rows of the input.
        column: The stride of columns of the input.
        weight: The stride of output channels of the kernels.
        out_image: The stride of images of the output.
    """

    out_rows: int
    out_columns: int
    height: int
    width: int
    top: int
    left: int
    image: int
    row: int
    column: int
    weight: int
    out_image: int


def _starts(offsets: ConvolutionOffsets, batch: int) -> tuple[int, int]:
    return 0, 0


def _row(offsets: ConvolutionOffsets, start: int, row: int) -> tuple[int, int, int]:
    return row * offsets.weight, 0, 0


def _of_weight(
    offsets: ConvolutionOffsets, steps: Storage, x: int, y: int, z: int, term: int
) -> int:
    in_weight, _, _, _ = load4(steps, VEC4 * term)
    return x + int(in_weight)


def _column(offsets: ConvolutionOffsets, start: int, column: int) -> tuple[int, int, int]:
    rest, across = divmod(column, offsets.out_columns)
    image, line = divmod(rest, offsets.out_rows)
    line, across = line - offsets.top, across - offsets.left
    position = image * offsets.image + line * offsets.row + across * offsets.column
    return position, line, across


def _of_input(
    offsets: ConvolutionOffsets, steps: Storage, x: int, y: int, z: int, term: int
) -> int:
    _, in_input, down, right = load4(steps, VEC4 * term)
    if 0 <= y + down < offsets.height and 0 <= z + right < offsets.width:
        return x + int(in_input)
    return -1


def _column_offset(offsets: ConvolutionOffsets, batch: int, column: int) -> int:
    image, position = divmod(column, offsets.out_rows * offsets.out_columns)
    return image * offsets.out_image + position


CORRELATION = Product(
    "correlate", _starts, Operand(_row, _of_weight), Operand(_column, _of_input), _column_offset
)


@dataclass(frozen=True)
class Steps(Table):
    """The offsets of each term of a convolution; threads that look them up need no divisions.

    Shape:
        (terms, 4), flat: offset in the kernels, offset in the input, row, column.

    Attributes:
        sizes: The sizes of the kernels: channels, rows, columns.
        weight: The strides of the kernels along these dimensions.
        input: The strides of the input along these dimensions.
        direction: The direction in which kernels extend, 1 or -1.
    """

    sizes: Numbers
    weight: Numbers
    input: Numbers
    direction: int

    def array(self) -> npt.NDArray[np.integer]:
        """Compute the table, in 32-bit integers if they suffice; they take half the registers."""
        terms = np.indices(self.sizes).reshape(3, -1)
        shifted = terms * np.array([[1], [self.direction], [self.direction]])
        offsets = [np.dot(self.weight, terms), np.dot(self.input, shifted)]
        table = np.stack([*offsets, *shifted[1:]], 1).reshape(-1)
        small = np.abs(table).max() <= np.iinfo(np.int32).max
        return table.astype(np.int32 if small else np.int64)


class Epilogue(NamedTuple):
    """Operations on the sums of a convolution.

    Attributes:
        bias: The bias of each output channel, or None.
        relu: True to replace negative results by 0.
    """

    bias: Storage | None = None
    relu: bool = False


NO_EPILOGUE = Epilogue()
"""Neither bias nor ReLU."""


def correlate(
    backend: Device,
    out: TensorData,
    input: TensorData,
    weight: TensorData,
    *,
    before: tuple[int, int] = (0, 0),
    reverse: bool = False,
    epilogue: Epilogue = NO_EPILOGUE,
) -> None:
    """Correlate images, padded with zeros, with kernels.

    Args:
        backend: The backend that runs it.
        out: (N, O, P, Q); the rows and columns of a channel are contiguous.
        input: (N, C, H, W), in any layout.
        weight: (O, C, KH, KW), in any layout.
        before: The rows and columns of zeros before the input; negative to begin inside of it.
        reverse: True if kernels are flipped and extend towards smaller indices.
        epilogue: Bias and ReLU.
    """
    if out.size == 0:
        return
    count, outputs, rows, columns = out.shape
    terms = math.prod(weight.shape[1:])
    if terms == 0 or input.size == 0:
        backend.map(operators.id, backend.full((1, 1, 1, 1), 0.0), out)
        return
    images, _, lines, across = input.strides
    height, width = input.shape[2:]
    (top, left), (out_image, out_channel, _, _) = before, out.strides
    offsets = ConvolutionOffsets(
        out_rows=rows,
        out_columns=columns,
        height=height,
        width=width,
        top=top,
        left=left,
        image=images,
        row=lines,
        column=across,
        weight=weight.strides[0],
        out_image=out_image,
    )
    direction = -1 if reverse else 1
    call = ProductCall(
        out.storage,
        (weight.storage, input.storage),
        sizes=(outputs, count * rows * columns, terms, 1),
        step=out_channel,
        offsets=offsets,
        patterns=(_pattern(weight), AccessPattern(by_terms=False, vec4=False)),
        vec4_out=vec4_aligned(out.storage, rows * columns, out_image, out_channel),
        steps=Steps(weight.shape[1:], weight.strides[1:], input.strides[1:], direction),
        bias=None if epilogue.bias is None else (ALONG_ROWS, epilogue.bias),
        relu=epilogue.relu,
    )
    launch_product(backend, CORRELATION, call)


def _pattern(weight: TensorData) -> AccessPattern:
    """Return the access pattern of kernels, whose terms are neighbours in memory."""
    layout = few_dims(weight.shape[1:], weight.strides[1:])
    assert layout is not None, "three dimensions are few enough"
    dims, numbers = layout
    sizes, strides = numbers[:dims], numbers[dims:]
    steps = (sizes[-1], *strides[:-1], weight.strides[0])
    vec4 = strides[-1] == 1 and vec4_aligned(weight.storage, *steps)
    return AccessPattern(by_terms=True, vec4=vec4)


def swap_batch_channel(a: TensorData) -> TensorData:
    """Return a view (C, N, H, W) of images (N, C, H, W)."""
    return a.permute(1, 0, 2, 3)


@dataclass(frozen=True, slots=True)
class Call:
    """The values that a forward pass saves; sequences are stored as images with one row.

    Attributes:
        sequences: True if the input consists of sequences.
        before: The rows and columns of zeros before the input.
        input: The input, (N, C, H, W).
        weight: The kernels, (O, C, KH, KW).
        out: The output, (N, O, P, Q).
        relu: True if ReLU was applied.
        needs_grad: True for each of input, weight and bias whose gradient is needed.
    """

    sequences: bool
    before: tuple[int, int]
    input: TensorData
    weight: TensorData
    out: TensorData
    relu: bool
    needs_grad: tuple[bool, ...]


class Convolution(FusedForm[Device]):
    """Convolution with bias and ReLU in one kernel, for a stride of 1."""

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
        """Return output and saved values; see `mt_nn.functional.convolution.convolve`.

        Returns:
            None for strides other than 1 and for shapes that do not match.
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
        correlate(backend, out, input, weight, before=zeros, epilogue=Epilogue(added, relu))
        call = Call(sequences, zeros, input, weight, out, relu, needs_grad)
        return (as_sequences(out) if sequences else out), call

    @staticmethod
    def backward(backend: Device, saved: Call, grad: TensorData) -> Gradients:
        """Return the gradients of input, weight and bias, None for those that are not needed."""
        if saved.sequences:
            grad = as_images(grad)
        if saved.relu:
            grad = backend.zip(operators.relu_back, saved.out, grad)
        grad = backend.contiguous(grad)
        grad_input = grad_weight = grad_bias = None
        if saved.needs_grad[0]:
            grad_input = _grad_input(backend, saved, grad)
        if saved.needs_grad[1]:
            grad_weight = _grad_weight(backend, saved, grad)
        if saved.needs_grad[2:] == (True,):
            count, outputs, rows, columns = grad.shape
            sums = backend.reduce(operators.add, grad.view(count * outputs, rows * columns), 1, 0.0)
            grad_bias = backend.reduce(operators.add, sums.view(count, outputs), 0, 0.0).view(
                outputs
            )
        if saved.sequences:
            grad_input = grad_input and as_sequences(grad_input)
            grad_weight = grad_weight and as_sequences(grad_weight)
        return (grad_input, grad_weight, grad_bias)[: len(saved.needs_grad)]


def _grad_input(backend: Device, call: Call, grad: TensorData) -> TensorData:
    r"""Return $\bar x_{n,c,q} = \sum_{o,k} \bar z_{n,o,q+before-k}\, w_{o,c,k}$."""
    out = backend.empty(call.input.shape)
    (top, left), weight = call.before, swap_batch_channel(call.weight)
    correlate(backend, out, grad, weight, before=(-top, -left), reverse=True)
    return out


def _grad_weight(backend: Device, call: Call, grad: TensorData) -> TensorData:
    r"""Return $\bar w_{o,c,k} = \sum_{n,p} \bar z_{n,o,p}\, x_{n,c,p+k-before}$."""
    out = backend.empty(call.weight.shape)
    images, kernels = swap_batch_channel(call.input), swap_batch_channel(grad)
    correlate(backend, swap_batch_channel(out), images, kernels, before=call.before)
    return out
