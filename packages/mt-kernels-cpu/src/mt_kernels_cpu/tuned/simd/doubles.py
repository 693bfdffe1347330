"""Vectors of doubles whose numbers come from arrays of single or double precision.

A block has eight vectors, 64 numbers with AVX-512. They are consecutive in memory::

    block      v0            v1            …    v7
    elements   0 1 2 … 7     8 9 … 15      …    56 57 … 63

Positions are in elements and are not checked, as in `mt_kernels_cpu.tuned.simd.memory`.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types

from mt_kernels_cpu.tuned.simd.vector import (
    WIDTH,
    Vector,
    declare,
    emit_halves,
    emit_splat,
    intrinsic,
    struct_proxy,
    tuple_of,
    unpack_tuple,
)

VECTORS = 8
"""Vectors of a block. Eight independent additions hide the latency of one."""

LANES = WIDTH // 8
"""Doubles of a vector."""

ELEMENTS = VECTORS * LANES
"""Doubles of a block."""


def _block() -> Any:
    """Return the type of a block."""
    return tuple_of(Vector(types.float64), VECTORS)


def _emit_pointers(context: Any, builder: Any, array: Any, storage: Any, position: Any) -> Any:
    """Return the pointers to the elements of a block, one for each vector."""
    numbers = ir.VectorType(context.get_value_type(array.dtype), LANES)
    data = struct_proxy(array)(context, builder, storage).data
    positions = [builder.add(position, position.type(i * LANES)) for i in range(VECTORS)]
    return [builder.bitcast(builder.gep(data, [at]), numbers.as_pointer()) for at in positions]


def _emit_double(context: Any, builder: Any, numbers: Any) -> Any:
    """Convert a vector of numbers to doubles."""
    vector = context.get_value_type(Vector(types.float64))
    return numbers if numbers.type == vector else builder.fpext(numbers, vector)


@intrinsic
def load_doubles(typing: Any, array: Any, position: Any) -> Any:
    """Return the elements of an array from a position on, as a block."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        vectors = []
        for pointer in _emit_pointers(context, builder, array, *arguments):
            loaded = builder.load(pointer)
            loaded.align = array.dtype.bitwidth // 8
            vectors.append(_emit_double(context, builder, loaded))
        return context.make_tuple(builder, _block(), vectors)

    return _block()(array, types.intp), generate


@intrinsic
def load_first_doubles(typing: Any, array: Any, position: Any, count: Any) -> Any:
    """Return a block with `count` elements of an array, and -0 behind them.

    Memory behind these elements is not read. A sum with -0 leaves every number as it is, also -0.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        width, size = array.dtype.bitwidth, ir.IntType(32)
        limit = emit_splat(builder, arguments[2], LANES)
        vectors = []
        for i, pointer in enumerate(_emit_pointers(context, builder, array, *arguments[:2])):
            numbers = pointer.type.pointee
            indices = ir.Constant(limit.type, [*range(i * LANES, (i + 1) * LANES)])
            mask = builder.icmp_signed("<", indices, limit)
            others = ir.Constant(numbers, [-0.0] * LANES)
            kind = ir.FunctionType(numbers, [pointer.type, size, mask.type, numbers])
            load = declare(builder.module, kind, f"llvm.masked.load.v{LANES}f{width}.p0")
            loaded = builder.call(load, [pointer, size(width // 8), mask, others])
            vectors.append(_emit_double(context, builder, loaded))
        return context.make_tuple(builder, _block(), vectors)

    return _block()(array, types.intp, types.intp), generate


@intrinsic
def store_doubles(typing: Any, array: Any, position: Any, block: Any) -> Any:
    """Write a block to an array of doubles, from a position on."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        storage, position, block = arguments
        pointers = _emit_pointers(context, builder, array, storage, position)
        for pointer, vector in zip(pointers, unpack_tuple(builder, block, VECTORS), strict=True):
            builder.store(vector, pointer).align = array.dtype.bitwidth // 8
        return context.get_dummy_value()

    return types.void(array, types.intp, block), generate


@intrinsic
def total(typing: Any, block: Any) -> Any:
    """Return the sum of all numbers of a block: one half is added to the other, again and again."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        vectors = unpack_tuple(builder, arguments[0], VECTORS)
        while len(vectors) > 1:
            half = len(vectors) // 2
            pairs = zip(vectors[:half], vectors[half:], strict=True)
            vectors = [builder.fadd(*pair) for pair in pairs]
        numbers = vectors[0]
        while numbers.type.count > 1:
            numbers = builder.fadd(*emit_halves(builder, numbers))
        return builder.extract_element(numbers, ir.IntType(32)(0))

    return types.float64(block), generate
