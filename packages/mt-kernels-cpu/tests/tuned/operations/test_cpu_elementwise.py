"""Map, zip and copy on the tuned backend, against NumPy and the reference."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mt_kernels_cpu.tuned import Tuned
from mt_tensor import Reference, operators
from tools.layouts import LAYOUTS, guarded

Array = npt.NDArray[Any]
DTYPES = [np.float32, np.float64]
dtypes = pytest.mark.parametrize("dtype", DTYPES, ids=["single", "double"])

SPECIAL = [np.nan, np.inf, -np.inf, 0.0, -0.0, 1.0, -1.0, 3.5, 1e-45, -1e-40, 88.7, 89.0, -104.0]


def drawn(*shape: int) -> Array:
    return np.random.default_rng(sum(shape)).normal(size=shape)


@dtypes
@pytest.mark.parametrize("fn", [operators.exp, operators.sigmoid, operators.relu, operators.neg])
def test_special_numbers_of_maps(fn: Any, dtype: Any) -> None:
    numbers = np.array(SPECIAL, dtype)
    received, expected = (
        b.to_numpy(b.map(fn, b.from_numpy(numbers))) for b in (Tuned(dtype), Reference(dtype))
    )
    np.testing.assert_allclose(received, expected, rtol=4 * np.finfo(dtype).eps, strict=True)


@dtypes
@pytest.mark.parametrize(
    "fn",
    [operators.add, operators.mul, operators.max, operators.relu_back, operators.sigmoid_back],
)
def test_special_numbers_of_zips(fn: Any, dtype: Any) -> None:
    column = np.array(SPECIAL, dtype)[:, None]
    received, expected = (
        b.to_numpy(b.zip(fn, b.from_numpy(column), b.from_numpy(column[:, 0].copy())))
        for b in (Tuned(dtype), Reference(dtype))
    )
    np.testing.assert_allclose(received, expected, rtol=4 * np.finfo(dtype).eps, strict=True)


@given(st.data())
def test_any_two_layouts_that_broadcast(data: st.DataObject) -> None:
    shape = tuple(data.draw(st.lists(st.integers(1, 4), max_size=4)))
    backend, names = Tuned(np.float64), st.sampled_from(sorted(LAYOUTS))
    operands = []
    for _ in range(2):
        own = tuple(size if data.draw(st.booleans()) else 1 for size in shape)
        own = own[data.draw(st.integers(0, len(own))) if set(own[:1]) == {1} else 0 :]
        operands.append(LAYOUTS[data.draw(names)](backend, drawn(*own)))
    arrays = [backend.to_numpy(operand) for operand in operands]
    received = backend.zip(operators.mul, *operands)
    np.testing.assert_array_equal(backend.to_numpy(received), arrays[0] * arrays[1], strict=True)


@pytest.mark.parametrize("shape", [(3, 4), (2, 3, 4), (5,), ()])
def test_out_receives_the_result_and_nothing_else_is_written(shape: tuple[int, ...]) -> None:
    backend = Tuned(np.float64)
    out, intact = guarded(backend, shape)
    a = backend.from_numpy(drawn(*shape))
    backend.zip(operators.add, a, a, out=out)
    np.testing.assert_array_equal(backend.to_numpy(out), 2 * backend.to_numpy(a))
    backend.map(operators.neg, a, out=out)
    np.testing.assert_array_equal(backend.to_numpy(out), -backend.to_numpy(a))
    assert intact()


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_copy_is_contiguous_and_separate(layout: str) -> None:
    backend = Tuned(np.float64)
    a = LAYOUTS[layout](backend, drawn(2, 3))
    numbers = backend.to_numpy(a).copy()
    copied = backend.copy(a)
    assert copied.is_contiguous()
    copied.storage[:] = 0.0
    np.testing.assert_array_equal(backend.to_numpy(a), numbers)
