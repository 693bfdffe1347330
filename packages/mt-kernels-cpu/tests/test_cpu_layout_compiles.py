"""Index functions and scalar formulas compile unchanged, with equal results."""

import math
from collections.abc import Callable
from typing import Any

import numba
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mt_tensor import operators
from mt_tensor.layout import broadcast_index, index_to_position, merge_dims, to_index

# numba's annotations describe the result as a decorator, never as a compiled function.
njit: Any = numba.njit

_index_to_position = njit(index_to_position)
_to_index = njit(to_index)
_broadcast_index = njit(broadcast_index)
_merge_dims = njit(merge_dims)

shapes = st.lists(st.integers(1, 4), max_size=5)


@given(shapes, st.sampled_from([np.int64, np.int32]))
def test_index_functions(shape: list[int], dtype: Any) -> None:
    sizes = np.array(shape, np.int64)
    strides = np.arange(1, 2 * len(shape), 2, dtype=np.int64)
    compiled, plain = np.zeros((2, len(shape)), dtype)
    for ordinal in range(math.prod(shape)):
        _to_index(ordinal, sizes, compiled)
        to_index(ordinal, sizes, plain)
        assert compiled.tolist() == plain.tolist()
        assert _index_to_position(compiled, strides) == index_to_position(plain, strides)


@given(shapes, st.data())
def test_broadcasting(shape: list[int], draws: st.DataObject) -> None:
    big = np.array(shape, np.int64)
    kept = shape[draws.draw(st.integers(0, len(shape))) :]
    small = np.array([n if draws.draw(st.booleans()) else 1 for n in kept], np.int64)
    compiled, plain = np.zeros((2, len(kept)), np.int64)
    for index in np.ndindex(*shape):
        big_index = np.array(index, np.int64)
        _broadcast_index(big_index, big, small, compiled)
        broadcast_index(big_index, big, small, plain)
        assert compiled.tolist() == plain.tolist()


@given(shapes, st.integers(1, 3), st.data())
def test_merge_dims(shape: list[int], layouts: int, draws: st.DataObject) -> None:
    strides = [draws.draw(st.integers(0, 6)) for _ in range(layouts * len(shape))]
    sizes, steps = np.array(shape, np.int64), np.array(strides, np.int64)
    dims = merge_dims(shape, strides)
    assert _merge_dims(sizes, steps) == dims
    assert (sizes.tolist(), steps.tolist()) == (shape, strides)


def test_a_whole_loop_compiles() -> None:
    def total(storage: Any, shape: Any, strides: Any, size: int) -> float:
        index = np.empty(len(shape), np.int64)
        result = 0.0
        for ordinal in range(size):
            _to_index(ordinal, shape, index)
            result += storage[_index_to_position(index, strides)]
        return result

    storage = np.arange(20.0)
    layout = (np.array([2, 3]), np.array([7, 2]))
    assert njit(total)(storage, *layout, 6) == sum([0.0, 2.0, 4.0, 7.0, 9.0, 11.0])


# Doubles that are special cases of a formula, and some others.
EDGES = np.array(
    [
        *(0.0, -0.0, 1.0, -1.0, 0.5, -3.25, 1e-3, 1e308, -1e308, 5e-324),
        *(math.inf, -math.inf, math.nan),
        *(709.0, 710.0, -745.0, operators.LARGEST_EXPONENT, -operators.EPS),
    ]
)
UNARY = [
    operators.id,
    operators.neg,
    operators.sigmoid,
    operators.relu,
    operators.exp,
    operators.log,
    operators.ln,
    operators.inv,
    operators.sqrt,
    operators.log1p,
    operators.tanh,
    operators.erf,
    operators.gelu,
    operators.sin,
    operators.cos,
    operators.floor,
]
BINARY = [
    operators.mul,
    operators.add,
    operators.lt,
    operators.eq,
    operators.max,
    operators.is_close,
    operators.log_back,
    operators.ln_back,
    operators.inv_back,
    operators.relu_back,
    operators.sigmoid_back,
    operators.sqrt_back,
    operators.div,
    operators.div_back,
    operators.power,
    operators.power_back,
    operators.power_log,
    operators.mod,
    operators.tanh_back,
    operators.erf_back,
    operators.gelu_back,
]


def compare(received: npt.NDArray[Any], expected: list[float]) -> None:
    """Assert equality up to two units in the last place, by which compiled functions may differ."""
    np.testing.assert_allclose(received, expected, rtol=5e-16, atol=5e-324)


@pytest.mark.parametrize("fn", UNARY, ids=lambda fn: fn.__name__)
def test_formulas_of_one_number(fn: Callable[[float], float]) -> None:
    # Division by zero gives infinity, as in every kernel.
    compiled = njit(error_model="numpy")(fn)
    with np.errstate(all="ignore"):
        compare(np.array([compiled(x) for x in EDGES]), [fn(x) for x in EDGES])


@pytest.mark.parametrize("fn", BINARY, ids=lambda fn: fn.__name__)
def test_formulas_of_two_numbers(fn: Callable[[float, float], float]) -> None:
    compiled = njit(error_model="numpy")(fn)
    with np.errstate(all="ignore"):
        for x in EDGES:
            compare(np.array([compiled(x, y) for y in EDGES]), [fn(x, y) for y in EDGES])
