"""Every operation of the catalogue, on every backend, in two sizes and two memory layouts."""

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from asv_benchmarks import conditions
from asv_benchmarks.benchmarks.settings import Timed, threads
from asv_benchmarks.contenders import Absent, Call
from asv_benchmarks.contenders.ours import make_backend
from mt_autodiff import Tensor, from_numpy
from mt_autodiff.catalog import OPS

Shapes: TypeAlias = tuple[tuple[int, ...], ...]

OF_NAME = {op.name: op for op in OPS}

_MATRIX = ((600, 500),)
LARGE: dict[str, Shapes] = {
    **{op.name: ((500, 600), (600,))[: op.arity] for op in OPS if op.elementwise},
    "sum": _MATRIX,
    "sum_dim": _MATRIX,
    "sum_dims": ((60, 500, 10),),
    "mean": _MATRIX,
    "mean_dim": _MATRIX,
    "permute": ((60, 500, 10),),
    "view": _MATRIX,
    "contiguous": _MATRIX,
    "expand": ((3, 1),),  # its result's shape is part of the operation
    "slice": _MATRIX,
    "pad": _MATRIX,
    "concatenate": ((600, 300), (600, 100)),
    "take": _MATRIX,
    "matmul": ((8, 128, 128), (1, 128, 128)),
    "conv1d": ((10, 50, 52), (100, 50, 3)),
    "conv1d_reverse": ((10, 100, 52), (50, 100, 3)),
    "conv2d": ((16, 4, 28, 28), (8, 4, 3, 3)),
    "conv2d_reverse": ((16, 8, 28, 28), (4, 8, 3, 3)),
}
"""The shapes of the large size, by operation; those of the small one are the catalogue's."""


class Catalogue(Timed):
    """An operation of the catalogue, alone and with its gradients."""

    params = (
        list(OF_NAME),
        ["tuned", "fast"],
        ["small", "large"],
        ["contiguous", "permuted"],
    )
    param_names = ("op", "backend", "size", "layout")
    repeat = (3, 5, 1.0)

    def setup(self, op: str, backend: str, size: str, layout: str) -> None:
        """Draw the operands and run once, which compiles what is needed."""
        if (op, layout) == ("view", "permuted"):
            raise NotImplementedError("only contiguous memory can be seen in another shape")
        conditions.pin(threads())
        self.forward, self.both = calls(op, backend, size, layout)
        self.both()

    def time_forward(self, op: str, backend: str, size: str, layout: str) -> None:
        """Time the operation."""
        self.forward()

    def time_forward_and_backward(self, op: str, backend: str, size: str, layout: str) -> None:
        """Time the operation and the gradients of all operands."""
        self.both()


class Specification(Timed):
    """The same operations in plain loops, on operands that these finish."""

    params = (list(OF_NAME),)
    param_names = ("op",)
    repeat = (3, 5, 1.0)

    def setup(self, op: str) -> None:
        """Draw the operands."""
        conditions.pin(threads())
        _, self.both = calls(op, "reference", "small", "contiguous")

    def time_forward_and_backward(self, op: str) -> None:
        """Time the operation and the gradients of all operands."""
        self.both()


def calls(op: str, backend: str, size: str, layout: str) -> tuple[Call, Call]:
    """Return an operation on drawn operands, without and with its gradients.

    Raises:
        NotImplementedError: There is no such backend in the packages as they are installed.
    """
    entry = OF_NAME[op]
    rng = np.random.default_rng(0)
    arrays = entry.draw(rng, LARGE[op] if size == "large" else entry.shapes)
    try:
        place = _placed(backend, layout)
    except Absent as reason:
        raise NotImplementedError(str(reason)) from reason
    constants = [place(array) for array in arrays]
    leaves = [place(array).requires_grad_(True) for array in arrays]

    def forward() -> Tensor:
        return entry.call(*constants)

    def both() -> None:
        entry.call(*leaves).sum().backward()
        for leaf in leaves:
            leaf.zero_grad_()

    return forward, both


def _placed(name: str, layout: str) -> Callable[[Any], Tensor]:
    """Return what makes a tensor of an array, in a memory layout, on a backend."""
    backend = make_backend(name)

    def place(array: Any) -> Tensor:
        single = array.astype(np.float32)
        if layout == "permuted":
            # The same elements, the last dimension outermost in memory.
            single = np.ascontiguousarray(single.T).T
        return from_numpy(single, backend)

    return place
