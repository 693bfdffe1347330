"""Access of vectors to memory: load, store, splat, transpose and deinterleave.

Positions are in elements. They are not checked, and negative ones do not count from the end: a
wrong position reads or writes foreign memory.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.np.numpy_support import carray

from mt_kernels_cpu.compiling.jit import helper
from mt_kernels_cpu.tuned.simd.vector import (
    WIDTH,
    Vector,
    declare,
    emit_shuffle,
    emit_splat,
    intrinsic,
    intrinsic_of_constants,
    struct_proxy,
    tuple_of,
    unpack_tuple,
)
from mt_tensor.layout import Storage

array_from: Any = carray
pointer_to: Any = types.CPointer


def emit_load(context: Any, builder: Any, array: Any, storage: Any, position: Any) -> Any:
    """Return the elements of an array from a position on, as a vector."""
    vector = context.get_value_type(Vector(array.dtype))
    pointer = builder.gep(struct_proxy(array)(context, builder, storage).data, [position])
    value = builder.load(builder.bitcast(pointer, vector.as_pointer()))
    value.align = array.dtype.bitwidth // 8
    return value


def _emit_store(
    context: Any, builder: Any, array: Any, storage: Any, position: Any, value: Any
) -> None:
    pointer = builder.gep(struct_proxy(array)(context, builder, storage).data, [position])
    stored = builder.store(value, builder.bitcast(pointer, value.type.as_pointer()))
    stored.align = array.dtype.bitwidth // 8


def _emit_splat_at(context: Any, builder: Any, array: Any, storage: Any, position: Any) -> Any:
    data = struct_proxy(array)(context, builder, storage).data
    number = builder.load(builder.gep(data, [position]))
    return emit_splat(builder, number, Vector(array.dtype).lanes)


def _vector_tuple(array: Any, count: int) -> Any:
    """Return the type of a tuple of vectors with the elements of an array."""
    return tuple_of(Vector(array.dtype), count)


def emit_pairwise_sums(
    builder: Any, rows: Any, columns: Any, rows_value: Any, columns_value: Any
) -> Any:
    """Return the sum of each row's position and each column's, row after row."""
    starts = unpack_tuple(builder, rows_value, rows.count)
    steps = unpack_tuple(builder, columns_value, columns.count)
    return [builder.add(start, step) for start in starts for step in steps]


@intrinsic
def lanes_of(typing: Any, array: Any) -> Any:
    """Return the number of elements of a vector, for the dtype of an array.

    It is a constant to the compiler, so loops that step by it need no division.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return context.get_constant(types.intp, Vector(array.dtype).lanes)

    return types.intp(array), generate


@intrinsic
def load(typing: Any, array: Any, position: Any) -> Any:
    """Return the elements of an array from a position on, as a vector."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return emit_load(context, builder, array, *arguments)

    return Vector(array.dtype)(array, types.intp), generate


@intrinsic
def store(typing: Any, array: Any, position: Any, value: Any) -> Any:
    """Write a vector to an array, from a position on."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        _emit_store(context, builder, array, *arguments)
        return context.get_dummy_value()

    return types.void(array, types.intp, value), generate


@intrinsic
def store_integers(typing: Any, array: Any, position: Any, value: Any) -> Any:
    """Convert a vector of whole numbers to integers, and write them to an array."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        storage, offset, numbers = arguments
        integers = ir.VectorType(ir.IntType(array.dtype.bitwidth), value.lanes)
        _emit_store(context, builder, array, storage, offset, builder.fptosi(numbers, integers))
        return context.get_dummy_value()

    return types.void(array, types.intp, value), generate


@intrinsic
def splat(typing: Any, array: Any, position: Any) -> Any:
    """Return a vector whose elements all are one element of an array (a splat)."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return _emit_splat_at(context, builder, array, *arguments)

    return Vector(array.dtype)(array, types.intp), generate


@intrinsic
def load_each(typing: Any, array: Any, offsets: Any, position: Any) -> Any:
    """Return a tuple of vectors, loaded at `position` plus each offset.

    Args:
        typing: numba's typing context.
        array: The array.
        offsets: A tuple of offsets.
        position: The position to which each offset is added.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        offset_values = unpack_tuple(builder, arguments[1], offsets.count)
        vectors = [
            emit_load(context, builder, array, arguments[0], builder.add(offset, arguments[2]))
            for offset in offset_values
        ]
        return context.make_tuple(builder, signature.return_type, vectors)

    return _vector_tuple(array, offsets.count)(array, offsets, types.intp), generate


@intrinsic
def splat_each(typing: Any, array: Any, offsets: Any, position: Any) -> Any:
    """Return a tuple of splats of the elements at `position` plus each offset.

    Arguments are those of `load_each`.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        offset_values = unpack_tuple(builder, arguments[1], offsets.count)
        vectors = [
            _emit_splat_at(context, builder, array, arguments[0], builder.add(offset, arguments[2]))
            for offset in offset_values
        ]
        return context.make_tuple(builder, signature.return_type, vectors)

    return _vector_tuple(array, offsets.count)(array, offsets, types.intp), generate


@intrinsic
def store_block(typing: Any, array: Any, rows: Any, columns: Any, block: Any) -> Any:
    """Write the vectors of a block to the positions row + column; columns change fastest."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        vectors = unpack_tuple(builder, arguments[3], block.count)
        positions = emit_pairwise_sums(builder, rows, columns, *arguments[1:3])
        for position, vector in zip(positions, vectors, strict=True):
            _emit_store(context, builder, array, arguments[0], position, vector)
        return context.get_dummy_value()

    return types.void(array, rows, columns, block), generate


def _emit_head(builder: Any, count: Any, lanes: int) -> Any:
    """Return for each lane whether it is one of the first `count`, compared as 32-bit numbers."""
    limit = emit_splat(builder, builder.trunc(count, ir.IntType(32)), lanes)
    return builder.icmp_signed("<", ir.Constant(limit.type, [*range(lanes)]), limit)


def _emit_pointer(context: Any, builder: Any, array: Any, storage: Any, position: Any) -> Any:
    """Return the address of a vector, and LLVM's name of its type for an intrinsic function."""
    vector = context.get_value_type(Vector(array.dtype))
    pointer = builder.gep(struct_proxy(array)(context, builder, storage).data, [position])
    name = f"v{vector.count}f{array.dtype.bitwidth}.p0"
    return builder.bitcast(pointer, vector.as_pointer()), name


@intrinsic
def load_head(typing: Any, array: Any, position: Any, count: Any) -> Any:
    """Return a vector with `count` elements of an array and zeros behind them.

    Unlike `mask_tail` of `load`, it reads nothing behind the elements.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        pointer, name = _emit_pointer(context, builder, array, *arguments[:2])
        zero = ir.Constant(context.get_value_type(signature.return_type), None)
        mask = _emit_head(builder, arguments[2], zero.type.count)
        align = ir.IntType(32)(array.dtype.bitwidth // 8)
        kind = ir.FunctionType(zero.type, [pointer.type, align.type, mask.type, zero.type])
        masked = declare(builder.module, kind, f"llvm.masked.load.{name}")
        return builder.call(masked, [pointer, align, mask, zero])

    return Vector(array.dtype)(array, types.intp, types.intp), generate


@intrinsic
def store_head(typing: Any, array: Any, position: Any, value: Any, count: Any) -> Any:
    """Write the first `count` elements of a vector to an array, from a position on."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        pointer, name = _emit_pointer(context, builder, array, *arguments[:2])
        mask = _emit_head(builder, arguments[3], value.lanes)
        align = ir.IntType(32)(array.dtype.bitwidth // 8)
        kinds = [arguments[2].type, pointer.type, align.type, mask.type]
        kind = ir.FunctionType(ir.VoidType(), kinds)
        masked = declare(builder.module, kind, f"llvm.masked.store.{name}")
        builder.call(masked, [arguments[2], pointer, align, mask])
        return context.get_dummy_value()

    return types.void(array, types.intp, value, types.intp), generate


@intrinsic
def mask_tail(typing: Any, a: Any, count: Any) -> Any:
    """Return a vector with the first `count` elements of another one, and zeros behind them.

    The count is compared as a 32-bit number.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        zero = ir.Constant(context.get_value_type(a), None)
        mask = _emit_head(builder, arguments[1], a.lanes)
        return builder.select(mask, arguments[0], zero)

    return a(a, types.intp), generate


@intrinsic_of_constants
def deinterleave(typing: Any, array: Any, position: Any, count: Any) -> Any:
    """Return n vectors; vector i holds the elements i, n + i, 2 n + i and so on.

    Args:
        typing: numba's typing context.
        array: The array. The elements of all vectors must be readable from the position on.
        position: The position of the first element.
        count: The number n of vectors, a constant.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        vector = context.get_value_type(Vector(array.dtype))
        data = struct_proxy(array)(context, builder, arguments[0]).data
        pointer = builder.gep(data, [arguments[1]])
        size = vector.count * parts
        loaded = builder.load(
            builder.bitcast(pointer, ir.VectorType(vector.element, size).as_pointer())
        )
        loaded.align = array.dtype.bitwidth // 8
        vectors = [
            emit_shuffle(builder, loaded, loaded, [*range(part, size, parts)])
            for part in range(parts)
        ]
        return context.make_tuple(builder, signature.return_type, vectors)

    parts = count.literal_value
    return _vector_tuple(array, parts)(array, types.intp, count), generate


@intrinsic
def copy_transposed(
    typing: Any, to: Any, to_start: Any, to_step: Any, array: Any, start: Any, step: Any
) -> Any:
    """Copy the transpose of a square block: n rows of n elements for vectors of n elements.

    Args:
        typing: numba's typing context.
        to: The array to write.
        to_start: The position of the first row in it.
        to_step: The stride of rows in it.
        array: The array to read.
        start: The position of the first row in it.
        step: The stride of rows in it.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        count = Vector(array.dtype).lanes
        target, target_position, target_stride, source, position, stride = arguments
        rows = []
        for _ in range(count):
            rows.append(emit_load(context, builder, array, source, position))
            position = builder.add(position, stride)
        # In each round, pairs of rows exchange alternate pieces. Then pieces are half as long.
        piece = count // 2
        while piece:
            upper = [i if i & piece == 0 else count + i - piece for i in range(count)]
            lower = [i + piece if i & piece == 0 else count + i for i in range(count)]
            for i in range(count):
                if i & piece == 0:
                    a, b = rows[i], rows[i + piece]
                    rows[i] = emit_shuffle(builder, a, b, upper)
                    rows[i + piece] = emit_shuffle(builder, a, b, lower)
            piece //= 2
        for row in rows:
            _emit_store(context, builder, to, target, target_position, row)
            target_position = builder.add(target_position, target_stride)
        return context.get_dummy_value()

    signature = types.void(to, types.intp, types.intp, array, types.intp, types.intp)
    return signature, generate


@intrinsic
def _pointer(typing: Any, array: Any, address: Any) -> Any:
    """Return an address as a pointer to elements with the dtype of an array."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.inttoptr(arguments[1], context.get_value_type(signature.return_type))

    return pointer_to(array.dtype)(array, types.intp), generate


@intrinsic
def prefetch(typing: Any, address: Any) -> Any:
    """Begin to fetch the cache line at an address, which need not belong to this process."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        byte, number = ir.IntType(8).as_pointer(), ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [byte, number, number, number])
        # To read, into the first cache, data.
        options = number(0), number(3), number(1)
        fetch = declare(builder.module, kind, "llvm.prefetch.p0")
        builder.call(fetch, [builder.inttoptr(arguments[0], byte), *options])
        return context.get_dummy_value()

    return types.void(types.intp), generate


@helper
def storage_at(array: Storage, address: int, count: int) -> Storage:
    """Return the elements at an address as an array, with the dtype of another array."""
    found: Storage = array_from(_pointer(array, address), (count,))
    return found


@helper
def aligned_empty(array: Storage, count: int) -> Storage:
    """Return memory for elements with the dtype of an array; it begins at a multiple of `WIDTH`.

    A vector that lies in two cache lines takes twice the time of one that lies in one.
    """
    memory = np.empty(count + lanes_of(array), array.dtype)
    first = -memory.ctypes.data % WIDTH // memory.itemsize
    return memory[first : first + count]
