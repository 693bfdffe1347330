"""The interface of checks to the code under test: requests, responses, subjects and errors.

A check never accesses an object of the submission. It sends a `Request` to a `Subject` and compares
the `Response` with an oracle. A subject may run in this process, or in another one that is isolated
from the judge.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Array: TypeAlias = npt.NDArray[Any]

Plain: TypeAlias = Any
"""None, bools, numbers and strings, and lists, tuples and dicts with string keys of them."""


@dataclass(frozen=True)
class Request:
    """A request to the code under test.

    Attributes:
        operation: A key of `grading.driver.FAMILIES`, a dot, and the name of an operation, as in
            "tensor.conv2d".
        arrays: The operands. Their strides count: a permuted array becomes a permuted tensor.
        options: All other arguments of the operation.
        upstream: The gradient of the result. If there is one, the response has the gradients of
            the operands.
    """

    operation: str
    arrays: tuple[Array, ...] = ()
    options: Mapping[str, Plain] = field(default_factory=dict)
    upstream: Array | None = None

    def __str__(self) -> str:
        lines = [self.operation]
        lines += [
            f"  operand {i}, {_layout(array)}:\n{_indented(array)}"
            for i, array in enumerate(self.arrays)
        ]
        lines += [f"  {name} = {value!r}" for name, value in self.options.items()]
        if self.upstream is not None:
            upstream = self.upstream
            lines.append(f"  upstream gradient, {_layout(upstream)}:\n{_indented(upstream)}")
        return "\n".join(lines)


@dataclass(frozen=True)
class Response:
    """The response of the code under test.

    Attributes:
        request: The request.
        arrays: The results.
        gradients: The gradient of each operand; None for one without a gradient.
        plain: Results that are not arrays.
    """

    request: Request
    arrays: tuple[Array, ...] = ()
    gradients: tuple[Array | None, ...] = ()
    plain: Plain = None

    @property
    def array(self) -> Array:
        """The only result."""
        (array,) = self.arrays
        return array


class SubjectError(Exception):
    """The code under test raised an exception.

    Attributes:
        kinds: The names of the exception's class and of its bases, nearest first.
        message: Its message.
        request: The request.
        trace: File, line and function of each call in the traceback, outermost first; empty if
            they are not known.
        output: The end of the printed output of the code under test; empty if it is not known.
    """

    def __init__(
        self,
        kinds: Sequence[str],
        message: str,
        request: Request,
        trace: Sequence[tuple[str, int, str]] = (),
        output: str = "",
    ) -> None:
        super().__init__(f"the code under test raised {kinds[0]}: {message}\ninput {request}")
        self.kinds = tuple(kinds)
        self.message = message
        self.request = request
        self.trace = tuple(trace)
        self.output = output


def is_own(file: str) -> bool:
    """Return whether a file of a trace belongs to the code under test."""
    return not file.startswith(("/", "<", "grading/"))


class DriverError(Exception):
    """The driver raised an exception. This is a fault of the grader and costs no points.

    Args:
        kinds: The names of the exception's class and of its bases, nearest first.
        message: Its message.
        request: The request.
        trace: File, line and function of each call in the traceback, outermost first.
    """

    def __init__(
        self,
        kinds: Sequence[str],
        message: str,
        request: Request,
        trace: Sequence[tuple[str, int, str]] = (),
    ) -> None:
        where = f" at {trace[-1][0]}:{trace[-1][1]}" if trace else ""
        super().__init__(f"{kinds[0]}: {message}{where}, in operation {request.operation}")


class Subject(ABC):
    """Code under test.

    Attributes:
        folder: The folder with its sources; None if they are not known.
    """

    folder: Path | None = None

    @abstractmethod
    def answer(self, request: Request) -> Response:
        """Perform a request.

        Raises:
            SubjectError: The code under test raised an exception.
            DriverError: The driver raised one.
        """

    def without_submission(self) -> "Subject":
        """Return a subject without any code under test, for requests that carry all they need."""
        return self

    def changed(
        self, sources: Mapping[str, str], compiled: bool = True
    ) -> AbstractContextManager["Subject"]:
        """Return a copy of the code under test with some files replaced.

        Args:
            sources: The new texts, by paths relative to the folder.
            compiled: False to run kernels as plain Python, without numba's compiler.
        """
        raise NotImplementedError

    def call(
        self,
        operation: str,
        arrays: Sequence[Array] = (),
        options: Mapping[str, Plain] | None = None,
        upstream: Array | None = None,
    ) -> Response:
        """Create a request from its parts and perform it; raises the errors of `answer`."""
        return self.answer(Request(operation, tuple(arrays), dict(options or {}), upstream))


def _layout(array: Array) -> str:
    """Return a text with the shape, and with the strides in elements if it is not contiguous."""
    text = f"shape {array.shape}"
    if not array.flags.c_contiguous:
        text += f", strides {tuple(stride // array.itemsize for stride in array.strides)}"
    return text


def _indented(array: Array) -> str:
    text = np.array2string(array, separator=", ", threshold=200)
    return "    " + text.replace("\n", "\n    ")
