"""Values that an expression in a source stands for, as far as reading it tells."""

import ast
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from grading.submissions.syntax import Function

Block: TypeAlias = Function | ast.Lambda
"""What can be called with arguments."""


class UnreadableError(Exception):
    """A kernel cannot be read.

    Attributes:
        place: File and line, where they are known.
    """

    def __init__(self, message: str, place: str = "") -> None:
        super().__init__(message)
        self.place = place


@dataclass(frozen=True, eq=False)
class Plain:
    """A function of the submission.

    Attributes:
        node: Its definition.
        scope: The names around it.
    """

    node: Block
    scope: Any


@dataclass(frozen=True)
class Compiled:
    """A function that numba compiles.

    Attributes:
        function: The function.
        parallel: True if it is compiled with `parallel=True`.
        inline: True if its callers compile its lines as their own.
    """

    function: "Plain | Formula"
    parallel: bool
    inline: bool


@dataclass(frozen=True)
class Formula:
    """The scalar function of which a kernel is made. The judge knows it, the kernel does not."""


@dataclass(frozen=True)
class External:
    """Something outside of the submission, such as "numba.njit" or "numpy"."""

    dotted: str


@dataclass(frozen=True)
class Constant:
    """A value that stands in the source."""

    value: Any


@dataclass(frozen=True, eq=False)
class Options:
    """A function with some of its arguments, and a decorator that was made by a call."""

    function: "Value"
    arguments: tuple["Value", ...]
    options: Mapping[str, "Value"]


@dataclass(frozen=True)
class Identity:
    """A function that returns its argument, or something that is called like it."""


@dataclass(frozen=True)
class Module:
    """A module of the submission."""

    name: str


@dataclass(frozen=True, eq=False)
class Class:
    """A class of the submission."""

    node: ast.ClassDef
    scope: Any


@dataclass(eq=False)
class Record:
    """An object of a class of the submission, and what its `__init__` assigns."""

    of: Class
    attributes: dict[str, "Value"] = field(default_factory=dict)


@dataclass(frozen=True)
class Choice:
    """One of several values; which one cannot be read."""

    values: tuple["Value", ...]


@dataclass(frozen=True)
class Unknown:
    """A value that cannot be read.

    Attributes:
        what: The expression.
        place: File and line.
    """

    what: str
    place: str


Value: TypeAlias = (
    Plain
    | Compiled
    | Formula
    | External
    | Constant
    | Options
    | Identity
    | Module
    | Class
    | Record
    | Choice
    | Unknown
)


def choice(values: "list[Value]") -> "Value | None":
    """Return one of several values; None if there are none."""
    flat: list[Value] = []
    for value in values:
        for each in value.values if isinstance(value, Choice) else (value,):
            if each not in flat:
                flat.append(each)
    if len(flat) < 2:
        return flat[0] if flat else None
    return Choice(tuple(flat))
