"""Recorded calls of compiled kernels, joined so that one call from Python runs many of them.

A call of a compiled kernel from Python takes up to ten microseconds before the kernel begins: numba
finds out the types of the arguments and reads the address, the sizes and the strides of each array.
The calls of a recorded step have the same arguments each time, so all of that is written into
memory once:

    Python           segment                                   words of a call
    run(segment) ──► number of calls                     ┌──►  address of the first array
                     trampoline, kernel, words, result ──┘     its size
                     trampoline, kernel, words, result ──┐     its stride
                     …                                   └──►  …

Copies of contiguous arrays are calls, too, and so are lists of calls that run side by side. A
segment ends at a call that only Python can make, such as a product by NumPy's BLAS. A kernel that
fails, or that returns another truth value than when it was recorded, ends it early.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numba.core import types

from mt_kernels_cpu.compiling.jit import KernelDispatcher
from mt_kernels_cpu.tuned.replaying import team
from mt_kernels_cpu.tuned.replaying.machine_code import argument_types, machine_code
from mt_kernels_cpu.tuned.waiting import THREADS_CAN_SLEEP
from mt_tensor import recording
from mt_tensor.recording import Call

Tuple: Any = types.BaseTuple
"""The class of numba's types of tuples, also of named ones."""

ANY_RESULT = -1
"""Expected result of a kernel that returns nothing."""

COPIED_UP_TO = 2**16
"""Largest array, in bytes, that is filled with a constant by copying one. Filling a larger one
takes longer than a call from Python."""


class Entry(NamedTuple):
    """A call as a segment stores it.

    Attributes:
        function: The address of the machine code.
        kinds: The kind of each word, one letter of `machine_code.LLVM_TYPES`.
        words: The arguments in the order of numba's calling convention.
        expected: The truth value that the function must return, `ANY_RESULT` without one.
        memory: Objects that own memory of the call besides its arguments.
    """

    function: int
    kinds: str
    words: list[int]
    expected: int
    memory: Any = None


class Segment:
    """Calls that `MachineCode.run` makes one after the other.

    Attributes:
        address: The address of the segment.
    """

    def __init__(self, calls: Sequence[Call], entries: Sequence[Entry]) -> None:
        # The calls own the memory to which the segment refers.
        self._memory = calls, [each.memory for each in entries]
        self._words = np.array([word % 2**64 for each in entries for word in each.words], np.uint64)
        rows, at = [len(entries)], self._words.ctypes.data
        for entry in entries:
            trampoline = machine_code().trampoline(entry.kinds)
            rows += [trampoline, entry.function, at, entry.expected % 2**64]
            at += self._words.itemsize * len(entry.words)
        self._rows = np.array(rows, np.uint64)
        self.address: int = self._rows.ctypes.data
        # ctypes passes this in place of the segment.
        self._as_parameter_ = ctypes.c_void_p(self.address)


@recording.join
def join(calls: Sequence[Call]) -> list[Call]:
    """Return the calls with each run of calls of machine code replaced by one call."""
    joined: list[Call] = []
    run: list[tuple[Call, Entry]] = []

    def end_run() -> None:
        if run:
            segment = Segment([call for call, _ in run], [entry for _, entry in run])
            joined.append(Call(machine_code().run, (segment,), True))
            run.clear()

    for call in calls:
        if call.fn is recording.run_on_threads:
            starter, *lists = call.args
            call = Call(call.fn, (starter, *(tuple(join(each)) for each in lists)), call.expected)
        entry = entry_of(call)
        if entry is None:
            end_run()
            joined.append(call)
        else:
            run.append((call, entry))
    end_run()
    return joined


def entry_of(call: Call) -> Entry | None:
    """Return a call as a segment stores it, None if only Python can make it."""
    fn, args, expected = call
    if isinstance(fn, KernelDispatcher):
        return _kernel_entry(fn, args, expected)
    if fn is recording.run_on_threads:
        return _threads_entry(args[1:])
    if fn is np.copyto and len(args) == 2:
        return _copy_entry(*args)
    owner = getattr(fn, "__self__", None)
    if isinstance(owner, np.ndarray) and fn.__name__ == "fill" and owner.nbytes <= COPIED_UP_TO:
        constant = np.empty_like(owner)
        constant.fill(*args)
        return _copy_entry(owner, constant)
    return None


def _kernel_entry(kernel: Any, args: tuple[Any, ...], expected: Any) -> Entry | None:
    """Return the entry of a kernel; None for arguments or results of other kinds."""
    kinds = argument_types(args)
    # No other form of the kernel would do: its arguments would have to be converted.
    compiled = kernel.overloads.get(kinds)
    if compiled is None or compiled.signature.return_type not in (types.none, types.boolean):
        return None
    try:
        words = [each for pair in zip(kinds, args, strict=True) for each in _words(*pair)]
    except LookupError:
        return None
    function = compiled.library.get_pointer_to_function(compiled.fndesc.llvm_func_name)
    if not function:
        return None
    result = ANY_RESULT if expected is None else int(expected)
    letters = "".join([letter for letter, _ in words])
    return Entry(function, letters, [word for _, word in words], result)


def _words(kind: Any, value: Any) -> Iterator[tuple[str, int]]:
    """Yield kind and value of each word of an argument, as numba passes it.

    Raises:
        LookupError: The type is not known here.
    """
    if isinstance(kind, types.Array):
        # No reference counts: the call owns the array.
        yield from (("p", 0), ("p", 0), ("i", value.size), ("i", value.itemsize))
        yield "p", value.ctypes.data
        for each in (*value.shape, *value.strides):
            yield "i", each
    elif isinstance(kind, Tuple):
        for pair in zip(kind.types, value, strict=True):
            yield from _words(*pair)
    elif kind in (types.int64, types.uint64):
        yield "i", int(value)
    elif kind == types.boolean:
        yield "b", int(value)
    elif kind == types.float64:
        yield "d", int(np.float64(value).view(np.uint64))
    elif kind == types.float32:
        yield "f", int(np.float32(value).view(np.uint32))
    else:
        raise LookupError(kind)


def _copy_entry(to: Any, source: Any) -> Entry | None:
    """Return the entry of a copy of bytes; None for a copy that converts or repeats elements."""
    is_plain = (
        isinstance(source, np.ndarray)
        and to.shape == source.shape
        and to.dtype == source.dtype
        and to.flags.c_contiguous
        and source.flags.c_contiguous
    )
    if not is_plain:
        return None
    words = [to.ctypes.data, source.ctypes.data, to.nbytes]
    return Entry(machine_code().copy, "ppi", words, ANY_RESULT, source)


def _threads_entry(lists: Sequence[Sequence[Call]]) -> Entry | None:
    """Return the entry of segments that run side by side; None if other calls are among them."""
    run = machine_code().run
    if not THREADS_CAN_SLEEP or any(len(calls) != 1 or calls[0].fn is not run for calls in lists):
        return None
    segments = [calls[0].args[0] for calls in lists]
    addresses = np.array([each.address for each in segments], np.int64)
    entry = _kernel_entry(team.run_on_team, team.native_team().arguments(addresses), True)
    return entry and entry._replace(memory=(segments, addresses))
