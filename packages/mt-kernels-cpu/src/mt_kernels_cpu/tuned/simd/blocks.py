"""Blocks: tuples of vectors, each of which the compiler keeps in a register.

An example of a block is the products of each vector of a column and each vector of a row.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types

from mt_kernels_cpu.tuned.simd.memory import emit_load, emit_pairwise_sums
from mt_kernels_cpu.tuned.simd.vector import (
    Vector,
    emit_halves,
    emit_multiply_add,
    emit_shuffle,
    emit_splat,
    intrinsic,
    struct_proxy,
    tuple_of,
    unpack_tuple,
)


def _emit_relu(builder: Any, a: Any) -> Any:
    """Return a with 0 in place of elements that are not positive; NaN stays NaN."""
    zero = ir.Constant(a.type, [0.0] * a.type.count)
    return builder.select(builder.fcmp_ordered("<=", a, zero), zero, a)


def _emit_add_neighbours(builder: Any, group: int, a: Any, b: Any) -> Any:
    """Return the sums of neighbouring elements, of a and then of b, within each group."""
    count = a.type.count
    even = [
        vector * count + start + i
        for start in range(0, count, group)
        for vector in (0, 1)
        for i in range(0, group, 2)
    ]
    odd = [i + 1 for i in even]
    return builder.fadd(emit_shuffle(builder, a, b, even), emit_shuffle(builder, a, b, odd))


@intrinsic
def add_outer_product(typing: Any, block: Any, column: Any, row: Any) -> Any:
    """Return a block plus the product of each vector of a column and each vector of a row."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        sums = unpack_tuple(builder, arguments[0], block.count)
        left = unpack_tuple(builder, arguments[1], column.count)
        right = unpack_tuple(builder, arguments[2], row.count)
        pairs = [(a, b) for a in left for b in right]
        added = [emit_multiply_add(builder, a, b, c) for (a, b), c in zip(pairs, sums, strict=True)]
        return context.make_tuple(builder, block, added)

    return block(block, column, row), generate


@intrinsic
def add_horizontal_sums(typing: Any, array: Any, positions: Any, block: Any) -> Any:
    """Add the sum of each vector of a block to an element of an array, column after column.

    Args:
        typing: numba's typing context.
        array: The array.
        positions: A tuple of positions: the first element for each column of the block.
        block: A tuple of vectors, equally many for each column and an even number of them.
    """
    rows = block.count // positions.count
    # A group has as many vectors as elements fit into 16 bytes: the processor adds neighbours
    # within 16 bytes directly, and each step halves the number of vectors.
    group = min(rows, 16 * 8 // array.dtype.bitwidth)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        vectors = unpack_tuple(builder, arguments[2], block.count)
        starts = unpack_tuple(builder, arguments[1], positions.count)
        data = struct_proxy(array)(context, builder, arguments[0]).data
        for first in range(0, block.count, group):
            column, start = divmod(first, rows)
            remaining = vectors[column :: positions.count][start : start + group]
            while len(remaining) > 1:
                remaining = [
                    _emit_add_neighbours(builder, group, a, b)
                    for a, b in zip(remaining[::2], remaining[1::2], strict=True)
                ]
            sums = remaining[0]
            while sums.type.count > group:
                sums = builder.fadd(*emit_halves(builder, sums))
            position = builder.add(starts[column], starts[column].type(start))
            pointer = builder.bitcast(builder.gep(data, [position]), sums.type.as_pointer())
            loaded = builder.load(pointer)
            stored = builder.store(builder.fadd(loaded, sums), pointer)
            loaded.align = stored.align = array.dtype.bitwidth // 8
        return context.get_dummy_value()

    return types.void(array, positions, block), generate


@intrinsic
def add_blocks(typing: Any, a: Any, b: Any) -> Any:
    """Return the sum of two blocks."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        pairs = zip(*(unpack_tuple(builder, each, a.count) for each in arguments), strict=True)
        return context.make_tuple(builder, a, [builder.fadd(*pair) for pair in pairs])

    return a(a, b), generate


@intrinsic
def relu_block(typing: Any, block: Any) -> Any:
    """Return a block with 0 in place of elements that are not positive; NaN stays NaN."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        vectors = unpack_tuple(builder, arguments[0], block.count)
        vectors = [_emit_relu(builder, vector) for vector in vectors]
        return context.make_tuple(builder, block, vectors)

    return block(block), generate


@intrinsic
def zero_block(typing: Any, array: Any, rows: Any, columns: Any) -> Any:
    """Return a block of vectors of zeros, for the dtype of an array and tuples of positions."""
    block = tuple_of(Vector(array.dtype), rows.count * columns.count)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        zero = ir.Constant(context.get_value_type(Vector(array.dtype)), None)
        return context.make_tuple(builder, block, [zero] * block.count)

    return block(array, rows, columns), generate


@intrinsic
def splat_block(typing: Any, array: Any, rows: Any, columns: Any) -> Any:
    """Return a block: the splat of the element at each row's position, once for each column."""
    block = tuple_of(Vector(array.dtype), rows.count * columns.count)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        data = struct_proxy(array)(context, builder, arguments[0]).data
        vectors = []
        for position in unpack_tuple(builder, arguments[1], rows.count):
            number = builder.load(builder.gep(data, [position]))
            splat = emit_splat(builder, number, Vector(array.dtype).lanes)
            vectors += [splat] * columns.count
        return context.make_tuple(builder, block, vectors)

    return block(array, rows, columns), generate


@intrinsic
def load_block(typing: Any, array: Any, rows: Any, columns: Any) -> Any:
    """Return a block of the vectors at the positions row + column; columns change fastest."""
    block = tuple_of(Vector(array.dtype), rows.count * columns.count)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        positions = emit_pairwise_sums(builder, rows, columns, *arguments[1:])
        vectors = [emit_load(context, builder, array, arguments[0], each) for each in positions]
        return context.make_tuple(builder, block, vectors)

    return block(array, rows, columns), generate
