"""Pairs of equal functions: one on plain numbers, the other on Scalars or Tensors.

Tests iterate over `MathTestVariable._comp_testing()`, and compare values and derivatives.
"""

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from mt_tensor import operators

Named: TypeAlias = list[tuple[str, Callable[..., Any]]]
Pairs: TypeAlias = list[tuple[str, Callable[..., Any], Callable[..., Any]]]


class MathTest:
    """Functions of plain numbers: of one, of two (the names end in 2), and of a list."""

    # Functions of one number

    @staticmethod
    def neg(a: Any) -> Any:
        """Return the negative."""
        return -a

    @staticmethod
    def addConstant(a: Any) -> Any:
        """Add a number from the left."""
        return 5 + a

    @staticmethod
    def square(a: Any) -> Any:
        """Multiply by itself: the argument is used twice."""
        return a * a

    @staticmethod
    def cube(a: Any) -> Any:
        """Multiply by itself twice."""
        return a * a * a

    @staticmethod
    def subConstant(a: Any) -> Any:
        """Subtract a number."""
        return a - 5

    @staticmethod
    def multConstant(a: Any) -> Any:
        """Multiply by a number from the left."""
        return 5 * a

    @staticmethod
    def div(a: Any) -> Any:
        """Divide by a number."""
        return a / 5

    @staticmethod
    def inv(a: Any) -> Any:
        """Take the reciprocal."""
        return operators.inv(a + 3.5)

    @staticmethod
    def sig(a: Any) -> Any:
        """Apply the logistic function."""
        return operators.sigmoid(a)

    @staticmethod
    def log(a: Any) -> Any:
        """Take the logarithm, far from 0."""
        return operators.log(a + 100000)

    @staticmethod
    def relu(a: Any) -> Any:
        """Return max(a + 5.5, 0)."""
        return operators.relu(a + 5.5)

    @staticmethod
    def exp(a: Any) -> Any:
        """Exponentiate a number that is negative enough."""
        return operators.exp(a - 200)

    @staticmethod
    def explog(a: Any) -> Any:
        """Add two functions of one argument."""
        return operators.log(a + 100000) + operators.exp(a - 200)

    @staticmethod
    def complex(a: Any) -> Any:
        """Apply one function after the other."""
        inner = operators.relu(operators.relu(a * 10 + 7) * 6 + 5) * 10
        return operators.log(operators.sigmoid(inner)) / 50

    # Functions of two numbers

    @staticmethod
    def add2(a: Any, b: Any) -> Any:
        """Add."""
        return a + b

    @staticmethod
    def mul2(a: Any, b: Any) -> Any:
        """Multiply."""
        return a * b

    @staticmethod
    def div2(a: Any, b: Any) -> Any:
        """Divide."""
        return a / (b + 5.5)

    @staticmethod
    def gt2(a: Any, b: Any) -> Any:
        """Return whether the first is greater by a margin."""
        return operators.lt(b, a + 1.2)

    @staticmethod
    def lt2(a: Any, b: Any) -> Any:
        """Return whether the first is less by a margin."""
        return operators.lt(a + 1.2, b)

    @staticmethod
    def eq2(a: Any, b: Any) -> Any:
        """Return whether the first equals the second plus 5.5."""
        return operators.eq(a, b + 5.5)

    # Functions of a list

    @staticmethod
    def sum_red(a: Any) -> Any:
        """Return the sum."""
        return operators.sum(a)

    @staticmethod
    def mean_red(a: Any) -> Any:
        """Return the mean."""
        return operators.sum(a) / float(len(a))

    @staticmethod
    def mean_full_red(a: Any) -> Any:
        """Return the mean of all elements."""
        return operators.sum(a) / float(len(a))

    @classmethod
    def _tests(cls) -> tuple[Named, Named, Named]:
        """Return names and functions of one argument, of two arguments, and of a list."""
        one: Sequence[Callable[..., Any]] = (
            cls.addConstant,
            cls.complex,
            cls.cube,
            cls.div,
            cls.exp,
            cls.explog,
            cls.inv,
            cls.log,
            cls.multConstant,
            cls.neg,
            cls.relu,
            cls.sig,
            cls.square,
            cls.subConstant,
        )
        two = (cls.add2, cls.div2, cls.eq2, cls.gt2, cls.lt2, cls.mul2)
        red = (cls.mean_full_red, cls.mean_red, cls.sum_red)
        return _named(one), _named(two), _named(red)

    @classmethod
    def _comp_testing(cls) -> tuple[Pairs, Pairs, Pairs]:
        """Return name, function of plain numbers and function of this class, in the same groups."""
        one, two, red = (
            [(name, plain, twin) for (name, plain), (_, twin) in zip(plains, twins, strict=True)]
            for plains, twins in zip(MathTest._tests(), cls._tests(), strict=True)
        )
        return one, two, red


class MathTestVariable(MathTest):
    """The same functions of Scalars and of Tensors; those made of operators are inherited."""

    @staticmethod
    def inv(a: Any) -> Any:
        """Take the reciprocal."""
        return 1.0 / (a + 3.5)

    @staticmethod
    def sig(a: Any) -> Any:
        """Apply the logistic function."""
        return a.sigmoid()

    @staticmethod
    def log(a: Any) -> Any:
        """Take the logarithm, far from 0."""
        return (a + 100000).log()

    @staticmethod
    def relu(a: Any) -> Any:
        """Return max(a + 5.5, 0)."""
        return (a + 5.5).relu()

    @staticmethod
    def exp(a: Any) -> Any:
        """Exponentiate a number that is negative enough."""
        return (a - 200).exp()

    @staticmethod
    def explog(a: Any) -> Any:
        """Add two functions of one argument."""
        return (a + 100000).log() + (a - 200).exp()

    @staticmethod
    def complex(a: Any) -> Any:
        """Apply one function after the other."""
        return (((a * 10 + 7).relu() * 6 + 5).relu() * 10).sigmoid().log() / 50

    @staticmethod
    def gt2(a: Any, b: Any) -> Any:
        """Return whether the first is greater by a margin."""
        return a + 1.2 > b

    @staticmethod
    def lt2(a: Any, b: Any) -> Any:
        """Return whether the first is less by a margin."""
        return a + 1.2 < b

    @staticmethod
    def eq2(a: Any, b: Any) -> Any:
        """Return whether the first equals the second plus 5.5."""
        return a == (b + 5.5)

    @staticmethod
    def sum_red(a: Any) -> Any:
        """Return the sums along the first dimension."""
        return a.sum(0)

    @staticmethod
    def mean_red(a: Any) -> Any:
        """Return the means along the first dimension."""
        return a.mean(0)

    @staticmethod
    def mean_full_red(a: Any) -> Any:
        """Return the mean of all elements."""
        return a.mean()


def _named(functions: Sequence[Callable[..., Any]]) -> Named:
    return [(fn.__name__, fn) for fn in functions]


__all__ = ["MathTest", "MathTestVariable"]
