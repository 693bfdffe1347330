"""Arrays that record the reads and writes of each iteration of a `prange` loop.

A `Tape` stores the accesses of one call. It records arrays that exist before a loop starts, but not
arrays that an iteration allocates for itself. An element is identified by its address, so all views
of an array refer to the same elements, which are called cells.
"""

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np

from grading.driver.arrays import positions
from grading.protocol.messages import Array

MOST_ACCESSES = 200_000
"""Largest number of distinct accesses in one call; more of them take too much time and memory."""

REDUCTIONS = ("__iadd__", "__isub__", "__imul__", "__itruediv__")
"""Operators that numba compiles to a reduction if the target is a variable of the loop."""

READING = (
    *("all", "any", "max", "mean", "min", "prod", "std", "sum", "trace", "var"),
    *("argmax", "argmin", "argsort", "nonzero", "searchsorted"),
    *("astype", "byteswap", "conj", "conjugate", "copy", "flatten", "item", "tobytes", "tolist"),
    *("choose", "clip", "compress", "cumprod", "cumsum", "dot", "repeat", "round", "take"),
)
"""Methods of arrays that read all elements and return no view."""

WRITING = ("fill", "partition", "put", "sort")
"""Methods of arrays that write to the array."""

COPYING = ("ravel", "reshape")
"""Methods of arrays that return a view or, where no view is possible, a copy."""

WRITING_FUNCTIONS = ("copyto", "fill_diagonal", "place", "put", "put_along_axis", "putmask")
"""Functions of NumPy that write to their first argument."""

SHAPE_FUNCTIONS = ("empty_like", "full_like", "ndim", "ones_like", "shape", "size", "zeros_like")
"""Functions of NumPy that use the shape and the dtype of their argument only."""


class UnrecordableError(Exception):
    """The source of a kernel does not run under the recorder."""


@dataclass
class Memory:
    """An array that exists outside the iterations of a loop.

    Attributes:
        array: The array; this reference prevents that its memory is allocated again.
        number: Its number among all arrays of the call.
        argument: True for an argument of the kernel.
        name: The name of a variable with the array; empty if none is known.
    """

    array: Array
    number: int
    argument: bool
    name: str = ""

    def __post_init__(self) -> None:
        self.start = int(self.array.__array_interface__["data"][0])
        self.end = self.start + self.array.nbytes
        self.itemsize = self.array.itemsize

    def cells_of(self, array: Array) -> Array:
        """Return the number of the first cell below each element of a view; same shape."""
        address = int(array.__array_interface__["data"][0])
        offsets = positions(array.shape, array.strides) + (address - self.start)
        return np.asarray(offsets // self.itemsize)


@dataclass(frozen=True)
class Recording:
    """The accesses of all iterations of all loops.

    Attributes:
        accesses: A row for each access: loop, iteration, array, cell, and 1 for a write or 0 for a
            read. Arrays that no iteration of a loop writes are left out.
        loops: File and line of each loop, in the order of execution.
        arrays: The name and the number of cells of each array, and True for an argument.

    Shape:
        accesses (any, 5).
    """

    accesses: Array
    loops: list[tuple[str, int]]
    arrays: list[tuple[str, int, bool]]


class Tape:
    """The recorded accesses and arrays of one call.

    Args:
        counting: True to count accesses instead of keeping each of them.

    Attributes:
        work: The number of accesses of each iteration, by loop and iteration.
        work_outside: The number of accesses outside all loops.
        written: The cells of the first array that iterations write.
    """

    def __init__(self, counting: bool = False) -> None:
        self.counting = counting
        self.work: dict[tuple[int, int], int] = {}
        self.work_outside = 0
        self.written: set[int] = set()
        self.memories: list[Memory] = []
        self.loops: list[tuple[str, int]] = []
        self.rows: list[tuple[int, int, int, int, int]] = []
        self.iteration: int | None = None
        self.frame: FrameType | None = None
        self.reduced: Memory | None = None
        self._now: set[tuple[int, int, int]] = set()

    def argument(self, array: Array, name: str) -> "Recorded":
        """Return an argument of the kernel as a recorded array."""
        if self.memory_of(array) is None:
            self.keep(array, argument=True, name=name)
        watched = array.view(Recorded)
        watched.enroll(self)
        return watched

    def adopt(self, value: Any) -> Any:
        """Return a result of NumPy with all its arrays as recorded arrays."""
        if isinstance(value, tuple | list) and type(value) in (tuple, list):
            return type(value)(map(self.adopt, value))
        if type(value) is not np.ndarray:
            return value
        watched = value.view(Recorded)
        watched.enroll(self)
        return watched

    def memory_of(self, array: Array) -> Memory | None:
        """Return the recorded memory of an array; None if the current iteration allocated it."""
        address = int(array.__array_interface__["data"][0])
        for memory in self.memories:
            if memory.start <= address < memory.end and array.size:
                return memory
        return None

    def keep(self, array: Array, argument: bool = False, name: str = "") -> Memory:
        """Record an array that was created outside the iterations."""
        memory = Memory(array, len(self.memories), argument, name)
        self.memories.append(memory)
        return memory

    def note(self, memory: Memory, cells: Array, width: int, write: bool) -> None:
        """Record an access of the current iteration.

        Args:
            memory: The array.
            cells: The first cell below each element.
            width: The number of cells below each element.
            write: True for a write, False for a read.
        """
        listed = np.ravel(cells).tolist()
        if self.iteration is None:
            self.work_outside += len(listed)
            return
        key = len(self.loops) - 1, self.iteration
        self.work[key] = self.work.get(key, 0) + len(listed)
        if write and memory.number == 0:
            self.written.update(listed)
        if self.counting or memory is self.reduced:
            return
        for cell in listed:
            for at in range(cell, cell + width):
                self._now.add((memory.number, at, int(write)))

    def prange(self, *limits: int) -> Iterator[int]:
        """Iterate over a range; each number is an iteration of a parallel loop."""
        return self._iterate(range(*limits), lambda i: i)

    def pndindex(self, *shape: Any) -> Iterator[tuple[int, ...]]:
        """Iterate over all indices of a shape; each is an iteration of a parallel loop."""
        indices = list(np.ndindex(*shape))
        return self._iterate(range(len(indices)), indices.__getitem__)

    def _iterate(self, ordinals: range, value: Callable[[int], Any]) -> Iterator[Any]:
        if self.iteration is not None:
            # Only the outermost of nested loops is parallel.
            yield from map(value, ordinals)
            return
        self.frame = sys._getframe(1)
        self._name_locals(self.frame)
        code = self.frame.f_code
        self.loops.append((Path(code.co_filename).name, self.frame.f_lineno))
        number, rows = len(self.loops) - 1, []
        try:
            for ordinal in ordinals:
                self.iteration = ordinal
                self._now = set()
                yield value(ordinal)
                rows += [(number, ordinal, *access) for access in self._now]
                if len(rows) + len(self.rows) > MOST_ACCESSES:
                    raise UnrecordableError("there are too many accesses")
        finally:
            self.iteration = self.frame = None
        written = {memory for _, _, memory, _, write in rows if write}
        self.rows += [row for row in rows if row[2] in written]

    def _name_locals(self, frame: FrameType) -> None:
        """Name arrays after the variables of the function with the loop."""
        for name, value in frame.f_locals.items():
            if isinstance(value, Recorded) and value.memory is not None and not value.memory.name:
                value.memory.name = name

    def recording(self) -> Recording:
        """Return the recorded accesses, loops and arrays."""
        rows = np.array(sorted(self.rows), np.int64).reshape(-1, 5)
        arrays = [(each.name, each.array.size, each.argument) for each in self.memories]
        return Recording(rows, self.loops, arrays)


class Recorded(np.ndarray[Any, Any]):
    """An array whose reads and writes are recorded.

    Attributes:
        tape: Stores the accesses.
        memory: The array outside the loop that contains the elements; None if one iteration
            allocated them.
        outside: True if this object existed before the loop.
    """

    tape: Tape | None
    memory: Memory | None
    outside: bool
    _cells: Array | None

    def __array_finalize__(self, source: Any) -> None:
        """Initialise a new view or copy of a recorded array."""
        self.memory, self.outside, self._cells = None, True, None
        self.tape = getattr(source, "tape", None)
        if self.tape is not None:
            self.enroll(self.tape)

    def enroll(self, tape: Tape) -> None:
        """Determine the memory that contains the elements."""
        self.tape = tape
        self.outside = tape.iteration is None
        self.memory = tape.memory_of(self)
        if self.memory is None and self.outside and self.size:
            whole: Any = self
            while isinstance(whole.base, np.ndarray):
                whole = whole.base
            self.memory = tape.keep(np.asarray(whole))

    def note(self, write: bool, index: Any = ...) -> None:
        """Record an access to the elements at an index."""
        memory, tape = self.memory, self.tape
        if memory is None or tape is None:
            return
        if self._cells is None:
            self._cells = memory.cells_of(self)
        width = -(-self.itemsize // memory.itemsize)
        tape.note(memory, self._cells[index], width, write)

    def __getitem__(self, index: Any) -> Any:
        """Return an element, a view or a copy; creating a view is not an access."""
        plain_index = _read_index(index)
        result = super().__getitem__(plain_index)
        if not isinstance(result, Recorded) or result.memory is not self.memory:
            self.note(False, plain_index)
        return result

    def __setitem__(self, index: Any, value: Any) -> None:
        """Write elements."""
        plain_index = _read_index(index)
        super().__setitem__(plain_index, _read(value))
        self.note(True, plain_index)

    @property
    def flat(self) -> Any:
        """The elements in row-major order, as a view with one dimension."""
        if not self.flags.c_contiguous:
            raise UnrecordableError("`flat` of a non-contiguous view is not supported")
        return self.reshape(-1)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        """Record reads of the operands and writes of the outputs."""
        outputs = options.pop("out", ())
        if method == "at":
            target, index, *operands = inputs
            plain_index = _read_index(index)
            for write in (False, True):
                _note(target, write, plain_index)
            return ufunc.at(_plain(target), plain_index, *map(_read, operands))
        if outputs:
            options["out"] = tuple(map(_plain, outputs))
        mask = _read(options.get("where", True))
        if mask is not True:
            options["where"] = mask
        result = getattr(ufunc, method)(*map(_read, inputs), **options)
        for output in outputs:
            _note(output, True, ... if mask is True else np.broadcast_to(mask, output.shape))
        if outputs:
            return outputs[0] if len(outputs) == 1 else outputs
        return self.tape.adopt(result) if self.tape is not None else result

    def __array_function__(
        self, func: Any, types: Iterable[type], args: Iterable[Any], kwargs: Mapping[str, Any]
    ) -> Any:
        """Record the reads and writes of a function of NumPy."""
        args, options = tuple(args), dict(kwargs)
        targets = [options.pop("out")] if options.get("out") is not None else []
        if func.__name__ in WRITING_FUNCTIONS and args:
            target, *others = args
            result = func(_plain(target), *map(_read, others), **_read(options))
            _note(target, True)
            return result
        if targets:
            options["out"] = _plain(targets[0])
        tape = self.tape
        result = func(*_plain(args), **_plain(options))
        adopted = tape.adopt(result) if tape is not None else result
        if func.__name__ not in SHAPE_FUNCTIONS and not _is_view(adopted):
            _read(args)
            _read({name: value for name, value in options.items() if name != "out"})
        for target in targets:
            _note(target, True)
            return target
        return adopted


def _is_view(value: Any) -> bool:
    """Return whether a part of a result lies in an array from outside the loop."""
    if isinstance(value, tuple | list):
        return any(map(_is_view, value))
    return isinstance(value, Recorded) and value.memory is not None


def _note(array: Any, write: bool, index: Any = ...) -> None:
    if isinstance(array, Recorded):
        array.note(write, index)


def _plain(value: Any) -> Any:
    """Return plain arrays for recorded ones, also in tuples, lists and dicts."""
    if isinstance(value, Recorded):
        return value.view(np.ndarray)
    if type(value) in (tuple, list):
        return type(value)(map(_plain, value))
    if type(value) is dict:
        return {name: _plain(each) for name, each in value.items()}
    return value


def _read(value: Any) -> Any:
    """Record reads of arrays, and return them as plain arrays."""
    if isinstance(value, Recorded):
        value.note(False)
        return value.view(np.ndarray)
    if type(value) in (tuple, list):
        return type(value)(map(_read, value))
    if type(value) is dict:
        return {name: _read(each) for name, each in value.items()}
    return value


def _read_index(index: Any) -> Any:
    """Record reads of arrays in an index; the common case, an integer, is returned at once."""
    return index if type(index) is int else _read(index)


def _method(name: str, write: bool) -> Callable[..., Any]:
    """Return a method of arrays that records reads or writes of all elements."""
    original = getattr(np.ndarray, name)

    def method(self: Recorded, *args: Any, **options: Any) -> Any:
        target = options.get("out")
        plain = {key: _plain(v) if key == "out" else _read(v) for key, v in options.items()}
        _note(self, False)
        result = original(_plain(self), *map(_read, args), **plain)
        _note(self if write else target, True)
        if target is not None:
            return target
        return self.tape.adopt(result) if self.tape is not None else result

    return method


def _copying(name: str) -> Callable[..., Any]:
    """Return a method of arrays that records reads of all elements if it copies."""
    original = getattr(np.ndarray, name)

    def method(self: Recorded, *args: Any, **options: Any) -> Any:
        result = original(self, *args, **options)
        if result.memory is not self.memory:
            _note(self, False)
        return result

    return method


def _reduction(name: str) -> Callable[..., Any]:
    """Return an in-place operator; on a variable of the loop, numba compiles it to a reduction."""
    original = getattr(np.ndarray, name)

    def operator(self: Recorded, other: Any) -> Any:
        tape = self.tape
        if tape is None or not self.outside or tape.frame is not sys._getframe(1):
            return original(self, other)
        tape.reduced = self.memory
        try:
            return original(self, other)
        finally:
            tape.reduced = None

    return operator


for _name in READING:
    setattr(Recorded, _name, _method(_name, write=False))
for _name in WRITING:
    setattr(Recorded, _name, _method(_name, write=True))
for _name in COPYING:
    setattr(Recorded, _name, _copying(_name))
for _name in REDUCTIONS:
    setattr(Recorded, _name, _reduction(_name))
