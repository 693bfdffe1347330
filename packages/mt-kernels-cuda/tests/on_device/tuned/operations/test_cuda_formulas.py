"""Formulas in single precision agree with `mt_tensor.operators`."""

import inspect
import types
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from mt_kernels_cuda import TunedCuda
from mt_kernels_cuda.tuned.operations.formulas import SINGLE
from mt_tensor import REFERENCE, operators

DEVICE = TunedCuda(np.float32)

FINITE = [0.0, -0.0, 1e-30, 0.25, 1.0, 1.001, -0.5, -2.0, 30.0, -30.0, 88.0, 800.0, -800.0]
NUMBERS = np.array([*FINITE, np.inf, -np.inf, np.nan], np.float32)

WITHOUT_A_COPY = {operators.is_close}


@pytest.mark.parametrize("formula", SINGLE, ids=lambda formula: formula.__name__)
def test_each_copy_computes_its_formula(formula: Callable[..., float]) -> None:
    rows, columns = NUMBERS[:, None], NUMBERS[None, :]
    if formula is operators.gelu_back:
        # At -30 the slope is 0 in single precision and not in double precision.
        columns = columns[:, ~np.isinf(NUMBERS)]
    unary = len(inspect.signature(formula).parameters) == 1
    found, expected = (
        where.to_numpy(
            where.map(formula, where.from_numpy(rows))
            if unary
            else where.zip(formula, where.from_numpy(rows), where.from_numpy(columns))
        )
        for where in (DEVICE, REFERENCE)
    )
    assert found.dtype == np.float32
    with np.errstate(over="ignore"):
        rounded = expected.astype(np.float32)
    # Near 1, the sum with EPS is rounded before the logarithm.
    # Numbers below the smallest normal one have fewer digits.
    atol = 1e-7 if formula is operators.log else float(np.finfo(np.float32).tiny)
    np.testing.assert_allclose(found, rounded, rtol=1e-6, atol=atol)


def formulas() -> list[types.FunctionType]:
    """Return the functions of `operators` whose parameters and result are floats."""
    return [
        fn
        for fn in vars(operators).values()
        if isinstance(fn, types.FunctionType)
        and set(inspect.get_annotations(fn).values()) == {float}
    ]


def has_constants(fn: types.FunctionType) -> bool:
    """Return True if a formula uses floats other than its arguments."""
    named: list[Any] = [fn.__globals__.get(name) for name in fn.__code__.co_names]
    in_math = {"inf", "nan"} & set(fn.__code__.co_names)
    return bool(in_math) or any(
        isinstance(each, float) for each in (*fn.__code__.co_consts, *named)
    )


def test_every_formula_with_constants_has_a_copy() -> None:
    assert len(formulas()) > 20
    assert {fn for fn in formulas() if has_constants(fn)} == set(SINGLE) | WITHOUT_A_COPY
