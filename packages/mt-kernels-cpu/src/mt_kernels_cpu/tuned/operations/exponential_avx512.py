r"""The exponential function of many elements, on processors with AVX-512.

The reduction is that of `mt_kernels_cpu.tuned.operations.exponential`: $e^x = 2^n e^r$. Here each
product and the addition behind it are rounded once, and one instruction multiplies by $2^n$. With
so few instructions the loop is as fast as memory allows for large tensors::

    x  →  n = round(x log2 e)  →  r = x - n ln 2  →  p(r) ≈ e^r  →  p · 2^n
          2 instructions          2                  6 or 11        1

The polynomials are minimax approximations of the relative error for $|r| \le \frac{1}{2} \ln 2$,
with 1 as the first two coefficients: 0.03 units in the last place in single precision, 0.02 in
double precision. The whole error is below 0.9 units.

Only the elementwise operation uses it. Fused forms keep the formula that all processors share.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types

from mt_kernels_cpu.compiling.jit import JIT_IS_DISABLED, compiles_for, strict_kernel
from mt_kernels_cpu.tuned.operations.exponential import REDUCTION, REDUCTION_64
from mt_kernels_cpu.tuned.simd.memory import lanes_of, load, store
from mt_kernels_cpu.tuned.simd.vector import (
    WIDTH,
    Vector,
    emit_multiply_add,
    emit_scale,
    intrinsic,
    struct_proxy,
)
from mt_tensor import Map, operators
from mt_tensor.layout import Storage

COEFFICIENTS = (
    np.float32(0.0013821024),
    np.float32(0.00836867),
    np.float32(0.041668262),
    np.float32(0.16666521),
    np.float32(0.49999994),
    np.float32(1.0),
    np.float32(1.0),
)
"""The coefficients of the polynomial, that of the highest power first."""

COEFFICIENTS_64 = (
    2.5006734492621102e-08,
    2.7630234113683963e-07,
    2.7557560746948076e-06,
    2.480149306473392e-05,
    0.00019841269542618452,
    0.0013888888943792178,
    0.008333333333472602,
    0.04166666666652855,
    0.1666666666666646,
    0.5000000000000011,
    1.0,
    1.0,
)

HAS_EXP = WIDTH == 64 and compiles_for("avx512f") and not JIT_IS_DISABLED
"""True if the processor has the instructions."""


@intrinsic
def exp_of(typing: Any, a: Any) -> Any:
    """Return the exponential function of the elements of a vector."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        (x,) = arguments
        is_single = isinstance(x.type.element, ir.FloatType)

        def constant(value: Any) -> Any:
            return ir.Constant(x.type, [float(value)] * a.lanes)

        constants = map(constant, REDUCTION if is_single else REDUCTION_64)
        log2_e, ln2_high, ln2_low, offset, lowest, highest = constants
        p, *others = map(constant, COEFFICIENTS if is_single else COEFFICIENTS_64)
        # Both comparisons are False for NaN, so it stays.
        x = builder.select(builder.fcmp_ordered("<", x, lowest), lowest, x)
        x = builder.select(builder.fcmp_ordered(">", x, highest), highest, x)
        n = builder.fsub(emit_multiply_add(builder, x, log2_e, offset), offset)
        r = emit_multiply_add(builder, builder.fneg(n), ln2_high, x)
        r = emit_multiply_add(builder, builder.fneg(n), ln2_low, r)
        for each in others:
            p = emit_multiply_add(builder, p, r, each)
        return emit_scale(builder, p, n)

    return a(a), generate


@intrinsic
def _holds_vectors(typing: Any, a: Any, out: Any) -> Any:
    """Return True, a constant, if vectors with the dtype of `out` can be loaded from an array."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return context.get_constant(types.boolean, a.dtype == out.dtype and a.layout == "C")

    return types.boolean(a, out), generate


@intrinsic
def _load_as(typing: Any, out: Any, a: Any, position: Any) -> Any:
    """Return the elements of an array from a position on, as a vector with the dtype of `out`."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        vector = context.get_value_type(Vector(out.dtype))
        data = struct_proxy(a)(context, builder, arguments[1]).data
        data = builder.bitcast(data, vector.element.as_pointer())
        pointer = builder.bitcast(builder.gep(data, [arguments[2]]), vector.as_pointer())
        value = builder.load(pointer)
        value.align = out.dtype.bitwidth // 8
        return value

    return Vector(out.dtype)(out, a, types.intp), generate


@strict_kernel
def exp_elements(out: Storage, a: Storage) -> None:
    """Write the exponential function of every element.

    Shape:
        out and a (size,).
    """
    lanes, size = lanes_of(out), len(out)
    whole = size // lanes * lanes if _holds_vectors(a, out) else 0
    for i in range(0, whole, lanes):
        store(out, i, exp_of(_load_as(out, a, i)))
    # The last elements, or those of another dtype: through a vector in memory.
    if whole < size:
        part = np.zeros(lanes, out.dtype)
        for i in range(whole, size, lanes):
            count = min(lanes, size - i)
            for j in range(count):
                part[j] = a[i + j]
            store(part, 0, exp_of(load(part, 0)))
            for j in range(count):
                out[i + j] = part[j]


def vector_map(fn: Map) -> Callable[[Storage, Storage], None] | None:
    """Return ``kernel(out, a)`` of a function that has one for AVX-512; None if it has none."""
    return exp_elements if fn is operators.exp and HAS_EXP else None
