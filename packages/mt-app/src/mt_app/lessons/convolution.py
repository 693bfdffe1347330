r"""A convolution and both of its gradients, one output at a time.

With $z_{o,p} = \sum_{c,k} x_{c,p+k} w_{o,c,k}$, and $p - k$ in place of $p + k$ where the kernel
is anchored at its end (`reverse`), the gradients are

$$\bar x_{c,q} = \sum_{o,k} \bar z_{o,q \mp k} w_{o,c,k}, \qquad
\bar w_{o,c,k} = \sum_p \bar z_{o,p} x_{c,p \pm k}.$$

The library computes all three results. The steps list the products of each sum, and the positions
of the factors in storage.
"""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from mt_autodiff import Tensor, conv1d, conv2d
from mt_tensor import REFERENCE, TensorData, strides_from_shape

Index = tuple[int, ...]
Phase = Literal["forward", "input gradient", "weight gradient"]
Layout = Literal["row by row", "column by column", "channels last"]

PHASES: tuple[Phase, ...] = ("forward", "input gradient", "weight gradient")
LAYOUTS: tuple[Layout, ...] = ("row by row", "column by column", "channels last")


@dataclass(frozen=True, slots=True)
class Term:
    """One product of a sum.

    Attributes:
        left: The index of the first factor; an index outside of the array means zero.
        right: The index of the second factor.
        inside: True if the first factor is inside of the array.
    """

    left: Index
    right: Index
    inside: bool


@dataclass(frozen=True, slots=True)
class Step:
    """One element of a result.

    Attributes:
        out: The index of the element.
        terms: The products of its sum.
    """

    out: Index
    terms: tuple[Term, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Convolution:
    """A convolution of one example, forward and backward.

    Attributes:
        input: The input, (C, *sizes), with its memory layout.
        weight: The kernels, (O, C, *kernel), with their memory layout.
        output_gradient: The upstream gradient, (O, *sizes).
        output: The output, (O, *sizes).
        input_gradient: The gradient of the input, (C, *sizes).
        weight_gradient: The gradient of the kernels, (O, C, *kernel).
        reverse: True if the kernel is anchored at its end.
    """

    input: TensorData
    weight: TensorData
    output_gradient: TensorData
    output: npt.NDArray[np.float64]
    input_gradient: npt.NDArray[np.float64]
    weight_gradient: npt.NDArray[np.float64]
    reverse: bool

    def factors(self, phase: Phase) -> tuple[TensorData, TensorData]:
        """Return the two factors: the array under the window, and the other array."""
        if phase == "forward":
            return self.input, self.weight
        if phase == "input gradient":
            return self.output_gradient, self.weight
        return self.input, self.output_gradient

    def result(self, phase: Phase) -> npt.NDArray[np.float64]:
        """Return the result of a phase."""
        if phase == "forward":
            return self.output
        return self.input_gradient if phase == "input gradient" else self.weight_gradient

    def steps(self, phase: Phase) -> list[Step]:
        """Return one step for each element of the result, in row-major order."""
        shape = self.result(phase).shape
        left, _ = self.factors(phase)
        return [
            Step(out, tuple(_terms(self, phase, out, left.shape)))
            for out in itertools.product(*map(range, shape))
        ]

    def sum(self, phase: Phase, step: Step) -> float:
        """Return the sum of the products of a step; products outside of the array are zero."""
        left, right = self.factors(phase)
        return sum(left.get(t.left) * right.get(t.right) for t in step.terms if t.inside)


def convolution(
    input: npt.ArrayLike,
    weight: npt.ArrayLike,
    output_gradient: npt.ArrayLike,
    *,
    reverse: bool = False,
    layout: Layout = "row by row",
) -> Convolution:
    """Convolve one example, and differentiate.

    Args:
        input: The sequence or image, with channels.
        weight: The kernels.
        output_gradient: The derivative of a loss with respect to each output.
        reverse: True if the kernel is anchored at its end.
        layout: The memory layout of the input. The result does not depend on it.

    Shape:
        (C, *sizes), (O, C, *kernel), (O, *sizes), one or two sizes.
    """
    x = Tensor(_laid_out(np.asarray(input, np.float64)[None], layout), backend=REFERENCE)
    w = Tensor(_laid_out(np.asarray(weight, np.float64), "row by row"), backend=REFERENCE)
    g = Tensor(_laid_out(np.asarray(output_gradient, np.float64)[None], "row by row"))
    x.requires_grad_()
    w.requires_grad_()
    z = conv1d(x, w, reverse) if x.dims == 3 else conv2d(x, w, reverse)
    z.backward(g)
    return Convolution(
        _without_batch(x.data),
        w.data,
        _without_batch(g.data),
        z.to_numpy()[0],
        _array(x.grad)[0],
        _array(w.grad),
        reverse,
    )


def positions_read(data: TensorData, indices: Sequence[Index]) -> list[int]:
    """Return the positions of elements in storage, in the order of the indices.

    >>> positions_read(TensorData(range(6), (2, 3)).permute(1, 0), [(0, 0), (0, 1)])
    [0, 3]
    """
    return [data.index(index) for index in indices]


def _terms(of: Convolution, phase: Phase, out: Index, sizes: Index) -> Iterator[Term]:
    """Yield the products of one element of the result."""
    kernel = of.weight.shape[2:]
    offsets = list(itertools.product(*map(range, kernel)))
    sign = -1 if of.reverse else 1
    if phase == "forward":
        o, *p = out
        for c, k in itertools.product(range(of.weight.shape[1]), offsets):
            yield _term((c, *_moved(p, k, sign)), (o, c, *k), sizes)
    elif phase == "input gradient":
        c, *q = out
        for o, k in itertools.product(range(of.weight.shape[0]), offsets):
            yield _term((o, *_moved(q, k, -sign)), (o, c, *k), sizes)
    else:
        o, c, *offset = out
        for position in itertools.product(*map(range, of.output.shape[1:])):
            yield _term((c, *_moved(position, offset, sign)), (o, *position), sizes)


def _term(left: Index, right: Index, sizes: Index) -> Term:
    inside = all(0 <= i < size for i, size in zip(left, sizes, strict=True))
    return Term(left, right, inside)


def _moved(position: Any, offset: Any, sign: int) -> Index:
    return tuple(p + sign * k for p, k in zip(position, offset, strict=True))


def _laid_out(array: npt.NDArray[np.float64], layout: Layout) -> TensorData:
    """Return the same elements in another memory layout.

    The order of the dimensions in memory is a permutation: a tensor of the permuted shape is
    permuted back.
    """
    dims = array.ndim
    order = list(range(dims))
    if layout == "column by column":
        order[2:] = reversed(order[2:])
    elif layout == "channels last":
        order = [0, *range(2, dims), 1]
    stored = np.transpose(array, order)
    data = TensorData(stored.reshape(-1).copy(), stored.shape, strides_from_shape(stored.shape))
    return data.permute(*(order.index(dim) for dim in range(dims)))


def _without_batch(data: TensorData) -> TensorData:
    return TensorData(data.storage, data.shape[1:], data.strides[1:])


def _array(gradient: Any) -> npt.NDArray[np.float64]:
    array: npt.NDArray[np.float64] = gradient.to_numpy()
    return array
