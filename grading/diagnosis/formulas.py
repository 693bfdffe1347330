"""Wrong values of elementwise functions, for scalars and for tensors."""

from collections.abc import Callable, Mapping

from grading.checking.oracles.programs import VALUES

SIGNS: Mapping[str, str] = {"add": "+", "sub": "-", "mul": "*", "div": "/"}
"""Operators of Python by the names of their functions."""

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
)
"""Known wrong values: the function, the likely cause, and the function with the mistake."""
