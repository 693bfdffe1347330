"""The switch that turns recording of operations off and on.

Recording is on unless `no_grad` switches it off, for the current thread and the current
asynchronous task only.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_recording: ContextVar[bool] = ContextVar("mt_autodiff_recording", default=True)

grad_enabled = _recording.get
"""A function that returns whether operations are recorded for backpropagation."""


@contextmanager
def no_grad() -> Iterator[None]:
    """Switch recording off: the results of all operations are constants.

    Use it as a context manager, ``with no_grad():``, or as a decorator of plain functions,
    ``@no_grad()``. Do not decorate generators or coroutines: their bodies run after the decorator
    has returned. Use the context manager inside of them.

    >>> with no_grad():
    ...     grad_enabled()
    False
    >>> grad_enabled()
    True
    >>> @no_grad()
    ... def is_recorded():
    ...     return grad_enabled()
    >>> is_recorded()
    False
    """
    token = _recording.set(False)
    try:
        yield
    finally:
        _recording.reset(token)
