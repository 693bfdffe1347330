"""All operations of the catalogue, on every backend, in two sizes and two memory layouts."""

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

OPS_BY_NAME = {op.name: op for op in OPS}

_MATRIX = ((600, 500),)
LARGE: dict[str, Shapes] = {
    **{op.name: ((500, 600), (600,), (500, 1))[: op.arity] for op in OPS if op.elementwise},
    "sum": _MATRIX,
    "sum_dim": _MATRIX,
    "sum_dims": ((60, 500, 10),),
    "mean": _MATRIX,
    "mean_dim": _MATRIX,
    "permute": ((60, 500, 10),),
    "view": _MATRIX,
    "contiguous": _MATRIX,
    "expand": ((3, 1),),  # The operation fixes the shape of its result.
    "slice": _MATRIX,
    "pad": _MATRIX,
    "concatenate": ((600, 300), (600, 100)),
    "take": _MATRIX,
    "index": _MATRIX,
    "prod": _MATRIX,
    "cumsum": _MATRIX,
    "clone": _MATRIX,
    "matmul": ((8, 128, 128), (1, 128, 128)),
    "conv1d": ((10, 50, 52), (100, 50, 3)),
    "conv1d_reverse": ((10, 100, 52), (50, 100, 3)),
    "conv2d": ((16, 4, 28, 28), (8, 4, 3, 3)),
    "conv2d_reverse": ((16, 8, 28, 28), (4, 8, 3, 3)),
}
"""Operand shapes of the size `large`, by operation; the size `small` has the catalogue's."""


class Catalogue(Timed):
    """An operation of the catalogue, alone and with its gradients."""

    params = (
        list(OPS_BY_NAME),
        ["tuned", "fast"],
        ["small", "large"],
        ["contiguous", "permuted"],
    )
    param_names = ("op", "backend", "size", "layout")
    repeat = (3, 5, 1.0)

    def setup(self, op: str, backend: str, size: str, layout: str) -> None:
        """Draw the operands and run once, so that the kernels are compiled."""
        if (op, layout) == ("view", "permuted"):
            raise NotImplementedError("view needs contiguous memory")
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
    """The same operations in plain Python loops, on small operands."""

    params = (list(OPS_BY_NAME),)
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
    """Return two calls of an operation on drawn operands, without and with gradients.

    Raises:
        NotImplementedError: The installed packages have no such backend.
    """
    entry = OPS_BY_NAME[op]
    rng = np.random.default_rng(0)
    arrays = entry.draw(rng, LARGE[op] if size == "large" else entry.shapes)
    try:
        convert = _converter(backend, layout)
    except Absent as reason:
        raise NotImplementedError(str(reason)) from reason
    constants = [convert(array) for array in arrays]
    leaves = [convert(array).requires_grad_(True) for array in arrays]

    def forward() -> Tensor:
        return entry.call(*constants)

    def both() -> None:
        entry.call(*leaves).sum().backward()
        for leaf in leaves:
            leaf.zero_grad_()

    return forward, both


def _converter(name: str, layout: str) -> Callable[[Any], Tensor]:
    """Return a function that converts an array to a tensor with a layout, on a backend."""
    backend = make_backend(name)

    def convert(array: Any) -> Tensor:
        single = array.astype(np.float32)
        if layout == "permuted":
            # The elements stay; the last dimension becomes the outermost in memory.
            single = np.ascontiguousarray(single.T).T
        return from_numpy(single, backend)

    return convert
