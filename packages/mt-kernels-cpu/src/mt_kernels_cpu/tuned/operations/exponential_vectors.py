"""The exponential function of the elements of a vector.

It is the formula of `mt_kernels_cpu.tuned.operations.exponential`, for loops over vectors, in which
the compiler would not vectorise it.
"""

from __future__ import annotations

import math
from typing import Any

from llvmlite import ir
from numba import types

from mt_kernels_cpu.tuned.operations.exponential import (
    COEFFICIENTS,
    COEFFICIENTS_64,
    REDUCTION,
    REDUCTION_64,
)
from mt_kernels_cpu.tuned.simd.vector import WIDTH, emit_scale, emit_splat, intrinsic


def emit_exp(builder: Any, x: Any) -> Any:
    """Return the exponential function of the elements of a vector."""
    vector, count = x.type, x.type.count
    is_single = isinstance(vector.element, ir.FloatType)
    constants = [float(each) for each in (REDUCTION if is_single else REDUCTION_64)]
    coefficients = COEFFICIENTS if is_single else COEFFICIENTS_64
    bits, fraction_bits, bias = (32, 23, 127) if is_single else (64, 52, 1023)
    integers = ir.VectorType(ir.IntType(bits), count)

    def constant(value: float) -> Any:
        return ir.Constant(vector, [value] * count)

    def whole(value: int) -> Any:
        return ir.Constant(integers, [value] * count)

    def power_of_2(exponent: Any) -> Any:
        shifted = builder.shl(builder.add(exponent, whole(bias)), whole(fraction_bits))
        return builder.bitcast(shifted, vector)

    log2_e, ln2_high, ln2_low, offset, lowest, highest = map(constant, constants)
    x = builder.select(builder.fcmp_ordered("<", x, lowest), lowest, x)
    x = builder.select(builder.fcmp_ordered(">", x, highest), highest, x)
    n = builder.fsub(builder.fadd(builder.fmul(x, log2_e), offset), offset)
    r = builder.fsub(x, builder.fmul(n, ln2_high))
    r = builder.fsub(r, builder.fmul(n, ln2_low))
    p = constant(float(coefficients[0]))
    for each in coefficients[1:]:
        p = builder.fadd(builder.fmul(p, r), constant(float(each)))
    p = builder.fadd(builder.fmul(builder.fmul(p, r), r), r)
    p = builder.fadd(p, constant(1.0))
    if WIDTH == 64:
        return emit_scale(builder, p, n)
    exponent = builder.fptosi(n, integers)
    half = builder.ashr(exponent, whole(1))
    first, second = power_of_2(half), power_of_2(builder.sub(exponent, half))
    return builder.fmul(builder.fmul(p, first), second)


@intrinsic
def exp_of_difference(typing: Any, a: Any, number: Any) -> Any:
    """Return $e^{a_i - x}$ of the elements of a vector and a number."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        number = emit_splat(builder, arguments[1], a.lanes)
        return emit_exp(builder, builder.fsub(arguments[0], number))

    return a(a, number), generate


@intrinsic
def hide_tail(typing: Any, a: Any, count: Any) -> Any:
    """Return a vector with the first `count` elements of another one, and -∞ behind them.

    The count is compared as a 32-bit number.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        lowest = ir.Constant(context.get_value_type(a), [-math.inf] * a.lanes)
        limit = emit_splat(builder, builder.trunc(arguments[1], ir.IntType(32)), a.lanes)
        mask = builder.icmp_signed("<", ir.Constant(limit.type, [*range(a.lanes)]), limit)
        return builder.select(mask, arguments[0], lowest)

    return a(a, types.intp), generate


@intrinsic
def scale_difference(typing: Any, a: Any, number: Any, factor: Any) -> Any:
    """Return $(a_i - x) f_i$ of the elements of a vector, a number, and factors."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        difference = builder.fsub(arguments[0], emit_splat(builder, arguments[1], a.lanes))
        return builder.fmul(difference, arguments[2])

    return a(a, number, factor), generate
