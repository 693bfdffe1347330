"""Counting of index computations in a kernel's source."""

from collections.abc import Sequence
from types import FunctionType
from typing import Any

from grading.driver.recording import Tape
from grading.driver.sources import Sources

INDEXING = ("broadcast_index", "index_to_position", "to_index")
"""Functions of the course that convert between indices and positions."""


class CountingSources(Sources):
    """Functions rebuilt from their source; calls of the functions in `INDEXING` are counted."""

    def __init__(self, tape: Tape) -> None:
        super().__init__(tape)
        self.calls = 0

    def _rebuilt(self, function: FunctionType, parallel: bool) -> Any:
        built = super()._rebuilt(function, parallel)
        if function.__name__ not in INDEXING:
            return built

        def counted(*arguments: Any) -> Any:
            self.calls += 1
            return built(*arguments)

        return counted


def index_calls(kernel: Any, arguments: Sequence[Any]) -> int:
    """Run the source of a kernel and return the number of index computations.

    Raises:
        Exception: The source does not run without the compiler.
    """
    sources = CountingSources(Tape())
    sources.of_kernel(kernel)(*arguments)
    return sources.calls
