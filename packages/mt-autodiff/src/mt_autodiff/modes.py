"""Whether operations remember how their results are made.

Recording is on unless `no_grad` switches it off, for the current thread and the current
asynchronous task alone.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_recording: ContextVar[bool] = ContextVar("mt_autodiff_recording", default=True)

grad_enabled = _recording.get
"""Returns whether operations record what backpropagation needs."""


@contextmanager
def no_grad() -> Iterator[None]:
    """Switch recording off: the results of all operations are constants.

    Serves as a context manager and, called, as a decorator of plain functions. (The body of a
    generator or of a coroutine runs after the decorator is done: use ``with no_grad():`` in it.)

    >>> with no_grad():
    ...     grad_enabled()
    False
    >>> grad_enabled()
    True
    >>> @no_grad()
    ... def recorded_within():
    ...     return grad_enabled()
    >>> recorded_within()
    False
    """
    token = _recording.set(False)
    try:
        yield
    finally:
        _recording.reset(token)
