"""The type of a vector in kernels, its arithmetic, and decorators for further functions.

A compiler vectorises simple loops by itself. It does not keep a block of sums in registers over
several loops, which makes convolutions twice as fast. Kernels that need it use the functions of
this folder. A `Vector` is an ordinary variable of a compiled function and holds `WIDTH` bytes.

Functions that begin with `emit_` write LLVM instructions. `intrinsic` turns such code into a
function that kernels can call.
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

declare: Any = cgutils.get_or_insert_function
struct_proxy: Any = cgutils.create_struct_proxy
unpack_tuple: Any = cgutils.unpack_tuple
tuple_of: Any = types.UniTuple
new_type: Any = types.Type.__init__


def intrinsic(fn: Callable[..., Any]) -> Callable[..., Any]:
    """Turn a function that writes instructions into one that kernels can call. A decorator."""
    decorated: Callable[..., Any] = numba_intrinsic(fn)
    return decorated


intrinsic_of_constants: Callable[..., Callable[..., Any]] = numba_intrinsic(prefer_literal=True)
"""Decorator like `intrinsic`, for functions that need the values of constant arguments."""


WIDTH = 64 if compiles_for("avx512vl") else 32
"""Bytes of a vector: a register of AVX-512 or, without it, of AVX. If registers are narrower, the
compiler uses two for a vector."""


def lanes(dtype: npt.DTypeLike) -> int:
    """Return the number of elements of a vector, for a dtype.

    >>> lanes(np.float32) == 2 * lanes(np.float64) == WIDTH // 4
    True
    """
    return WIDTH // np.dtype(dtype).itemsize


class Vector(types.Type):
    """Type of a vector, for numba's type inference."""

    def __init__(self, element: Any) -> None:
        self.element = element
        self.lanes = WIDTH * 8 // element.bitwidth
        new_type(self, name=f"Vector({element})")


class _Model(models.PrimitiveModel):
    """Representation of a vector in memory and in registers: one value of LLVM's vector type."""

    def __init__(self, manager: Any, vector: Vector) -> None:
        element = manager.lookup(vector.element).get_value_type()
        super().__init__(manager, vector, ir.VectorType(element, vector.lanes))  # type: ignore[no-untyped-call]


register_model(Vector)(_Model)


# Instructions that several modules of this folder use.


def emit_shuffle(builder: Any, a: Any, b: Any, indices: list[int]) -> Any:
    """Return elements of two vectors by their indices; indices of b follow those of a."""
    index = ir.IntType(32)
    return builder.shuffle_vector(a, b, ir.Constant(ir.VectorType(index, len(indices)), indices))


def emit_splat(builder: Any, number: Any, count: int) -> Any:
    """Return a vector whose elements are all one number."""
    zero = ir.Constant(ir.VectorType(number.type, count), None)
    first = builder.insert_element(zero, number, ir.IntType(32)(0))
    return emit_shuffle(builder, first, first, [0] * count)


def emit_multiply_add(builder: Any, a: Any, b: Any, c: Any) -> Any:
    """Return a · b + c, rounded once if the processor supports it."""
    product = builder.fmul(a, b, flags=["contract"])
    return builder.fadd(product, c, flags=["contract"])


def emit_scale(builder: Any, a: Any, exponent: Any) -> Any:
    """Return a · 2^exponent, rounded once; infinite or denormal where that is nearest.

    Only for vectors of 64 bytes: it is an instruction of AVX-512. The exponents are whole numbers
    with the dtype of a.
    """
    vector = a.type
    suffix = "ps" if isinstance(vector.element, ir.FloatType) else "pd"
    mask, rounding = ir.IntType(vector.count), ir.IntType(32)
    signature = ir.FunctionType(vector, [vector, vector, vector, mask, rounding])
    scale = declare(builder.module, signature, f"llvm.x86.avx512.mask.scalef.{suffix}.512")
    # All elements; 4 means the rounding of other instructions, which is to the nearest.
    return builder.call(scale, [a, exponent, a, mask(-1), rounding(4)])


def emit_halves(builder: Any, a: Any) -> tuple[Any, Any]:
    """Return the first and the second half of a vector."""
    half = a.type.count // 2
    low, high = [*range(half)], [*range(half, 2 * half)]
    return emit_shuffle(builder, a, a, low), emit_shuffle(builder, a, a, high)


@intrinsic
def multiply_add(typing: Any, a: Any, b: Any, c: Any) -> Any:
    """Return a · b + c, rounded once if the processor supports it."""

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
    """Return the sum of the elements of a vector."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        remaining = arguments[0]
        while remaining.type.count > 1:
            remaining = builder.fadd(*emit_halves(builder, remaining))
        return builder.extract_element(remaining, ir.IntType(32)(0))

    return a.element(a), generate
