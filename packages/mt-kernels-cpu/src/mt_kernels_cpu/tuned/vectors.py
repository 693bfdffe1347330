"""Several numbers at a time: the processor's vectors as values inside of kernels.

A compiler turns simple loops into vector instructions by itself. What it does not find is how to
keep a block of sums in registers while it walks through all that is added to them, and that makes
convolutions twice as fast. So kernels that need it say it themselves, in these few functions; a
`Vector` is an ordinary variable of a compiled function.

A vector holds `WIDTH` bytes. Positions are trusted: nothing tests them, and negative ones do not
count from the end. A *block* is a tuple of vectors, such as the products of each vector of a column
and each one of a row: with its size known, every vector of it gets a register of its own.
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

from mt_kernels_cpu.jit import compiles_for

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


# The instructions that several of the functions below have in common.


def _chosen(builder: Any, a: Any, b: Any, indices: list[int]) -> Any:
    """Return numbers of two vectors by their indices, those of b counted on from those of a."""
    index = ir.IntType(32)
    return builder.shuffle_vector(a, b, ir.Constant(ir.VectorType(index, len(indices)), indices))


def _everywhere(builder: Any, number: Any, count: int) -> Any:
    """Return a vector of one number, repeated."""
    nothing = ir.Constant(ir.VectorType(number.type, count), None)
    first = builder.insert_element(nothing, number, ir.IntType(32)(0))
    return _chosen(builder, first, first, [0] * count)


def _loaded(context: Any, builder: Any, array: Any, cells: Any, position: Any) -> Any:
    vector = context.get_value_type(Vector(array.dtype))
    pointer = builder.gep(struct_proxy(array)(context, builder, cells).data, [position])
    value = builder.load(builder.bitcast(pointer, vector.as_pointer()))
    value.align = array.dtype.bitwidth // 8
    return value


def _stored(context: Any, builder: Any, array: Any, cells: Any, position: Any, value: Any) -> None:
    pointer = builder.gep(struct_proxy(array)(context, builder, cells).data, [position])
    done = builder.store(value, builder.bitcast(pointer, value.type.as_pointer()))
    done.align = array.dtype.bitwidth // 8


def _repeated(context: Any, builder: Any, array: Any, cells: Any, position: Any) -> Any:
    data = struct_proxy(array)(context, builder, cells).data
    number = builder.load(builder.gep(data, [position]))
    return _everywhere(builder, number, Vector(array.dtype).lanes)


def _multiply_add(builder: Any, a: Any, b: Any, c: Any) -> Any:
    product = builder.fmul(a, b, flags=["contract"])
    return builder.fadd(product, c, flags=["contract"])


def _positive(builder: Any, a: Any) -> Any:
    nothing = ir.Constant(a.type, [0.0] * a.type.count)
    return builder.select(builder.fcmp_ordered("<=", a, nothing), nothing, a)


def _halves(builder: Any, a: Any) -> tuple[Any, Any]:
    """Return the first half of a vector and the second."""
    half = a.type.count // 2
    low, high = [*range(half)], [*range(half, 2 * half)]
    return _chosen(builder, a, a, low), _chosen(builder, a, a, high)


def _neighbours_added(builder: Any, few: int, a: Any, b: Any) -> Any:
    """Return the sums of neighbours, first of a and then of b, within each few numbers."""
    count = a.type.count
    even = [
        vector * count + start + i
        for start in range(0, count, few)
        for vector in (0, 1)
        for i in range(0, few, 2)
    ]
    odd = [i + 1 for i in even]
    return builder.fadd(_chosen(builder, a, b, even), _chosen(builder, a, b, odd))


def _several(array: Any, count: int) -> Any:
    """Return the type of a tuple of vectors of an array."""
    return tuple_of(Vector(array.dtype), count)


def _crossings(builder: Any, rows: Any, columns: Any, row_places: Any, column_places: Any) -> Any:
    """Return each row's place plus each column's."""
    starts = unpack_tuple(builder, row_places, rows.count)
    steps = unpack_tuple(builder, column_places, columns.count)
    return [builder.add(start, step) for start in starts for step in steps]


@intrinsic
def lanes_of(typing: Any, array: Any) -> Any:
    """Return how many numbers of an array a vector holds: a constant to the compiler.

    Loops that step by a constant cost no division.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return context.get_constant(types.intp, Vector(array.dtype).lanes)

    return types.intp(array), generate


@intrinsic
def load(typing: Any, array: Any, position: Any) -> Any:
    """Return the numbers of an array from a position on."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return _loaded(context, builder, array, *arguments)

    return Vector(array.dtype)(array, types.intp), generate


@intrinsic
def store(typing: Any, array: Any, position: Any, value: Any) -> Any:
    """Write a vector to an array from a position on."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        _stored(context, builder, array, *arguments)
        return context.get_dummy_value()

    return types.void(array, types.intp, value), generate


@intrinsic
def store_integers(typing: Any, array: Any, position: Any, value: Any) -> Any:
    """Write a vector of whole numbers to an array of integers from a position on."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        cells, place, numbers = arguments
        kind = ir.VectorType(ir.IntType(array.dtype.bitwidth), value.lanes)
        _stored(context, builder, array, cells, place, builder.fptosi(numbers, kind))
        return context.get_dummy_value()

    return types.void(array, types.intp, value), generate


@intrinsic
def repeat(typing: Any, array: Any, position: Any) -> Any:
    """Return a vector of one number of an array, repeated."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return _repeated(context, builder, array, *arguments)

    return Vector(array.dtype)(array, types.intp), generate


@intrinsic
def multiply_add(typing: Any, a: Any, b: Any, c: Any) -> Any:
    """Return a · b + c, rounded once where the processor can."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return _multiply_add(builder, *arguments)

    return a(a, b, c), generate


@intrinsic
def load_each(typing: Any, array: Any, places: Any, position: Any) -> Any:
    """Return a tuple of vectors: what stands at a distance from each of several places.

    Args:
        typing: What numba knows of types.
        array: Where they stand.
        places: A tuple of positions.
        position: What is added to each.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        places_at = unpack_tuple(builder, arguments[1], places.count)
        vectors = [
            _loaded(context, builder, array, arguments[0], builder.add(place, arguments[2]))
            for place in places_at
        ]
        return context.make_tuple(builder, signature.return_type, vectors)

    return _several(array, places.count)(array, places, types.intp), generate


@intrinsic
def repeat_each(typing: Any, array: Any, places: Any, position: Any) -> Any:
    """Return a tuple of vectors, each of one number repeated; arguments as for `load_each`."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        places_at = unpack_tuple(builder, arguments[1], places.count)
        vectors = [
            _repeated(context, builder, array, arguments[0], builder.add(place, arguments[2]))
            for place in places_at
        ]
        return context.make_tuple(builder, signature.return_type, vectors)

    return _several(array, places.count)(array, places, types.intp), generate


@intrinsic
def store_block(typing: Any, array: Any, rows: Any, columns: Any, block: Any) -> Any:
    """Write the vectors of a block: to row + column for each row and, faster, each column."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        vectors = unpack_tuple(builder, arguments[3], block.count)
        crossings = _crossings(builder, rows, columns, *arguments[1:3])
        for place, vector in zip(crossings, vectors, strict=True):
            _stored(context, builder, array, arguments[0], place, vector)
        return context.get_dummy_value()

    return types.void(array, rows, columns, block), generate


@intrinsic
def add_outer_product(typing: Any, block: Any, column: Any, row: Any) -> Any:
    """Return a block with the product of each vector of a column and each of a row added."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        sums = unpack_tuple(builder, arguments[0], block.count)
        left = unpack_tuple(builder, arguments[1], column.count)
        right = unpack_tuple(builder, arguments[2], row.count)
        pairs = [(a, b) for a in left for b in right]
        added = [_multiply_add(builder, a, b, c) for (a, b), c in zip(pairs, sums, strict=True)]
        return context.make_tuple(builder, block, added)

    return block(block, column, row), generate


@intrinsic
def add_totals(typing: Any, array: Any, places: Any, block: Any) -> Any:
    """Add the sum of each vector of a block to a number of an array, column after column.

    Args:
        typing: What numba knows of types.
        array: Where to add.
        places: A tuple of positions: where the sums of each column begin.
        block: As many vectors for each column, an even number of them.
    """
    rows = block.count // places.count
    # As many vectors at a time as numbers fit into 16 bytes: within these, neighbours are added
    # without a detour, and each step leaves half as many vectors.
    few = min(rows, 16 * 8 // array.dtype.bitwidth)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        vectors = unpack_tuple(builder, arguments[2], block.count)
        begins = unpack_tuple(builder, arguments[1], places.count)
        data = struct_proxy(array)(context, builder, arguments[0]).data
        for first in range(0, block.count, few):
            column, start = divmod(first, rows)
            rest = vectors[column :: places.count][start : start + few]
            while len(rest) > 1:
                rest = [
                    _neighbours_added(builder, few, a, b)
                    for a, b in zip(rest[::2], rest[1::2], strict=True)
                ]
            sums = rest[0]
            while sums.type.count > few:
                sums = builder.fadd(*_halves(builder, sums))
            place = builder.add(begins[column], begins[column].type(start))
            pointer = builder.bitcast(builder.gep(data, [place]), sums.type.as_pointer())
            before = builder.load(pointer)
            done = builder.store(builder.fadd(before, sums), pointer)
            before.align = done.align = array.dtype.bitwidth // 8
        return context.get_dummy_value()

    return types.void(array, places, block), generate


@intrinsic
def positive_block(typing: Any, block: Any) -> Any:
    """Return the vectors of a block, 0 in the place of what is negative; NaN stays NaN."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        vectors = unpack_tuple(builder, arguments[0], block.count)
        kept = [_positive(builder, vector) for vector in vectors]
        return context.make_tuple(builder, block, kept)

    return block(block), generate


@intrinsic
def add(typing: Any, a: Any, b: Any) -> Any:
    """Return a + b."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.fadd(*arguments)

    return a(a, b), generate


@intrinsic
def where_positive(typing: Any, a: Any, b: Any) -> Any:
    """Return the numbers of b where those of a are positive, else 0."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        nothing = ir.Constant(context.get_value_type(a), [0.0] * a.lanes)
        chosen = builder.fcmp_ordered(">", arguments[0], nothing)
        return builder.select(chosen, arguments[1], nothing)

    return a(a, b), generate


@intrinsic
def first_numbers(typing: Any, a: Any, count: Any) -> Any:
    """Return a vector of the first numbers of another one, and zeros."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        nothing = ir.Constant(context.get_value_type(a), None)
        ends = _everywhere(builder, arguments[1], a.lanes)
        kept = builder.icmp_signed("<", ir.Constant(ends.type, [*range(a.lanes)]), ends)
        return builder.select(kept, arguments[0], nothing)

    return a(a, types.intp), generate


def _exceeds(builder: Any, challenger: Any, champion: Any) -> Any:
    """Return where a challenger is larger; NaN is larger than every number, but not than NaN."""
    more = builder.fcmp_unordered(">", challenger, champion)
    return builder.and_(more, builder.fcmp_ordered("==", champion, champion))


@intrinsic
def exceeds(typing: Any, number: Any, best: Any, a: Any, b: Any) -> Any:
    """Return the number of a where `number` is larger than `best`, else that of b.

    NaN is larger than every number, and as large as NaN.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        challenger, champion, *choices = arguments
        return builder.select(_exceeds(builder, challenger, champion), *choices)

    return a(number, best, a, b), generate


@intrinsic
def beats(typing: Any, number: Any, best: Any, place: Any, best_place: Any, a: Any, b: Any) -> Any:
    """Return the number of a where `number` takes the place of the maximum, else that of b.

    It does if it exceeds `best`, or if it is equal and its place comes first.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        challenger, champion, spot, first, *choices = arguments
        tied = builder.fcmp_ordered("==", challenger, champion)
        both = builder.and_(
            builder.fcmp_unordered("!=", challenger, challenger),
            builder.fcmp_unordered("!=", champion, champion),
        )
        earlier = builder.and_(builder.or_(tied, both), builder.fcmp_ordered("<", spot, first))
        more = _exceeds(builder, challenger, champion)
        return builder.select(builder.or_(more, earlier), *choices)

    return a(number, best, place, best_place, a, b), generate


@intrinsic_of_constants
def deal(typing: Any, array: Any, position: Any, count: Any) -> Any:
    """Return a tuple of vectors to which numbers are dealt in turn, like cards.

    Args:
        typing: What numba knows of types.
        array: Where the numbers stand, as many as all vectors hold.
        position: Where they begin.
        count: How many vectors there are, known when this is compiled.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        vector = context.get_value_type(Vector(array.dtype))
        data = struct_proxy(array)(context, builder, arguments[0]).data
        pointer = builder.gep(data, [arguments[1]])
        size = vector.count * hands
        whole = builder.load(
            builder.bitcast(pointer, ir.VectorType(vector.element, size).as_pointer())
        )
        whole.align = array.dtype.bitwidth // 8
        dealt = [
            _chosen(builder, whole, whole, [*range(hand, size, hands)]) for hand in range(hands)
        ]
        return context.make_tuple(builder, signature.return_type, dealt)

    hands = count.literal_value
    return _several(array, hands)(array, types.intp, count), generate


@intrinsic
def any_nan(typing: Any, a: Any) -> Any:
    """Return whether any number of a vector is NaN."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        unequal = builder.fcmp_unordered("!=", arguments[0], arguments[0])
        bits = ir.IntType(a.lanes)
        return builder.icmp_unsigned("!=", builder.bitcast(unequal, bits), bits(0))

    return types.boolean(a), generate


@intrinsic
def index_of(typing: Any, block: Any, number: Any) -> Any:
    """Return where a number first stands in the vectors of a block, their length if it does not.

    No more than 64 numbers may stand there: each becomes a bit of a word.
    """
    vector = block.dtype
    word = ir.IntType(vector.lanes * block.count)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        wanted = _everywhere(builder, arguments[1], vector.lanes)
        found = word(0)
        for at, numbers in enumerate(unpack_tuple(builder, arguments[0], block.count)):
            same = builder.fcmp_ordered("==", numbers, wanted)
            bits = builder.zext(builder.bitcast(same, ir.IntType(vector.lanes)), word)
            found = builder.or_(found, builder.shl(bits, word(at * vector.lanes)))
        place = builder.cttz(found, ir.IntType(1)(0))
        whole = ir.IntType(64)
        return place if word.width == whole.width else builder.zext(place, whole)

    return types.intp(block, vector.element), generate


@intrinsic
def copy_transposed(
    typing: Any, to: Any, to_start: Any, to_step: Any, array: Any, start: Any, step: Any
) -> Any:
    """Write the columns of a square block of numbers as rows: as many of them as a vector holds.

    Args:
        typing: What numba knows of types.
        to: Where to write.
        to_start: The position of the first row there.
        to_step: How far apart the rows are there.
        array: What to read.
        start: The position of the first row.
        step: How far apart the rows are.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        count = Vector(array.dtype).lanes
        into, at, apart, source, place, distance = arguments
        rows = []
        for _ in range(count):
            rows.append(_loaded(context, builder, array, source, place))
            place = builder.add(place, distance)
        # In each round two rows exchange every other piece; pieces become half as long.
        piece = count // 2
        while piece:
            upper = [i if i & piece == 0 else count + i - piece for i in range(count)]
            lower = [i + piece if i & piece == 0 else count + i for i in range(count)]
            for i in range(count):
                if i & piece == 0:
                    a, b = rows[i], rows[i + piece]
                    rows[i] = _chosen(builder, a, b, upper)
                    rows[i + piece] = _chosen(builder, a, b, lower)
            piece //= 2
        for row in rows:
            _stored(context, builder, to, into, at, row)
            at = builder.add(at, apart)
        return context.get_dummy_value()

    signature = types.void(to, types.intp, types.intp, array, types.intp, types.intp)
    return signature, generate


@intrinsic
def larger(typing: Any, a: Any, b: Any) -> Any:
    """Return the larger number of each pair; if one is NaN, either of them."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.select(builder.fcmp_ordered(">", *arguments), *arguments)

    return a(a, b), generate


@intrinsic
def largest(typing: Any, a: Any) -> Any:
    """Return the largest number of a vector without NaN."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        rest = arguments[0]
        while rest.type.count > 1:
            low, high = _halves(builder, rest)
            rest = builder.select(builder.fcmp_ordered(">", low, high), low, high)
        return builder.extract_element(rest, ir.IntType(32)(0))

    return a.element(a), generate


@intrinsic
def total(typing: Any, a: Any) -> Any:
    """Return the sum of the numbers of a vector."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        rest = arguments[0]
        while rest.type.count > 1:
            rest = builder.fadd(*_halves(builder, rest))
        return builder.extract_element(rest, ir.IntType(32)(0))

    return a.element(a), generate
