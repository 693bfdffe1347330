"""Outer values of formulas: constants, variables of enclosing functions, helpers."""

import math
from types import FunctionType, SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from mt_tensor import operators
from mt_tensor.outer_values import current, outer_values, with_helpers

RATE: Any = 2.0
settings = SimpleNamespace(rate=3.0)


def scaled(x: Any) -> Any:
    return RATE * math.exp(x)


def helped(x: Any) -> Any:
    return scaled(x) + abs(x)


def even(n: float) -> float:
    return 1.0 if n == 0 else odd(n - 1)


def odd(n: float) -> float:
    return 0.0 if n == 0 else even(n - 1)


def test_names_with_their_values() -> None:
    k = 5.0

    def fn(x: Any) -> Any:
        return RATE * x + k * math.exp(x) + abs(x) + float(np.pi)

    found = {name: read() for name, read in outer_values(cast(FunctionType, fn))}
    assert found == {
        "RATE": 2.0,
        "k": 5.0,
        "math.exp": math.exp,
        "abs": abs,
        "float": float,
        "np.pi": np.pi,
    }


@pytest.mark.parametrize(
    "values",
    [
        (2.0, 3.0),
        (0.0, -0.0),
        (1, 1.0, True),
        (np.float32(1), np.float64(1)),
        (np.array([1.0, 2.0]), np.array([1.0, 3.0]), np.array([[1.0, 2.0]])),
        ((1.0, 2), (1.0, 2.0)),
    ],
    ids=str,
)
@pytest.mark.parametrize("formula", [scaled, helped], ids=["own constant", "a helper's constant"])
def test_one_function_for_each_value(
    formula: Any, values: tuple[Any, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    versions = []
    for value in (*values, *values):
        monkeypatch.setitem(globals(), "RATE", value)
        versions.append(current(formula))
        assert current(formula) is versions[-1]
    assert versions[: len(values)] == versions[len(values) :]
    assert len(set(versions)) == len(values)


def test_a_version_computes_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    def fn(x: float, *, power: float = 2.0) -> float:
        return float(RATE * x**power)

    assert current(fn)(3.0) == 18.0
    monkeypatch.setitem(globals(), "RATE", 3.0)
    assert current(fn)(3.0) == 27.0


def test_variables_of_enclosing_functions() -> None:
    def fn(x: float) -> float:
        return k * x

    before = current(fn)
    k = 2.0
    first = current(fn)
    k = 3.0
    assert len({before, first, current(fn)}) == 3


@pytest.mark.parametrize("fn", [operators.log, operators.add, math.exp, np.exp, lambda x: x + 1.0])
def test_functions_whose_values_do_not_change(fn: Any) -> None:
    assert current(fn) is fn


def test_helpers_are_replaced_with_their_helpers() -> None:
    compiled: list[str] = []

    def compile(fn: FunctionType) -> Any:
        compiled.append(fn.__name__)
        return fn

    def fn(x: Any) -> Any:
        return inner(x) + helped(x)

    def inner(x: float) -> float:
        return -x

    copy = with_helpers(cast(FunctionType, fn), compile)
    assert compiled == ["inner", "scaled", "helped"]
    assert copy is not fn
    assert copy(2.0) == fn(2.0)
    compiled.clear()
    assert with_helpers(cast(FunctionType, scaled), compile) is scaled
    assert with_helpers(cast(FunctionType, even), compile)(4.0) == 1.0
    assert compiled == ["odd"], "a caller is no helper"
