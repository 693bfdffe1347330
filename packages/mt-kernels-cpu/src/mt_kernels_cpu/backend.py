"""The backend of the compiled kernels."""

import math
from collections.abc import Callable
from typing import Any, ClassVar

from mt_kernels_cpu.compiling.jit import Kernel, prepared
from mt_kernels_cpu.fast_conv import tensor_conv1d, tensor_conv2d
from mt_kernels_cpu.fast_ops import (
    tensor_map,
    tensor_matrix_multiply,
    tensor_reduce,
    tensor_zip,
)
from mt_tensor import HostBackend, Map, ShapeError, TensorData, Zip, host_array, operators
from mt_tensor.host import in_double
from mt_tensor.layout import strides_from_shape

BLOCK = 4096
"""Elements of a dimension that one pass of a loop folds. Blocks are folded in parallel, and their
partial results are folded into one."""

SHORT_FOLD = 16
"""Elements of a dimension that are folded in the dtype of the backend; NumPy, too, adds as many one
after another."""

LONG_SUM = 512
"""Products from which on a sum of products in single precision is added up in double precision,
which takes up to twice the time. The error of a shorter sum is that of NumPy's BLAS, which adds
about as many one after another."""


class Fast(HostBackend):
    """Backend of strided loops compiled with numba, parallel for large tensors.

    Attributes:
        parallel_from: Inner steps from which on all threads are used; a smaller value slows small
            tensors. One thread does 131,072 in about 0.1 ms, and starting the others takes 0.01 to
            0.05 ms. The parallel form of a kernel takes one or two seconds more to compile.

    >>> import numpy as np
    >>> from mt_tensor import operators
    >>> backend = Fast(np.float32)
    >>> a = backend.from_numpy(np.array([1.0, 2.0]))
    >>> backend.to_numpy(backend.map(operators.neg, a)).tolist()
    [-1.0, -2.0]
    """

    name = "fast"
    parallel_from: ClassVar[float] = 2**17

    def _map(self, fn: Map, out: TensorData, a: TensorData) -> None:
        self._run(tensor_map(prepared(fn)), out.size, *out.tuple(), *a.tuple())

    def _zip(self, fn: Zip, out: TensorData, a: TensorData, b: TensorData) -> None:
        self._run(tensor_zip(prepared(fn)), out.size, *out.tuple(), *a.tuple(), *b.tuple())

    def _reduce(self, fn: Zip, out: TensorData, a: TensorData, dim: int, start: float) -> None:
        if fn is operators.max or a.shape[dim] <= SHORT_FOLD:
            self._fold(tensor_reduce(prepared(fn)), out, a, dim)
        else:
            in_double(lambda total: self._fold(tensor_reduce(prepared(fn)), total, a, dim), out)

    def _fold(self, kernel: Kernel, total: TensorData, a: TensorData, dim: int) -> None:
        """Fold a dimension of `a` into the values of `total`, a long one in blocks."""
        blocks = a.shape[dim] // BLOCK
        if blocks > 1:
            before, behind = a.shape[:dim], a.shape[dim + 1 :]
            step = a.strides[dim]
            strides = (*a.strides[:dim], step * BLOCK, step, *a.strides[dim + 1 :])
            heads = TensorData.unchecked(a.storage, (*before, blocks, 1, *behind), strides)
            tails = TensorData.unchecked(
                a.storage[step:], (*before, blocks, BLOCK - 1, *behind), strides
            )
            # The fold of a block begins with its first element, because the function may have no
            # neutral element.
            partial = TensorData.unchecked(
                host_array(heads).astype(total.storage.dtype).reshape(-1),
                heads.shape,
                strides_from_shape(heads.shape),
            )
            self._run(kernel, a.size, *partial.tuple(), *tails.tuple(), dim + 1)
            partial = partial.view(*before, blocks, *behind)
            self._run(kernel, partial.size, *total.tuple(), *partial.tuple(), dim)
            rest = a.shape[dim] - blocks * BLOCK
            a = TensorData.unchecked(
                a.storage[blocks * BLOCK * step :] if rest else a.storage,
                (*before, rest, *behind),
                a.strides,
            )
        self._run(kernel, a.size, *total.tuple(), *a.tuple(), dim)

    def _matmul(self, out: TensorData, a: TensorData, b: TensorData) -> None:
        terms = a.shape[-1]

        def multiply(total: TensorData) -> None:
            arguments = (*total.tuple(), *a.tuple(), *b.tuple())
            self._run(tensor_matrix_multiply, out.size * terms, *arguments)

        _add_products(multiply, out, terms)

    def _convolve(
        self, out: TensorData, input: TensorData, weight: TensorData, reverse: bool
    ) -> None:
        if out.dims > 4:
            raise ShapeError(
                f"conv{out.dims - 2}d: input {input.shape} has {out.dims - 2} spatial dimensions, "
                "and the compiled kernels allow one or two; use `mt_tensor.Reference` for any "
                "number of dimensions"
            )
        kernel = tensor_conv1d if out.dims == 3 else tensor_conv2d
        terms = math.prod(weight.shape[1:])

        def correlate(total: TensorData) -> None:
            arguments = (*total.tuple(), out.size, *input.tuple(), *weight.tuple(), reverse)
            self._run(kernel, out.size * terms, *arguments)

        _add_products(correlate, out, terms)

    def _run(self, kernel: Kernel, steps: int, *args: Any) -> None:
        """Run a kernel, on all threads if there are at least `parallel_from` steps."""
        if steps < self.parallel_from:
            kernel.serial(*args)
        else:
            kernel(*args)


def _add_products(compute: Callable[[TensorData], None], out: TensorData, terms: int) -> None:
    """Let a loop write sums of `terms` products into `out`, long ones in double precision."""
    if terms > LONG_SUM:
        in_double(compute, out)
    else:
        compute(out)
