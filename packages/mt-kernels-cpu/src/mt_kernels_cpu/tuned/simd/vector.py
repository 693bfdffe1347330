"""The type of a vector of numbers in kernels, its arithmetic, and how to define more functions.

A compiler turns simple loops into vector instructions by itself. It does not keep a block of sums
in registers over several loops, which makes convolutions twice as fast. Kernels that need it say so
with the functions of this folder; a `Vector` is an ordinary variable of a compiled function and
holds `WIDTH` bytes.

Functions that begin with `emit_` write LLVM instructions; `intrinsic` makes functions of kernels of
functions that do.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic as numba_intrinsic
from numba.extending import models, register_model

from mt_kernels_cpu.compiling.jit import compiles_for

struct_proxy: Any = cgutils.create_struct_proxy
unpack_tuple: Any = cgutils.unpack_tuple
tuple_of: Any = types.UniTuple
new_type: Any = types.Type.__init__


def intrinsic(fn: Callable[..., Any]) -> Callable[..., Any]:
    """Make a function of kernels out of one that writes instructions. A decorator."""
    made: Callable[..., Any] = numba_intrinsic(fn)
    return made


intrinsic_of_constants: Callable[..., Callable[..., Any]] = numba_intrinsic(prefer_literal=True)
"""What `intrinsic` is, for functions that want to know arguments that are constant."""


WIDTH = 64 if compiles_for("avx512vl") else 32
"""Bytes of a vector: what a register holds with AVX-512, or else on nearly every processor."""


def lanes(dtype: npt.DTypeLike) -> int:
    """Return how many numbers of a dtype a vector holds.

    >>> lanes(np.float32) == 2 * lanes(np.float64) == WIDTH // 4
    True
    """
    return WIDTH // np.dtype(dtype).itemsize


class Vector(types.Type):
    """The type of a vector of numbers, as numba knows it."""

    def __init__(self, element: Any) -> None:
        self.element = element
        self.lanes = WIDTH * 8 // element.bitwidth
        new_type(self, name=f"Vector({element})")


class _Model(models.PrimitiveModel):
    """A vector is one value of LLVM's vector type, in memory and in registers."""

    def __init__(self, manager: Any, vector: Vector) -> None:
        element = manager.lookup(vector.element).get_value_type()
        super().__init__(manager, vector, ir.VectorType(element, vector.lanes))  # type: ignore[no-untyped-call]


register_model(Vector)(_Model)


# Instructions that several functions of this folder have in common.


def emit_shuffle(builder: Any, a: Any, b: Any, indices: list[int]) -> Any:
    """Return numbers of two vectors by their indices, those of b counted on from those of a."""
    index = ir.IntType(32)
    return builder.shuffle_vector(a, b, ir.Constant(ir.VectorType(index, len(indices)), indices))


def emit_splat(builder: Any, number: Any, count: int) -> Any:
    """Return a vector of one number, repeated."""
    nothing = ir.Constant(ir.VectorType(number.type, count), None)
    first = builder.insert_element(nothing, number, ir.IntType(32)(0))
    return emit_shuffle(builder, first, first, [0] * count)


def emit_multiply_add(builder: Any, a: Any, b: Any, c: Any) -> Any:
    """Return a · b + c, rounded once where the processor can."""
    product = builder.fmul(a, b, flags=["contract"])
    return builder.fadd(product, c, flags=["contract"])


def emit_halves(builder: Any, a: Any) -> tuple[Any, Any]:
    """Return the first half of a vector and the second."""
    half = a.type.count // 2
    low, high = [*range(half)], [*range(half, 2 * half)]
    return emit_shuffle(builder, a, a, low), emit_shuffle(builder, a, a, high)


@intrinsic
def multiply_add(typing: Any, a: Any, b: Any, c: Any) -> Any:
    """Return a · b + c, rounded once where the processor can."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return emit_multiply_add(builder, *arguments)

    return a(a, b, c), generate


@intrinsic
def add(typing: Any, a: Any, b: Any) -> Any:
    """Return a + b."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.fadd(*arguments)

    return a(a, b), generate


@intrinsic
def horizontal_add(typing: Any, a: Any) -> Any:
    """Return the sum of the numbers of a vector."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        rest = arguments[0]
        while rest.type.count > 1:
            rest = builder.fadd(*emit_halves(builder, rest))
        return builder.extract_element(rest, ir.IntType(32)(0))

    return a.element(a), generate
