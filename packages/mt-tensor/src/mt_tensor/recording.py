"""Hooks through which a training step is recorded, to be repeated without the library's Python.

A *recorder* (`mt_nn.capture` has one) receives every call that reads or writes elements. Compiled
kernels reach it by themselves: `intercept` names methods that are replaced while a step is
recorded, so that they cost nothing otherwise. Other code calls the functions of this module:

- `called` for a function that writes into arrays, such as `numpy.copyto`, or whose truth value
  decides how the step goes on;
- `computed` for a function that returns a new array, such as a random draw;
- `repeated` for a change of a Python object, such as a counter of steps;
- `replaced` for a tensor that a step reads and replaces, such as a parameter;
- `refuse` for what cannot be repeated.

Without a recorder they only call their function.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, NamedTuple, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

T = TypeVar("T")


class Call(NamedTuple):
    """A recorded call.

    Attributes:
        fn: The function.
        args: Its arguments.
        expected: The object that it returned; a repetition that returns another one ends.
    """

    fn: Callable[..., Any]
    args: tuple[Any, ...]
    expected: Any


class Recorder(Protocol):
    """The receiver of the calls of one step; the functions of this module describe the methods."""

    def ran(self, fn: Callable[..., Any], args: tuple[Any, ...], result: Any) -> None:
        """Record a call that was made. A repetition ends if it returns another object."""

    def side_by_side(
        self, run: Callable[[Sequence[Callable[[], Any]]], list[Any]], works: Sequence[Any]
    ) -> None:
        """Record the calls of functions that repetitions run on threads, by `run`."""

    def computed(self, fn: Callable[..., Any], *args: Any) -> Any:
        """Make a call that returns an array or None, and record it."""

    def allocated(self, count: int, dtype: np.dtype[Any]) -> npt.NDArray[Any]:
        """Return memory for intermediate values, (count,), with arbitrary elements."""

    def repeated(self, do: Callable[[], object], undo: Callable[[], object]) -> None:
        """Record a change of a Python object."""

    def replaced(
        self, read: Callable[[], Any], write: Callable[[Any], object], old: Any, new: Any
    ) -> None:
        """Record that a tensor took the place of another."""

    def refuse(self, reason: str, for_now: bool) -> None:
        """Give the recording up; the step itself goes on."""


class Interception(NamedTuple):
    """A method that is replaced while a step is recorded.

    Attributes:
        owner: The class.
        name: The name of the method.
        replacement: The function that takes its place. Its first argument is the recorder, its
            second the original method; the arguments of the call follow, beginning with `self`.
    """

    owner: type
    name: str
    replacement: Callable[..., Any]


_interceptions: list[Interception] = []
_joins: list[Callable[[Sequence[Call]], list[Call]]] = []
_recorder: Recorder | None = None
_thread: int | None = None
_lock = threading.Lock()


def intercept(owner: type, name: str) -> Callable[[Callable[..., T]], Callable[..., T]]:
    """Register the replacement of a method while a step is recorded. A decorator.

    The replacement is called on the recording thread only; other threads call the method.
    """

    def register(replacement: Callable[..., T]) -> Callable[..., T]:
        _interceptions.append(Interception(owner, name, replacement))
        return replacement

    return register


def join(
    function: Callable[[Sequence[Call]], list[Call]],
) -> Callable[[Sequence[Call]], list[Call]]:
    """Register a function that replaces calls in a row by fewer ones with the same effect.

    A decorator. Its argument are the calls of a recording, whose arguments do not change any more.
    """
    _joins.append(function)
    return function


def joined(calls: Sequence[Call]) -> list[Call]:
    """Return the calls of a recording as the registered functions join them."""
    result = list(calls)
    for each in _joins:
        result = each(result)
    return result


def run_calls(calls: Sequence[Call]) -> bool:
    """Run calls; return False as soon as one returns another object than when it was recorded."""
    for fn, args, expected in calls:  # noqa: SIM110 - `all` takes longer
        if fn(*args) is not expected:
            return False
    return True


def run_on_threads(run: Callable[..., list[Any]], *lists: Sequence[Call]) -> bool:
    """Run lists of calls side by side, by `run`; return False if one of them ended early."""
    return all(run([partial(run_calls, calls) for calls in lists]))


def recorder() -> Recorder | None:
    """Return the recorder of this thread; None if its calls are not recorded."""
    return _recorder if _recorder is not None and threading.get_ident() == _thread else None


@contextmanager
def recording(active: Recorder) -> Iterator[None]:
    """Record the calls of this thread in the ``with`` block. One thread records at a time."""
    global _recorder, _thread
    with _lock:
        originals = [vars(each.owner).get(each.name) for each in _interceptions]
        for each in _interceptions:
            setattr(each.owner, each.name, _replaced(getattr(each.owner, each.name), each))
        _recorder, _thread = active, threading.get_ident()
        try:
            yield
        finally:
            _recorder = _thread = None
            for each, original in zip(_interceptions, originals, strict=True):
                if original is None:
                    delattr(each.owner, each.name)  # It is inherited.
                else:
                    setattr(each.owner, each.name, original)


def _replaced(original: Callable[..., Any], interception: Interception) -> Callable[..., Any]:
    replacement = interception.replacement

    def method(*args: Any, **kwargs: Any) -> Any:
        active = recorder()
        if active is None:
            return original(*args, **kwargs)
        return replacement(active, original, *args, **kwargs)

    return method


def called(fn: Callable[..., T], *args: Any) -> T:
    """Call a function that writes into arrays among its arguments, and record the call.

    The function returns None, a truth value, or one of its arguments. A repetition that returns
    another object ends.
    """
    result = fn(*args)
    active = recorder()
    if active is not None:
        active.ran(fn, args, result)
    return result


def computed(fn: Callable[..., T], *args: Any) -> T:
    """Return what a function returns: a new array, or None. A repetition fills the same array.

    A repetition ends if its result has another shape or dtype, or is None where this one is not.
    """
    active = recorder()
    if active is None:
        return fn(*args)
    result: T = active.computed(fn, *args)
    return result


def copied(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return a contiguous copy of an array that a user passed, and record the copy."""
    copy = np.empty(values.shape, values.dtype)
    called(np.copyto, copy, values)
    return copy


def repeated(do: Callable[[], object], undo: Callable[[], object]) -> None:
    """Record a change of a Python object that the caller has just made.

    Args:
        do: A function that makes it again.
        undo: A function that takes it back.
    """
    active = recorder()
    if active is not None:
        active.repeated(do, undo)


def replaced(read: Callable[[], Any], write: Callable[[Any], object], old: Any, new: Any) -> None:
    """Record that a tensor took the place of another of its shape, with which the step computed.

    Args:
        read: A function that returns the tensor that is in the place.
        write: A function that puts a tensor there.
        old: The tensor that was there when the step began.
        new: The tensor that is there now.
    """
    active = recorder()
    if active is not None:
        active.replaced(read, write, old, new)


def refuse(reason: str, for_now: bool = False) -> None:
    """State that the present step cannot be repeated.

    Args:
        reason: A clause that follows "the step", such as "reads the elements of a tensor".
        for_now: True if a later step can be.
    """
    active = recorder()
    if active is not None:
        active.refuse(reason, for_now)
