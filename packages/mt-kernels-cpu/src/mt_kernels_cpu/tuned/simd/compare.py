"""Comparisons of vectors: maxima, selection by a comparison, tests for NaN, and search."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types

from mt_kernels_cpu.tuned.simd.vector import emit_halves, emit_splat, intrinsic, unpack_tuple


@intrinsic
def select_positive(typing: Any, a: Any, b: Any) -> Any:
    """Return the element of b where that of a is positive, else 0."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        zero = ir.Constant(context.get_value_type(a), [0.0] * a.lanes)
        positive = builder.fcmp_ordered(">", arguments[0], zero)
        return builder.select(positive, arguments[1], zero)

    return a(a, b), generate


def _emit_greater(builder: Any, value: Any, best_value: Any) -> Any:
    """Return a mask: True where a value is larger than the best one.

    NaN counts as larger than every number, and not larger than NaN.
    """
    greater = builder.fcmp_unordered(">", value, best_value)
    return builder.and_(greater, builder.fcmp_ordered("==", best_value, best_value))


@intrinsic
def select_greater(typing: Any, number: Any, best: Any, a: Any, b: Any) -> Any:
    """Return the element of a where `number` is larger than `best`, else that of b.

    NaN counts as larger than every number, and not larger than NaN.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        value, best_value, *choices = arguments
        return builder.select(_emit_greater(builder, value, best_value), *choices)

    return a(number, best, a, b), generate


@intrinsic
def select_argmax(
    typing: Any, number: Any, best: Any, index: Any, best_index: Any, a: Any, b: Any
) -> Any:
    """Return the element of a where `number` replaces the maximum, else that of b.

    It does if it is larger than `best`, or if it is equal and its index is smaller. NaN counts as
    larger than every number and equal to NaN.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        value, best_value, value_index, best_value_index, *choices = arguments
        tied = builder.fcmp_ordered("==", value, best_value)
        both_nan = builder.and_(
            builder.fcmp_unordered("!=", value, value),
            builder.fcmp_unordered("!=", best_value, best_value),
        )
        earlier = builder.and_(
            builder.or_(tied, both_nan), builder.fcmp_ordered("<", value_index, best_value_index)
        )
        greater = _emit_greater(builder, value, best_value)
        return builder.select(builder.or_(greater, earlier), *choices)

    return a(number, best, index, best_index, a, b), generate


@intrinsic
def any_nan(typing: Any, a: Any) -> Any:
    """Return True if an element of a vector is NaN."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        unequal = builder.fcmp_unordered("!=", arguments[0], arguments[0])
        word = ir.IntType(a.lanes)
        return builder.icmp_unsigned("!=", builder.bitcast(unequal, word), word(0))

    return types.boolean(a), generate


@intrinsic
def index_of(typing: Any, block: Any, number: Any) -> Any:
    """Return the first index of a number in a block, the length of the block if it is not found.

    A block may have 64 elements at most: each becomes a bit of a word.
    """
    vector = block.dtype
    word = ir.IntType(vector.lanes * block.count)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        target = emit_splat(builder, arguments[1], vector.lanes)
        matches = word(0)
        for i, numbers in enumerate(unpack_tuple(builder, arguments[0], block.count)):
            same = builder.fcmp_ordered("==", numbers, target)
            bits = builder.zext(builder.bitcast(same, ir.IntType(vector.lanes)), word)
            matches = builder.or_(matches, builder.shl(bits, word(i * vector.lanes)))
        index = builder.cttz(matches, ir.IntType(1)(0))
        index_type = ir.IntType(64)
        return index if word.width == index_type.width else builder.zext(index, index_type)

    return types.intp(block, vector.element), generate


@intrinsic
def maximum(typing: Any, a: Any, b: Any) -> Any:
    """Return the larger element of each pair; either of them if one is NaN."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.select(builder.fcmp_ordered(">", *arguments), *arguments)

    return a(a, b), generate


@intrinsic
def horizontal_max(typing: Any, a: Any) -> Any:
    """Return the maximum of a vector without NaN."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        remaining = arguments[0]
        while remaining.type.count > 1:
            low, high = emit_halves(builder, remaining)
            remaining = builder.select(builder.fcmp_ordered(">", low, high), low, high)
        return builder.extract_element(remaining, ir.IntType(32)(0))

    return a.element(a), generate
