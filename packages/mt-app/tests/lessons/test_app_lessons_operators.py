"""Curves of operators, compared with formulas and difference quotients."""

import inspect
import math

import numpy as np
import pytest

from mt_app.lessons.operators import OPERATORS, Operator, curve, tangent
from mt_tensor import operators

names = pytest.mark.parametrize("of", OPERATORS, ids=lambda of: of.name)

DERIVATIVES = {
    *("log_back", "ln_back", "inv_back", "relu_back", "sigmoid_back", "sqrt_back"),
    *("div_back", "power_back", "power_log", "tanh_back", "erf_back", "gelu_back"),
}
LISTS = {"map", "zipWith", "reduce", "negList", "addLists", "sum", "prod"}


def test_no_operator_is_missing() -> None:
    defined = {
        name
        for name, item in vars(operators).items()
        if inspect.isfunction(item) and item.__module__ == operators.__name__
    }
    assert {of.name for of in OPERATORS} == defined - DERIVATIVES - LISTS
    assert len({of.name for of in OPERATORS}) == len(OPERATORS)


@names
def test_the_tensor_operation_is_the_formula(of: Operator) -> None:
    drawn = curve(of, y=0.7)
    for x, value in zip(drawn.xs.tolist(), drawn.values.tolist(), strict=True):
        others = (0.7,) if of.binary else ()
        if of.name == "inv" and x == 0.0:
            continue
        assert value == pytest.approx(of.formula(x, *others), rel=1e-12, nan_ok=True)


@names
@pytest.mark.parametrize("share", [0.1, 0.3, 0.55, 0.9])
def test_the_slope_is_the_quotient(of: Operator, share: float) -> None:
    x = of.lowest + share * (of.highest - of.lowest)
    found = tangent(of, x, y=0.7)
    assert found.slope == pytest.approx(found.quotient, rel=1e-4, abs=1e-4)
    assert found.at(x) == found.value


def test_a_pole_has_no_tangent() -> None:
    inv = next(of for of in OPERATORS if of.name == "inv")
    found = tangent(inv, 0.0)
    assert math.isnan(found.value) and math.isnan(found.quotient)


def test_the_source_is_shown_as_it_is() -> None:
    assert OPERATORS[0].source.startswith("def id(x: float) -> float:")


def test_curves_have_no_warnings_and_the_same_length() -> None:
    for of in OPERATORS:
        drawn = curve(of, y=0.0, points=11)
        assert drawn.xs.shape == drawn.values.shape == drawn.slopes.shape == (11,)
        assert np.isfinite(drawn.xs).all()
