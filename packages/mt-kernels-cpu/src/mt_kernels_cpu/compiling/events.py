"""Events of the compilation of kernels, from which programs show their progress."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal

KernelEvent = Literal["loaded", "compiling", "compiled"]
"""A kernel was read from disk, its compilation begins, or its compilation has ended."""

Observer = Callable[[str, KernelEvent], None]
"""A function of the name of a kernel and an event."""

_observers: list[Observer] = []


@contextmanager
def observe_kernels(observer: Observer) -> Iterator[None]:
    """Call a function for each kernel that this process reads from disk or compiles.

    An event belongs to the first call of a kernel with new argument types. Later calls have no
    event, and cost nothing. Kernels that call each other nest: the event "compiled" belongs to the
    latest "compiling" without one.

    Args:
        observer: The function. It is called in the thread that calls the kernel.

    >>> from mt_kernels_cpu import Fast
    >>> from mt_tensor import TensorData, operators
    >>> events = []
    >>> with observe_kernels(lambda name, event: events.append(event)):
    ...     _ = Fast().map(operators.neg, TensorData([1.0], (1,)))
    >>> set(events) <= {"loaded", "compiling", "compiled"}
    True
    """
    _observers.append(observer)
    try:
        yield
    finally:
        _observers.remove(observer)


def notify(name: str, event: KernelEvent) -> None:
    """Report an event to all observers."""
    for observer in tuple(_observers):
        observer(name, event)
