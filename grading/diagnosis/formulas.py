"""Wrong values of elementwise functions, for scalars and for tensors."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial

from grading.checking.oracles.programs import VALUES

SIGNS: Mapping[str, str] = {"add": "+", "sub": "-", "mul": "*", "div": "/"}
"""Operators of Python by the names of their functions."""

UNARY = ("neg", "relu", "log", "exp", "sigmoid")
BINARY = ("add", "sub", "mul", "div", "lt", "eq", "gt")
NAMES = {**SIGNS, "lt": "<", "eq": "==", "gt": ">"}


def _confused() -> Iterator[tuple[str, str, Callable[..., float]]]:
    """Yield functions that compute another function, or the right result with a wrong sign."""
    for names, words in ((UNARY, dict(zip(UNARY, UNARY, strict=True))), (BINARY, NAMES)):
        for name in names:
            for other in names:
                if other != name:
                    cause = f"`{words[name]}` is computed as `{words[other]}`."
                    yield name, cause, VALUES[other]
            cause = f"The result of `{words[name]}` has the wrong sign."
            yield name, cause, partial(_negated, VALUES[name])
            yield name, f"`{words[name]}` always returns 0.", lambda *xs: 0.0
            yield name, f"`{words[name]}` always returns 1.", lambda *xs: 1.0
    yield "eq", "`==` compares in one direction only.", lambda a, b: float(a <= b)
    yield "eq", "`==` compares in one direction only.", lambda a, b: float(a >= b)
    yield "inv", "1 / x is computed as x.", lambda a: a
    for name, sign in SIGNS.items():
        cause = f"`{sign}` uses its {{}} operand twice."
        yield name, cause.format("first"), lambda a, b, f=VALUES[name]: f(a, a)
        yield name, cause.format("second"), lambda a, b, f=VALUES[name]: f(b, b)


def _negated(right: Callable[..., float], *xs: float) -> float:
    return -right(*xs)


WRONG_VALUES: tuple[tuple[str, str, Callable[..., float]], ...] = (
    ("gt", "The arguments are exchanged in `>`.", lambda a, b: float(a < b)),
    ("lt", "The arguments are exchanged in `<`.", lambda a, b: float(a > b)),
    ("sub", "The arguments are exchanged in `-`.", lambda a, b: b - a),
    ("div", "The arguments are exchanged in `/`.", lambda a, b: b / a),
    ("gt", "`>` includes equality.", lambda a, b: float(a >= b)),
    ("lt", "`<` includes equality.", lambda a, b: float(a <= b)),
    ("eq", "`==` accepts numbers that are only close.", lambda a, b: float(abs(a - b) < 1e-2)),
    ("eq", "`==` returns the opposite: 1 for different numbers.", lambda a, b: float(a != b)),
    ("div", "A quotient is computed as a product.", lambda a, b: a * b),
    ("sub", "A difference is computed as a sum.", lambda a, b: a + b),
    ("add", "A sum is computed as a product.", lambda a, b: a * b),
    ("mul", "A product is computed as a sum.", lambda a, b: a + b),
    *(
        (name, f"`{sign}` ignores its second operand.", lambda a, b: a)
        for name, sign in SIGNS.items()
    ),
    *(
        (name, f"`{sign}` ignores its first operand.", lambda a, b: b)
        for name, sign in SIGNS.items()
    ),
    *(
        (name, f"`{name}` returns its argument unchanged.", lambda a: a)
        for name in ("neg", "relu", "log", "exp", "sigmoid")
    ),
    ("relu", "`relu` returns the absolute value.", abs),
    ("neg", "`neg` returns the reciprocal.", lambda a: 1 / a),
    ("inv", "1 / x is computed as -x.", lambda a: -a),
    ("sigmoid", "`sigmoid` is computed as `exp`.", VALUES["exp"]),
    ("sigmoid", "In `sigmoid`, the exponent has the wrong sign.", lambda a: VALUES["sigmoid"](-a)),
    *_confused(),
)
"""Known wrong values: the function, the likely cause, and the function with the mistake."""
