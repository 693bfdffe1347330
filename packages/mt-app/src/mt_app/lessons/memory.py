"""Storage of a tensor and of its views.

A chain of operations such as ``permute(1, 0)[1:, ::2]`` is parsed by Python's parser, and the
library applies its operations one by one; other operations are rejected.
"""

import ast
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mt_autodiff import Tensor
from mt_autodiff.indexing import normalize_key, slice_view
from mt_tensor import (
    REFERENCE,
    TensorData,
    broadcast_index,
    shape_broadcast,
)
from mt_tensor.layout import check_shape

MAX_LENGTH = 200
MAX_ELEMENTS = 96
"""The largest number of elements of a tensor: the limit of a legible picture."""

METHODS = ("permute", "view", "expand", "contiguous")
ALLOWED = "permute(1, 0), view(3, -1), expand(2, 3), contiguous() and indices such as [1:, ::2]"


class ChainError(ValueError):
    """A chain of operations or a shape is invalid."""


@dataclass(frozen=True, slots=True, eq=False)
class Link:
    """A tensor after some operations of the chain.

    Attributes:
        code: The code of the last operation.
        data: The tensor's data.
        offset: The position of its first element in the whole storage.
        moved: True if its elements were copied to a new storage.
    """

    code: str
    data: TensorData
    offset: int
    moved: bool

    @property
    def contiguous(self) -> bool:
        """True if the tensor is contiguous."""
        return self.data.is_contiguous()

    @property
    def positions(self) -> dict[tuple[int, ...], int]:
        """The position of each element in the whole storage, by index."""
        return {index: self.offset + self.data.index(index) for index in self.data.indices()}

    @property
    def storage(self) -> list[float]:
        """The numbers of the whole storage."""
        base = self.data.storage if self.offset == 0 else self.data.storage.base
        return [float(value) for value in (self.data.storage if base is None else base)]


def read_shape(text: str) -> tuple[int, ...]:
    """Read sizes such as "2, 3, 4".

    Raises:
        ChainError: They are not integers, or the shape is too large.

    >>> read_shape("(2, 3)")
    (2, 3)
    """
    parts = text.strip().strip("()[]").replace("x", ",").replace("\u00d7", ",").split(",")
    try:
        shape = check_shape([int(part) for part in parts if part.strip()], "shape")
    except ValueError as error:
        raise ChainError(f"{text!r} is not a shape; enter sizes such as 2, 3, 4") from error
    except IndexError as error:
        raise ChainError(str(error)) from error
    if len(shape) > 4 or math.prod(shape) > MAX_ELEMENTS:
        raise ChainError(
            f"shape {shape} is more than the picture can show: at most 4 dimensions and "
            f"{MAX_ELEMENTS} elements"
        )
    return shape


def follow(shape: Sequence[int], chain: str) -> list[Link]:
    """Apply a chain of operations to a new tensor with the elements 0, 1, 2, ….

    Returns:
        The new tensor, then one link for each operation.

    Raises:
        ChainError: An operation is not known, or the library raises an error, whose message is
        used.

    >>> [link.data.strides for link in follow((2, 3), "permute(1, 0).contiguous()")]
    [(3, 1), (1, 3), (2, 1)]
    """
    size = math.prod(shape)
    start = TensorData(np.arange(float(size)), tuple(shape))
    links = [Link(f"arange({size}).view{tuple(shape)}", start, 0, False)]
    for operation in _operations(chain):
        links.append(_apply(operation, links[-1]))
    return links


@dataclass(frozen=True, slots=True)
class ElementPair:
    """The elements of two operands that broadcasting pairs at one index of the result.

    Attributes:
        shape: The shape of the result.
        left: The index of the first operand's element.
        right: The index of the second operand's element.
    """

    shape: tuple[int, ...]
    left: tuple[int, ...]
    right: tuple[int, ...]


def pair_elements(a: Sequence[int], b: Sequence[int], index: Sequence[int]) -> ElementPair:
    """Return the elements of two shapes that broadcasting pairs at an index of the result.

    Raises:
        ChainError: The shapes do not broadcast.

    >>> pair_elements((2, 1), (3,), (1, 2))
    ElementPair(shape=(2, 3), left=(1, 0), right=(2,))
    """
    shape = broadcast_shape(a, b)
    left, right = [0] * len(a), [0] * len(b)
    broadcast_index(index, shape, a, left)
    broadcast_index(index, shape, b, right)
    return ElementPair(shape, tuple(left), tuple(right))


def broadcast_shape(a: Sequence[int], b: Sequence[int]) -> tuple[int, ...]:
    """Return the shape of a broadcast.

    Raises:
        ChainError: The shapes do not broadcast, or the result is too large for the picture.
    """
    try:
        shape = shape_broadcast(a, b)
    except IndexError as error:
        raise ChainError(str(error)) from error
    return _small(shape)


def add(a: Sequence[int], b: Sequence[int]) -> tuple[Link, Link, Link]:
    """Return two tensors and their sum: 0, 1, 2, … of one shape and 0, 10, 20, … of another.

    Raises:
        ChainError: The shapes do not broadcast, or the result is too large for the picture.
    """
    broadcast_shape(a, b)
    ones, tens = (
        Tensor(TensorData(step * np.arange(float(math.prod(shape))), tuple(shape)))
        for shape, step in ((a, 1.0), (b, 10.0))
    )
    pairs = (("a", ones), ("b", tens), ("a + b", ones + tens))
    first, second, result = (Link(code, x.data, 0, False) for code, x in pairs)
    return first, second, result


def _operations(chain: str) -> list[ast.expr]:
    """Return the calls and subscripts of a chain, the first one first."""
    text = chain.strip().rstrip(".")
    if len(text) > MAX_LENGTH:
        raise ChainError(f"{len(text)} characters; a chain has at most {MAX_LENGTH}")
    if not text or text == "x":
        return []
    # The name of the tensor is optional.
    source = text if text.startswith("x") else f"x{'' if text[0] in '.[' else '.'}{text}"
    try:
        node = ast.parse(source, mode="eval").body
    except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
        raise ChainError(f"{chain!r} has a syntax error; allowed are {ALLOWED}") from error
    found: list[ast.expr] = []
    while True:
        match node:
            case ast.Name(id="x"):
                return found[::-1]
            case ast.Call(func=ast.Attribute(value=before, attr=name), keywords=[]) if (
                name in METHODS
            ):
                found.append(node)
                node = before
            case ast.Subscript(value=before):
                found.append(node)
                node = before
            case _:
                raise ChainError(f"{ast.unparse(node)[:40]!r} is not known; allowed are {ALLOWED}")


def _apply(operation: ast.expr, before: Link) -> Link:
    """Apply one operation to a tensor."""
    try:
        if isinstance(operation, ast.Subscript):
            key = normalize_key(_key(operation.slice), before.data.shape)
            data = slice_view(before.data, key)
            # `ast.unparse` puts a tuple in parentheses, in which slices are not valid.
            inside = ast.unparse(operation.slice).removeprefix("(").removesuffix(")")
            return Link(f"[{inside}]", data, _offset(data, before), False)
        assert isinstance(operation, ast.Call) and isinstance(operation.func, ast.Attribute)
        name = operation.func.attr
        numbers = _numbers(operation.args)
        code = f"{name}({', '.join(map(str, numbers))})"
        if name == "contiguous":
            if numbers:
                raise ChainError("contiguous: it takes no numbers")
            data = Tensor(before.data, backend=REFERENCE).contiguous().data
            moved = data.storage is not before.data.storage
            return Link(code, data, 0 if moved else before.offset, moved)
        if name == "permute":
            data = before.data.permute(*(n % max(before.data.dims, 1) for n in numbers))
        elif name == "view":
            data = before.data.view(*numbers)
        else:
            # Checked before the tensor is created, which may be very large.
            _small(tuple(numbers))
            data = before.data.expand(numbers)
    except (IndexError, TypeError) as error:
        raise ChainError(str(error)) from error
    return Link(code, data, before.offset, False)


def _offset(data: TensorData, before: Link) -> int:
    """Return the position in the whole storage at which a slice begins."""
    start = data.storage.__array_interface__["data"][0]
    origin = before.data.storage.__array_interface__["data"][0]
    return int(before.offset + (start - origin) // data.storage.itemsize)


def _key(node: ast.expr) -> object:
    """Return an index as `__getitem__` receives it."""
    match node:
        case ast.Tuple(elts=entries):
            return tuple(_key(entry) for entry in entries)
        case ast.Slice(lower=lower, upper=upper, step=step):
            return slice(*(None if n is None else _number(n) for n in (lower, upper, step)))
        case ast.Constant(value=None):
            return None
        case ast.Constant(value=value) if value is ...:
            return ...
    return _number(node)


def _numbers(nodes: Sequence[ast.expr]) -> list[int]:
    """Return integers, written one by one or as one tuple."""
    match nodes:
        case [ast.Tuple(elts=inner) | ast.List(elts=inner)]:
            return [_number(node) for node in inner]
    return [_number(node) for node in nodes]


def _number(node: ast.expr) -> int:
    match node:
        case ast.Constant(value=int() as value) if not isinstance(value, bool):
            return value
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() as value)):
            return -value
    raise ChainError(f"{ast.unparse(node)[:40]!r} is not an integer")


def _small(shape: tuple[int, ...]) -> tuple[int, ...]:
    if len(shape) > 5 or math.prod(shape) > MAX_ELEMENTS:
        raise ChainError(
            f"shape {shape} is more than the picture can show: at most {MAX_ELEMENTS} elements"
        )
    return shape
