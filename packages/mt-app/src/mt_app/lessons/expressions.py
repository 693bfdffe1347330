"""Formulas that a user types, computed with the library's scalars.

A formula is parsed by Python's parser and never executed by Python: all syntax that this module
does not list is rejected, with its position.
"""

import ast
import math
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from mt_autodiff import Scalar

MAX_LENGTH = 200
"""The largest length of a formula, in characters."""

MAX_STEPS = 60
"""The largest number of operations and names of a formula: the limit of a legible picture."""

LARGEST_POWER = 8

ALLOWED = (
    "numbers, names such as x and y, + - * / and whole powers (x**2), "
    "< > ==, and log, exp, sigmoid, relu"
)

FUNCTIONS: dict[str, Callable[[Scalar], Scalar]] = {
    "log": Scalar.log,
    "exp": Scalar.exp,
    "sigmoid": Scalar.sigmoid,
    "relu": Scalar.relu,
}

_BINARY: dict[type[ast.AST], Callable[[Scalar, Scalar], Scalar]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Lt: operator.lt,
    ast.Gt: operator.gt,
    ast.Eq: operator.eq,
}


class FormulaError(ValueError):
    """A formula has invalid syntax, or cannot be computed."""


@dataclass(frozen=True, slots=True)
class Formula:
    """A parsed formula.

    Attributes:
        text: The text of the formula.
        names: The names in it, in the order in which they occur.
        tree: The syntax tree.
    """

    text: str
    names: tuple[str, ...]
    tree: ast.expr

    def __call__(self, values: Mapping[str, Scalar]) -> Scalar:
        """Compute the formula; all uses of a name are the same scalar.

        Raises:
            FormulaError: A number is divided by zero, or a result is too large for a float.
        """
        try:
            result = _compute(self.tree, values)
        except ZeroDivisionError as error:
            raise FormulaError(
                "a division by zero: change a value that is 0, or add a small number to the divisor"
            ) from error
        except OverflowError as error:
            raise FormulaError("a number is too large; choose values nearer to 0") from error
        return result

    def value(self, *numbers: float) -> float:
        """Compute the formula of plain numbers, in the order of the names."""
        constants = [Scalar(number, back=None) for number in numbers]
        return self(dict(zip(self.names, constants, strict=True))).data


def read_formula(text: str) -> Formula:
    """Read a formula.

    Raises:
        FormulaError: The text is empty, too long, or has syntax that is not allowed.

    >>> formula = read_formula("x * y + sigmoid(x)")
    >>> formula.names, formula.value(0.0, 3.0)
    (('x', 'y'), 0.5)
    """
    if not text.strip():
        raise FormulaError("there is no formula yet; enter one, for example x * y + x")
    if len(text) > MAX_LENGTH:
        raise FormulaError(f"{len(text)} characters; a formula has at most {MAX_LENGTH}")
    source = " ".join(text.split())
    for sign, meant in (("^", "**"), ("\u00b7", "*"), ("\u2212", "-")):
        source = source.replace(sign, meant)
    try:
        body = ast.parse(source, mode="eval").body
    except SyntaxError as error:
        column = min(max(error.offset or 1, 1), len(source))
        raise FormulaError(
            f"this is not a formula: syntax error at character {column}; "
            "is a parenthesis or an operator missing?"
        ) from error
    except (ValueError, MemoryError, RecursionError) as error:
        raise FormulaError(
            "this formula is nested too deeply, or contains characters that are not allowed"
        ) from error
    names: dict[str, None] = {}
    steps = _check(body, names)
    if steps > MAX_STEPS:
        raise FormulaError(f"{steps} steps; a formula has at most {MAX_STEPS}, to be drawn")
    if not names:
        raise FormulaError(
            "the formula contains no name, so there is nothing to differentiate; for example 3 * x"
        )
    return Formula(text, tuple(names), body)


def _check(node: ast.expr, names: dict[str, None]) -> int:
    """Collect the names below a node, and return its number of steps."""
    match node:
        case ast.Constant(value=bool()):
            raise _refused(node, "a truth value")
        case ast.Constant(value=int() | float() as value):
            if abs(value) > 1e300 or not math.isfinite(value):
                raise _refused(node, "a number that is too large for a float")
            return 1
        case ast.Name(id=name):
            if name in FUNCTIONS:
                raise _refused(node, f"the function {name} without its argument: {name}(x)")
            if not name.isascii() or len(name) > 8 or name.startswith("__"):
                raise _refused(node, f"the name {name!r}; a name has at most 8 plain letters")
            names.setdefault(name)
            return 1
        case ast.UnaryOp(op=ast.USub() | ast.UAdd(), operand=operand):
            return 1 + _check(operand, names)
        case ast.BinOp(left=base, op=ast.Pow(), right=exponent):
            return _power(node, exponent) * _check(base, names)
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _BINARY:
            return 1 + _check(left, names) + _check(right, names)
        case ast.Compare(left=left, ops=[op], comparators=[right]) if type(op) in _BINARY:
            return 1 + _check(left, names) + _check(right, names)
        case ast.Call(func=ast.Name(id=name), args=[argument], keywords=[]) if name in FUNCTIONS:
            return 1 + _check(argument, names)
        case ast.Call(func=ast.Attribute(value=owner, attr=name), args=[], keywords=[]) if (
            name in FUNCTIONS
        ):
            return 1 + _check(owner, names)
    raise _refused(node, ast.unparse(node)[:40])


def _power(node: ast.expr, exponent: ast.expr) -> int:
    match exponent:
        case ast.Constant(value=int() as power) if 1 <= power <= LARGEST_POWER and (
            not isinstance(power, bool)
        ):
            return power
    raise _refused(node, f"a power that is not an integer from 1 to {LARGEST_POWER}")


def _refused(node: ast.expr, what: str) -> FormulaError:
    at = node.col_offset + 1
    return FormulaError(f"at character {at}: {what} is not known here. Allowed are {ALLOWED}")


def _compute(node: ast.expr, values: Mapping[str, Scalar]) -> Scalar:
    """Compute a checked node."""
    match node:
        case ast.Constant(value=value):
            return Scalar(float(value), back=None)  # type: ignore[arg-type]
        case ast.Name(id=name):
            return values[name]
        case ast.UnaryOp(op=op, operand=operand):
            inner = _compute(operand, values)
            return -inner if isinstance(op, ast.USub) else inner
        case ast.BinOp(left=base, op=ast.Pow(), right=ast.Constant(value=int() as power)):
            factor = _compute(base, values)
            product = factor
            for _ in range(power - 1):
                product = product * factor
            return product
        case ast.BinOp(left=left, op=op, right=right):
            return _BINARY[type(op)](_compute(left, values), _compute(right, values))
        case ast.Compare(left=left, ops=[op], comparators=[right]):
            return _BINARY[type(op)](_compute(left, values), _compute(right, values))
        case ast.Call(func=ast.Name(id=name), args=[argument]):
            return FUNCTIONS[name](_compute(argument, values))
        case ast.Call(func=ast.Attribute(value=owner, attr=name)):
            return FUNCTIONS[name](_compute(owner, values))
    raise AssertionError(ast.dump(node))
