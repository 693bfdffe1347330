"""Results of static evaluation: the possible values of an expression."""

import ast
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from grading.submissions.syntax import Function

Block: TypeAlias = Function | ast.Lambda
"""Syntax of a function with arguments."""


class UnreadableError(Exception):
    """Static evaluation cannot determine a kernel.

    Attributes:
        location: File and line; empty if they are not known.
    """

    def __init__(self, message: str, location: str = "") -> None:
        super().__init__(message)
        self.location = location


@dataclass(frozen=True, eq=False)
class Plain:
    """A function of the submission.

    Attributes:
        node: Its definition.
        scope: The enclosing scope.
    """

    node: Block
    scope: Any


@dataclass(frozen=True)
class Compiled:
    """A function that numba compiles.

    Attributes:
        function: The function.
        parallel: True if it is compiled with `parallel=True`.
        inline: True if numba inlines it in its callers.
    """

    function: "Plain | Formula"
    parallel: bool
    inline: bool


@dataclass(frozen=True)
class Formula:
    """The scalar function that the judge passes to a kernel."""


@dataclass(frozen=True)
class External:
    """An object outside the submission by its dotted name, such as "numba.njit" or "numpy"."""

    dotted: str


@dataclass(frozen=True)
class Constant:
    """A value that is constant in the source."""

    value: Any


@dataclass(frozen=True, eq=False)
class Options:
    """A partially applied function, such as `functools.partial` or `njit(parallel=True)`."""

    function: "Value"
    arguments: tuple["Value", ...]
    options: Mapping[str, "Value"]


@dataclass(frozen=True)
class Identity:
    """A function that returns its argument, or a function with the same behaviour."""


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
    """An instance of a class of the submission, with the attributes that `__init__` assigns."""

    of: Class
    attributes: dict[str, "Value"] = field(default_factory=dict)


@dataclass(frozen=True)
class Choice:
    """One of several values; static evaluation cannot determine which."""

    values: tuple["Value", ...]


@dataclass(frozen=True)
class Unknown:
    """A value that static evaluation cannot determine.

    Attributes:
        what: The expression.
        location: File and line.
    """

    what: str
    location: str


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
    """Return a choice between values; the value itself if all are equal, None if there is none."""
    flat: list[Value] = []
    for value in values:
        for each in value.values if isinstance(value, Choice) else (value,):
            if each not in flat:
                flat.append(each)
    if len(flat) < 2:
        return flat[0] if flat else None
    return Choice(tuple(flat))
