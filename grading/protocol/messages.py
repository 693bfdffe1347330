"""The code under test, as the checks see it: requests go in, arrays and plain values come out.

A check never touches an object of the submission. It sends a `Request` to a `Subject` and compares
the `Response` with an oracle. Where the subject runs is the subject's business: in this process, or
in another one that is cut off from the judge.
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
"""None, bools, numbers, strings, and lists, tuples and dicts (by string) of them."""


@dataclass(frozen=True)
class Request:
    """What is asked of the code under test.

    Attributes:
        operation: What to do: a key of `grading.driver.FAMILIES`, a dot, and a name, as in
            "tensor.conv2d".
        arrays: The operands. Their strides count: a permuted array becomes a permuted tensor.
        options: Everything else the operation needs.
        upstream: The gradient of the result; with it, the gradients of the operands are wanted.
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
    """What the code under test returned.

    Attributes:
        request: What was asked.
        arrays: The results.
        gradients: One for each operand, None for one that received no gradient.
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
        message: What it said.
        request: What was asked.
        trace: File, line and function of each call on the way to the error, outermost first, as
            far as they are known.
        output: The end of what the code under test had printed, where that is known.
    """

    def __init__(
        self,
        kinds: Sequence[str],
        message: str,
        request: Request,
        trace: Sequence[tuple[str, int, str]] = (),
        output: str = "",
    ) -> None:
        super().__init__(f"the code under test raised {kinds[0]}: {message}\nasked for {request}")
        self.kinds = tuple(kinds)
        self.message = message
        self.request = request
        self.trace = tuple(trace)
        self.output = output


def is_own(file: str) -> bool:
    """Return whether a file of a trace belongs to the code under test."""
    return not file.startswith(("/", "<", "grading/"))


class DriverError(Exception):
    """The grader's own code beside the code under test raised an exception: nobody is charged.

    Args:
        kinds: The names of the exception's class and of its bases, nearest first.
        message: What it said.
        request: What was asked.
        trace: File, line and function of each call on the way to the error, outermost first.
    """

    def __init__(
        self,
        kinds: Sequence[str],
        message: str,
        request: Request,
        trace: Sequence[tuple[str, int, str]] = (),
    ) -> None:
        where = f" at {trace[-1][0]}:{trace[-1][1]}" if trace else ""
        super().__init__(f"{kinds[0]}: {message}{where}, asked for {request.operation}")


class Subject(ABC):
    """Code under test.

    Attributes:
        folder: The folder with its sources; None if they are not known.
    """

    folder: Path | None = None

    @abstractmethod
    def answer(self, request: Request) -> Response:
        """Do what is asked.

        Raises:
            SubjectError: The code under test raised an exception.
            DriverError: The grader's own code beside it did.
        """

    def without_submission(self) -> "Subject":
        """Return a process like that of the code under test, without any code in it.

        What is asked there can only be answered from the request.
        """
        return self

    def changed(self, sources: Mapping[str, str]) -> AbstractContextManager["Subject"]:
        """Return a copy of the code under test in which some files have another text.

        Args:
            sources: The texts, by paths relative to the folder.
        """
        raise NotImplementedError

    def call(
        self,
        operation: str,
        arrays: Sequence[Array] = (),
        options: Mapping[str, Plain] | None = None,
        upstream: Array | None = None,
    ) -> Response:
        """Put a request together and have it answered."""
        return self.answer(Request(operation, tuple(arrays), dict(options or {}), upstream))


def _layout(array: Array) -> str:
    """Describe shape and memory: the strides, counted in elements, only if they are unusual."""
    text = f"shape {array.shape}"
    if not array.flags.c_contiguous:
        text += f", strides {tuple(stride // array.itemsize for stride in array.strides)}"
    return text


def _indented(array: Array) -> str:
    text = np.array2string(array, separator=", ", threshold=200)
    return "    " + text.replace("\n", "\n    ")
