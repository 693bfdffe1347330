"""Wrong solutions: right ones with one small change, as models of mistakes."""

import sys
from collections.abc import Callable, Iterator, Sequence
from types import FunctionType
from typing import Any, TypeVar, cast

from grading.diagnosis.derived.changes import STEP, Change, changes

F = TypeVar("F", bound=Callable[..., Any])

MOST_STEPS = 10_000
"""Number of passes of loops and of calls after which one call of a variant stops."""


class TooManyStepsError(Exception):
    """A variant did not end."""


class Steps:
    """Number of steps of variants, which takes the place of their time: it is reproducible.

    Attributes:
        total: Number of steps of all calls.
    """

    def __init__(self) -> None:
        self.total = 0
        self._last = MOST_STEPS

    def begin(self, price: int) -> None:
        """Begin a call, which costs a number of steps in addition to those of its loops."""
        self.total += price
        self._last = self.total + MOST_STEPS

    def __call__(self) -> None:
        """Count a step.

        Raises:
            TooManyStepsError: The call takes more than `MOST_STEPS`.
        """
        self.total += 1
        if self.total > self._last:
            raise TooManyStepsError


def variants(
    entry: F, changed: Sequence[Callable[..., Any]], steps: Steps
) -> Iterator[tuple[Change, F]]:
    """Yield a function once for each change of the functions that it calls.

    A variant may raise any exception: some changes make no sense.

    Args:
        entry: The function; it and all changed functions are in one module.
        changed: The functions that are changed, one at a time.
        steps: Counts the steps of the variants.
    """
    module = sys.modules[entry.__module__]
    own = {
        name: value
        for name, value in vars(module).items()
        if isinstance(value, FunctionType) and value.__module__ == module.__name__
    }
    for function in changed:
        assert isinstance(function, FunctionType)
        for change, code in changes(function):
            scope = {**vars(module), STEP: steps}
            for name, value in own.items():
                copied = FunctionType(
                    value.__code__, scope, name, value.__defaults__, value.__closure__
                )
                copied.__kwdefaults__ = value.__kwdefaults__
                scope[name] = copied
            exec(code, scope)
            yield change, cast(F, scope[entry.__name__])
