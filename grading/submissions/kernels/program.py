"""Extraction of a kernel and all functions that it calls, as texts without the submission."""

import __future__

import ast
import dis
import importlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from types import CodeType, ModuleType
from typing import Any

import numpy as np

from grading.submissions.edits import Edits
from grading.submissions.kernels.names import Scope
from grading.submissions.kernels.reading import Reading
from grading.submissions.kernels.values import (
    Block,
    Choice,
    Compiled,
    Constant,
    External,
    Formula,
    Plain,
    Record,
    Unknown,
    UnreadableError,
    Value,
)
from grading.submissions.submission import Submission
from grading.submissions.syntax import blocks

FUNCTIONS = frozenset(
    {
        *("abs", "all", "any", "bool", "complex", "divmod", "enumerate", "float", "int"),
        *("isinstance", "len", "list", "max", "min", "pow", "print", "range", "reversed", "round"),
        *("set", "slice", "sorted", "str", "sum", "tuple", "zip", "AssertionError", "Exception"),
        *("IndexError", "NotImplementedError", "RuntimeError", "TypeError", "ValueError"),
        "ZeroDivisionError",
    }
)
"""Built-in functions that a kernel may call."""

REFUSED_ATTRIBUTES = frozenset(
    {"ctypes", "data", "dump", "dumps", "format", "format_map", "tofile"}
)
"""Attributes that access memory, files or other objects."""

ATTRIBUTES = (
    frozenset(
        name
        for kind in (np.ndarray, np.float64, tuple, list, set, str)
        for name in dir(kind)
        if not name.startswith("_")
    )
    | {"type", "eps", "tiny"}
) - REFUSED_ATTRIBUTES
"""Attributes that a kernel may use: those of arrays, numbers and collections, without refused ones.

None of them gives access to anything outside the kernel.
"""

REFUSED_FUNCTIONS = frozenset(
    {
        *("DataSource", "fromfile", "fromregex", "genfromtxt", "info", "load", "loadtxt", "memmap"),
        *("save", "savetxt", "savez", "savez_compressed", "show_config", "show_runtime", "test"),
    }
)
"""Functions of NumPy that read or write files."""

STATEMENTS = (
    *(ast.Import, ast.ImportFrom, ast.Global, ast.Nonlocal, ast.ClassDef, ast.AsyncFunctionDef),
    *(ast.Await, ast.Yield, ast.YieldFrom, ast.AsyncFor, ast.AsyncWith, ast.With, ast.Delete),
)
"""Statements that a kernel may not contain; numba compiles none of them, except for `objmode`."""

MOST_FUNCTIONS = 60
"""Largest number of functions of a program."""


@dataclass(frozen=True)
class Function:
    """One function of a program.

    Attributes:
        name: Its name; empty for a lambda expression.
        file: Its file, relative to the submission.
        text: Its source, after empty lines that keep the line numbers of the file.
        names: The values of its global names. Each is a kind, "function", "formula", "library" or
            "constant", and a number, a dotted name or a value.
        options: numba's options `parallel` and `inline`; None for a function that is not compiled.
    """

    name: str
    file: str
    text: str
    names: dict[str, tuple[str, Any]]
    options: dict[str, Any] | None


@dataclass(frozen=True)
class Program:
    """A kernel and all functions that it calls.

    Attributes:
        functions: The functions, first the kernel.
        location: File and line of the kernel.
        node: The definition of the kernel.
        scope: The scope of the definition.
    """

    functions: tuple[Function, ...]
    location: str
    node: Block
    scope: Scope

    def plain(self) -> list[dict[str, Any]]:
        """Return the functions as plain values for a request."""
        return [
            {
                "name": each.name,
                "file": each.file,
                "text": each.text,
                "names": {name: list(what) for name, what in each.names.items()},
                "options": each.options,
            }
            for each in self.functions
        ]

    def emptied(self, message: str = "") -> tuple[str, str]:
        """Return the path of the kernel's file, and the text of the file with an empty kernel.

        Args:
            message: If not empty, the kernel raises an error with this message.
        """
        source, node = self.scope.source, self.node
        edits = Edits("\n".join(source.lines))
        if isinstance(node, ast.Lambda):
            edits.replace(node.body, f"{{}}[{message!r}]" if message else "None")
        else:
            # The body follows and does not run. After an assertion, numba still infers its types.
            leaving = f"assert not [0], {message!r}" if message else "return"
            first = node.body[0]
            indent = source.lines[first.lineno - 1].encode()[: first.col_offset].decode()
            end = "\n" + indent if any(blocks(first)) else "; "
            edits.replace(first, f"{leaving}{end}{edits.text_of(first)}")
        # The text is written in UTF-8, and the file may declare another encoding below.
        return source.name, f"# coding: utf-8\n{edits.result()}"


def program_of(
    submission: Submission, module: str, name: str, of_formula: bool
) -> tuple[Program, ...]:
    """Return a kernel of a submission, determined from its source without running it.

    Args:
        submission: The submission.
        module: The module from which the kernel is called.
        name: The name by which it is called.
        of_formula: True if the name is a function that returns a kernel for a scalar function.

    Returns:
        The program, or several if the source does not determine which one is called.

    Raises:
        UnreadableError: The source does not determine the kernel; the message gives the reason.
    """
    reading = Reading(submission)
    value = reading.named(module, name)
    if of_formula:
        value = reading.call(value, [Formula()], {}, name)
    return tuple(_Writing(reading).program(each) for each in _kernels(reading, value, name))


def _kernels(reading: Reading, value: Value, name: str) -> Iterator[Compiled | Plain]:
    match value:
        case Compiled() | Plain():
            yield value
        case Choice(values):
            for each in values:
                yield from _kernels(reading, each, name)
        case Record():
            yield from _kernels(reading, _called(reading, value, name), name)
        case Unknown(what, location):
            raise UnreadableError(f"{name} comes from {what}", location)
        case _:
            raise UnreadableError(f"{name} is not a function of the submission")


def _called(reading: Reading, record: Record, name: str) -> Value:
    """Return the attribute of an object that its `__call__` calls."""
    for node in record.of.node.body:
        if isinstance(node, ast.FunctionDef) and node.name == "__call__":
            for call in ast.walk(node):
                if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute):
                    attribute = record.attributes.get(call.func.attr)
                    if attribute is not None:
                        return attribute
    raise UnreadableError(f"{name} is an object of {record.of.node.name}")


class _Writing:
    """Builder of a program from the functions that it calls."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading
        self._functions: list[Function | None] = []
        self._numbers: dict[tuple[Block, Scope, bool, bool, bool], int] = {}

    def program(self, kernel: Compiled | Plain) -> Program:
        plain = kernel.function if isinstance(kernel, Compiled) else kernel
        if not isinstance(plain, Plain):
            raise UnreadableError("the kernel is the scalar function itself")
        self._number(kernel)
        functions = tuple(each for each in self._functions if each is not None)
        location = f"{plain.scope.source.name}:{plain.node.lineno}"
        return Program(functions, location, plain.node, plain.scope)

    def _number(self, value: Compiled | Plain) -> int:
        """Return the number of a function in the program; add it if it is new."""
        compiled = isinstance(value, Compiled)
        plain = value.function if isinstance(value, Compiled) else value
        assert isinstance(plain, Plain)
        parallel = isinstance(value, Compiled) and value.parallel
        inline = isinstance(value, Compiled) and value.inline
        key = plain.node, plain.scope, compiled, parallel, inline
        if key in self._numbers:
            return self._numbers[key]
        number = self._numbers[key] = len(self._numbers)
        if number >= MOST_FUNCTIONS:
            raise UnreadableError("it calls too many functions")
        self._functions.append(None)
        options = {"parallel": parallel, "inline": "always" if inline else "never"}
        self._functions[number] = self._written(plain, options if compiled else None)
        return number

    def _written(self, plain: Plain, options: dict[str, Any] | None) -> Function:
        node, scope = plain.node, plain.scope
        file = scope.source.name
        text = _text(node, scope)
        _require_kernel(node, file)
        names: dict[str, tuple[str, Any]] = {}
        for name in sorted(_global_names(text, file)):
            value = self._reading.lookup(name, scope)
            names[name] = self._reference(name, value, node, file)
        self._require_known_attributes(node, names, file)
        return Function(getattr(node, "name", ""), file, text, names, options)

    def _reference(
        self, name: str, value: Value | None, node: ast.AST, file: str
    ) -> tuple[str, Any]:
        location = f"{file}:{getattr(node, 'lineno', 0)}"
        if value is not None and _is_formula(value):
            return "formula", None
        match value:
            case Compiled() | Plain():
                return "function", self._number(value)
            case External(dotted) if _is_known(dotted):
                return "library", dotted
            case Constant() if _is_constant(value):
                return "constant", _unwrapped(value)
            case None:
                raise UnreadableError(f"{name} is not defined", location)
        raise UnreadableError(f"the source does not determine what {name} is", location)

    def _require_known_attributes(
        self, node: Block, names: dict[str, tuple[str, Any]], file: str
    ) -> None:
        # Decorators and annotations do not belong to the text of the function.
        body = [node.body] if isinstance(node, ast.Lambda) else node.body
        for each in chain.from_iterable(map(ast.walk, body)):
            if not isinstance(each, ast.Attribute):
                continue
            attributes, inner = [each.attr], each.value
            while isinstance(inner, ast.Attribute):
                attributes.append(inner.attr)
                inner = inner.value
            of = names.get(inner.id) if isinstance(inner, ast.Name) else None
            if of is not None and of[0] == "library":
                known = _is_known(".".join([of[1], *reversed(attributes)]))
            else:
                known = each.attr in ATTRIBUTES
            if not known:
                raise UnreadableError(
                    f"a kernel may not use the attribute {each.attr}", f"{file}:{each.lineno}"
                )


def _text(node: Block, scope: Scope) -> str:
    """Return the source of a function without its decorators, with the same line numbers."""
    lines = scope.source.lines
    last = node.end_lineno or node.lineno
    if isinstance(node, ast.Lambda):
        segment = ast.get_source_segment("\n".join(lines), node)
        return "\n" * (node.lineno - 1) + f"kernel_of_one_line = ({segment})\n"
    # A definition that shares its line with another statement is unparsed: lines may differ.
    first = lines[node.lineno - 1]
    if first[: node.col_offset].strip() or not first[node.col_offset :].lstrip().startswith("def"):
        bare = ast.FunctionDef(node.name, node.args, node.body, [], None, node.type_comment)
        ast.fix_missing_locations(bare)
        return "\n" * (node.lineno - 1) + ast.unparse(bare) + "\n"
    body = "\n".join(lines[node.lineno - 1 : last]) + "\n"
    if not node.col_offset:
        return "\n" * (node.lineno - 1) + body
    return "\n" * (node.lineno - 2) + "if True:\n" + body


def _require_kernel(node: ast.AST, file: str) -> None:
    """Check that a function contains only what numba compiles.

    Raises:
        UnreadableError: It contains something else.
    """
    for each in ast.walk(node):
        if isinstance(each, STATEMENTS):
            raise UnreadableError(
                f"a kernel may not contain {type(each).__name__.lower()}",
                f"{file}:{getattr(each, 'lineno', 0)}",
            )
        if isinstance(each, ast.Name) and each.id.startswith("__"):
            raise UnreadableError(f"a kernel may not use {each.id}", f"{file}:{each.lineno}")
    if isinstance(node, ast.FunctionDef | ast.Lambda):
        for default in (*node.args.defaults, *node.args.kw_defaults):
            if default is not None and not isinstance(default, ast.Constant):
                raise UnreadableError(
                    "the default of a parameter is not a constant", f"{file}:{default.lineno}"
                )


def _global_names(text: str, file: str) -> set[str]:
    """Return the global names that a function uses.

    Raises:
        UnreadableError: The text is not valid Python.
    """
    try:
        flags = __future__.annotations.compiler_flag
        code = compile(text, file, "exec", flags=flags, dont_inherit=True)
    except (SyntaxError, ValueError) as error:
        raise UnreadableError(f"it cannot be compiled: {error}", file) from None
    inner = [each for each in code.co_consts if isinstance(each, CodeType)]
    names: set[str] = set()
    while inner:
        block = inner.pop()
        names |= {i.argval for i in dis.get_instructions(block) if i.opname == "LOAD_GLOBAL"}
        inner += [each for each in block.co_consts if isinstance(each, CodeType)]
    return names


def _is_formula(value: Value) -> bool:
    if isinstance(value, Choice):
        return all(map(_is_formula, value.values))
    return isinstance(value, Formula) or (
        isinstance(value, Compiled) and isinstance(value.function, Formula)
    )


def _is_constant(value: Constant) -> bool:
    if isinstance(value.value, tuple):
        return all(isinstance(each, Constant) and _is_constant(each) for each in value.value)
    return value.value is None or isinstance(value.value, bool | int | float | str | np.generic)


def _unwrapped(value: Constant) -> Any:
    if isinstance(value.value, tuple):
        return [_unwrapped(each) for each in value.value]
    return value.value.item() if isinstance(value.value, np.generic) else value.value


def _is_known(dotted: str) -> bool:
    """Return whether a kernel may use a dotted name of Python, NumPy, `math` or numba."""
    top, *rest = dotted.split(".")
    if top == "builtins":
        return len(rest) == 1 and rest[0] in FUNCTIONS
    if top not in {"math", "numpy", "numba"} or any(part.startswith("_") for part in rest):
        return False
    value: Any = importlib.import_module(top)
    for i, part in enumerate(rest):
        if part in REFUSED_FUNCTIONS or not hasattr(value, part):
            return False
        # `linalg` and `random` are the only submodules that a kernel may use.
        value = getattr(value, part)
        if isinstance(value, ModuleType) and (i or part not in {"linalg", "random"}):
            return False
    return True
