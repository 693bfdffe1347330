"""A formula of NumPy stands for a submission's function only if both agree."""

import math

import numpy as np
import pytest

from grading.driver.numpy_loops import FORMULAS, on_arrays
from minitorch import operators


@pytest.mark.parametrize("name", sorted(FORMULAS.keys() & vars(operators).keys()))
def test_right_functions(name: str) -> None:
    right = getattr(operators, name)
    assert on_arrays(right, right.__code__.co_argcount) is FORMULAS[name]


def test_wrong_functions_of_negative_numbers() -> None:
    def tanh(x: float) -> float:
        return math.tanh(abs(x))

    assert on_arrays(tanh, 1)(np.array([-1.0, 0.0, 1.0])) == pytest.approx(
        [math.tanh(1.0), 0.0, math.tanh(1.0)]
    )


def test_exceptions_of_functions() -> None:
    def neg(x: float) -> float:
        raise TypeError("of the submission")

    with pytest.raises(TypeError, match="of the submission"):
        on_arrays(neg, 1)(np.ones(2))
