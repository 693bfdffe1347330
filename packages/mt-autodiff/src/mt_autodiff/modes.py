"""The switch that turns recording of operations off and on.

Recording is on unless a block of `no_grad` switches it off, for the current thread and the current
asynchronous task only.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
import sys
from collections.abc import Callable
from contextvars import ContextVar
from types import FrameType
from typing import Any, ParamSpec, TypeAlias, TypeVar, cast, overload

P = ParamSpec("P")
R = TypeVar("R")


Block: TypeAlias = "tuple[NoGrad, FrameType | None]"
"""An entered ``with`` block: the object of the statement, and the frame of the generator that
contains it, None in other functions."""

_blocks: ContextVar[tuple[Block, ...]] = ContextVar("mt_autodiff_no_grad", default=())

no_grad_blocks = _blocks.get
"""A function that returns the entered blocks. If there is none, recording is on; this test takes
less time than `grad_enabled`, which is exact."""


def grad_enabled() -> bool:
    """Return whether operations are recorded for backpropagation."""
    # A loop, because `any` takes several times as long.
    for block, generator in _blocks.get():
        # While a generator waits at a yield, nothing has called its frame.
        if generator is None or (
            generator.f_back is not None and generator not in block.ended_elsewhere
        ):
            return False
    return True


class NoGrad:
    """The result of ``no_grad()``: a context manager and a decorator.

    Attributes:
        ended_elsewhere: The frames of generators that ended in another context than the one in
            which they entered a block of this object. From Python 3.12 on, the frame of a
            generator that has ended still has a caller.
    """

    __slots__ = ("ended_elsewhere",)

    def __init__(self) -> None:
        self.ended_elsewhere: tuple[FrameType, ...] = ()

    def __enter__(self) -> None:
        _blocks.set((*_blocks.get(), (self, _generator(sys._getframe(1)))))

    def __exit__(self, *error: object) -> None:
        blocks = _blocks.get()
        if blocks and blocks[-1][0] is self:
            _blocks.set(blocks[:-1])
            return
        # The last block of this object. There is none if a generator ends in another context than
        # the one in which it entered the block.
        for at in reversed(range(len(blocks))):
            if blocks[at][0] is self:
                _blocks.set((*blocks[:at], *blocks[at + 1 :]))
                return
        generator = _generator(sys._getframe(1))
        if generator is not None:
            self.ended_elsewhere += (generator,)

    def __call__(self, function: Callable[P, R]) -> Callable[P, R]:
        """Return a function whose operations are not recorded.

        The bodies of generators and coroutines are not recorded either.

        Raises:
            TypeError: The argument is not a function.
        """
        if isinstance(function, type) or not callable(function):
            raise TypeError(
                f"no_grad: {function!r} is not a function; decorate a function or a method with "
                "@no_grad, or write `with no_grad():`"
            )
        body: Callable[..., Any] = function
        wrapper: Callable[..., Any]
        if inspect.isgeneratorfunction(body):

            def wrapper(*args: Any, **kwargs: Any) -> Any:
                with NoGrad():
                    return (yield from body(*args, **kwargs))

        elif inspect.isasyncgenfunction(body):

            async def wrapper(*args: Any, **kwargs: Any) -> Any:
                with NoGrad():
                    async for item in body(*args, **kwargs):
                        yield item

        elif inspect.iscoroutinefunction(body):

            async def wrapper(*args: Any, **kwargs: Any) -> Any:
                with NoGrad():
                    return await body(*args, **kwargs)

        else:

            def wrapper(*args: Any, **kwargs: Any) -> Any:
                with NoGrad():
                    return body(*args, **kwargs)

        return cast(Callable[P, R], functools.wraps(body)(wrapper))


@overload
def no_grad() -> NoGrad: ...


@overload
def no_grad(function: Callable[P, R]) -> Callable[P, R]: ...


def no_grad(function: Callable[..., Any] | None = None) -> Any:
    """Switch recording off: the results of all operations are constants.

    Use it as a context manager, ``with no_grad():``, or as a decorator, ``@no_grad`` or
    ``@no_grad()``. A block in a generator ends at each ``yield`` and continues after it: the code
    that iterates over the generator is recorded. An exception is the generator of
    `contextlib.contextmanager`, whose ``yield`` runs the caller's block. Every thread starts with
    recording on.

    Args:
        function: The function to decorate.

    >>> with no_grad():
    ...     grad_enabled()
    False
    >>> grad_enabled()
    True
    >>> @no_grad
    ... def is_recorded():
    ...     return grad_enabled()
    >>> is_recorded()
    False
    """
    return NoGrad() if function is None else NoGrad()(function)


_GENERATOR = inspect.CO_GENERATOR | inspect.CO_ASYNC_GENERATOR


def _generator(frame: FrameType | None) -> FrameType | None:
    """Return the frame of the generator that contains a ``with`` statement; None if there is none.

    Args:
        frame: The frame that entered the block. Frames of `contextlib`, such as those of
            `ExitStack.enter_context`, are skipped. A generator that `contextlib.contextmanager`
            runs belongs to the function that uses the context manager.
    """
    while frame is not None:
        if not frame.f_code.co_flags & _GENERATOR:
            if not _is_contextlib(frame):
                return None
            frame = frame.f_back
        elif frame.f_back is None or not _is_contextlib(frame.f_back):
            return frame
        else:
            frame = frame.f_back
    return None


def _is_contextlib(frame: FrameType) -> bool:
    return frame.f_code.co_filename == contextlib.__file__
