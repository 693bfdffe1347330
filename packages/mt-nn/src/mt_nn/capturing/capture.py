"""Capture of a training step: what is left of a step when nothing but its kernels runs.

A step of a small network spends more time in Python than in its kernels. But every step on a batch
of the same shape calls the same kernels, on memory of the same sizes. `capture` runs a step twice
as usual. During the second run it records each call that reads or writes elements
(`mt_tensor.recording`). Afterwards it plans the memory of all intermediate values, and from then on
a step is a loop over the recorded calls.

The third step checks the recording: it runs both ways, from the same state, and the results must be
equal bit by bit. So a step that does something unrecorded, such as arithmetic with NumPy, is not
captured.
"""

from __future__ import annotations

import math
import threading
import warnings
from collections.abc import Callable
from functools import update_wrapper
from types import MethodType
from typing import Any, Generic, ParamSpec, TypeVar, cast

import numpy as np

from mt_autodiff import Tensor, grad_enabled
from mt_autodiff.profiling import active_profile
from mt_nn.capturing.structures import Array, leaves_of, signature
from mt_nn.capturing.tape import Tape
from mt_tensor import host_array, recording

P = ParamSpec("P")
R = TypeVar("R")

MAX_CAPTURES = 8
"""Number of combinations of shapes, dtypes and other arguments that one function records, and of
recordings of each: for other training modes and parameters."""

MAX_FAILURES = 3
"""Number of repetitions in a row that end early, after which a recording is dropped."""


class CaptureWarning(UserWarning):
    """A step cannot be captured, and runs as usual."""


def capture(step: Callable[P, R]) -> Captured[P, R]:
    """Return a function that repeats the kernels of a step without the library's Python.

    Use it for a function that trains on one batch, or that answers for one. The first call with
    arguments of some shapes runs as usual, the second one is recorded, the third one checks the
    recording; all others repeat the recorded calls. After every call parameters, gradients,
    buffers, the optimiser's state and the states of generators are those of the function itself,
    bit by bit on one thread.

    - Arrays and tensors among the arguments, also in tuples, lists and dicts, are copied into the
      memory of the recording. All other arguments are constants, as is everything else that the
      function reads; hyperparameters of an optimiser may change.
    - The result, and the gradients, are written into the same memory by every call. Copy what you
      want to keep. A tensor in the result has no history.
    - A function that reads elements (`item`, `print`), that has forward hooks, or whose operations
      are not those of `mt_kernels_cpu.Tuned` runs as usual; a `CaptureWarning` gives the reason
      once.
    - A value that is checked, such as a class out of range, ends a repetition before any parameter
      changes. The step then runs as usual and raises its error.

    Args:
        step: The function. It is called from one thread at a time.

    >>> from mt_autodiff import tensor
    >>> from mt_kernels_cpu import Tuned
    >>> from mt_nn import SGD, Linear
    >>> model = Linear(2, 1, rng=0, backend=Tuned())
    >>> optimizer = SGD(model.parameters(), lr=0.1)
    >>> @capture
    ... def step(x):
    ...     optimizer.zero_grad()
    ...     loss = model(x).square().mean()
    ...     loss.backward()
    ...     optimizer.step()
    ...     return loss
    >>> for _ in range(5):
    ...     loss = step(tensor([[1.0, 2.0]], backend=Tuned()))
    >>> step.repetitions
    2
    """
    return Captured(step)


def is_finite(values: Tensor, limit: float = math.inf) -> bool:
    """Return whether no element is NaN or infinite, and none has a magnitude above a limit.

    A captured step may call it, for example to raise an error before it changes parameters: a
    repetition in which the result is another one ends, and the step runs as usual.

    >>> from mt_autodiff import tensor
    >>> is_finite(tensor([1.0, float("nan")]))
    False
    """
    return recording.called(_are_finite, host_array(values.data), limit)


def _are_finite(elements: Array, limit: float) -> bool:
    magnitudes = np.abs(elements)
    return bool((np.isfinite(magnitudes) & (magnitudes <= limit)).all())


class Captured(Generic[P, R]):
    """A captured step: the result of `capture`.

    Attributes:
        repetitions: The number of calls that repeated a recording.
        reason: The reason why the last call ran as usual; None if it did not, or if a later call
            with the same arguments may be captured.
    """

    def __init__(self, step: Callable[P, R]) -> None:
        update_wrapper(self, step)
        self._step = step
        self._tapes: dict[Any, list[Tape]] = {}
        self._refused: dict[Any, str] = {}
        self._has_warned_of_many = False
        self._attribute = getattr(step, "__name__", "")
        self._lock = threading.Lock()
        self.repetitions = 0
        self.reason: str | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        # A copy has recordings of its own, at first none.
        return Captured, (self._step,)

    def __set_name__(self, kind: type, name: str) -> None:
        self._attribute = name

    def __get__(self, owner: Any, kind: type | None = None) -> Captured[..., R]:
        """Return the captured method of an object; each object has recordings of its own."""
        if owner is None:
            return self
        bound: Captured[..., R] = Captured(MethodType(self._step, owner))
        # The attribute of the object takes the place of this one.
        vars(owner)[self._attribute] = bound
        return bound

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Run the step, captured if it can be."""
        # A recording of another function contains the calls of this one.
        if recording.recorder() is not None or not self._lock.acquire(blocking=False):
            return self._step(*args, **kwargs)
        try:
            return cast(R, self._run(args, kwargs))
        finally:
            self._lock.release()

    @property
    def planned_bytes(self) -> int:
        """The memory of the intermediate values of all recordings, in bytes."""
        return sum(tape.planned_bytes for tapes in self._tapes.values() for tape in tapes)

    def _run(self, args: Any, kwargs: Any) -> Any:
        arrays: list[Array] = []
        key = (signature((args, kwargs), arrays), grad_enabled())
        try:
            tapes = self._tapes.get(key)
            self.reason = self._refused.get(key)
        except TypeError:
            self.reason = "takes an argument that is not hashable; pass its arrays and numbers"
            return self._step(*args, **kwargs)
        if active_profile():
            self.reason = "is profiled"
        if self.reason is not None:
            return self._step(*args, **kwargs)
        if tapes is None:
            if len(self._tapes) < MAX_CAPTURES:
                self._tapes[key] = []
            else:
                self._refuse_more()
            return self._step(*args, **kwargs)
        for tape in tapes:
            if tape.applies():
                return self._repeat(key, tape, arrays, args, kwargs)
        if len(tapes) >= MAX_CAPTURES:
            self._refuse_more()
            return self._step(*args, **kwargs)
        if any(
            isinstance(each, Tensor) and each.requires_grad for each in leaves_of([args, kwargs])
        ):
            self._refuse(key, "takes a tensor that requires a gradient")
            return self._step(*args, **kwargs)
        tape = Tape()
        result = tape.record(self._step, args, kwargs)
        if tape.reason is None:
            tapes.append(tape)
        elif not tape.is_temporary:
            self._refuse(key, tape.reason)
        return result

    def _repeat(self, key: Any, tape: Tape, arrays: list[Array], args: Any, kwargs: Any) -> Any:
        if not tape.is_checked:
            difference, result = tape.check(arrays, lambda: self._step(*args, **kwargs))
            if difference is not None:
                self._tapes[key].remove(tape)
                self._refuse(key, f"gives another result when it is repeated: {difference}")
            return result
        if tape.repeat(arrays):
            self.repetitions += 1
            return tape.result
        if tape.failures >= MAX_FAILURES:
            self._tapes[key].remove(tape)
        return self._step(*args, **kwargs)

    def _refuse(self, key: Any, reason: str) -> None:
        self._refused[key] = reason
        self._warn(reason)

    def _refuse_more(self) -> None:
        """State once that there are too many combinations. They are not stored."""
        self.reason = (
            f"was called with more than {MAX_CAPTURES} combinations of shapes, modes and other "
            "arguments; pass numbers that change as arrays"
        )
        if not self._has_warned_of_many:
            self._has_warned_of_many = True
            self._warn(self.reason)

    def _warn(self, reason: str) -> None:
        self.reason = reason
        name = getattr(self._step, "__qualname__", repr(self._step))
        warnings.warn(
            f"capture: {name} runs as usual, because it {reason}", CaptureWarning, stacklevel=5
        )
