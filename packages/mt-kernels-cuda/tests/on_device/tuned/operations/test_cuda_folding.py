"""Long sums in single precision do not stall."""

import math
from typing import Any

import numpy as np
import pytest

from mt_kernels_cuda import Cuda, TunedCuda
from mt_kernels_cuda.jit import kernel
from mt_kernels_cuda.launching import Launch
from mt_kernels_cuda.tuned.operations.folding import sum_in_runs
from mt_tensor import operators
from mt_tensor.fused import operations
from mt_tensor.layout import Storage

DEVICE, TUNED = Cuda(np.float32), TunedCuda(np.float32)
UNIT = 2.0**-24
"""The relative error of one rounding."""

MANY = 5000
"""Terms of which a sum of equal numbers, added one after another, has an error of some hundred
units."""


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize(("backend", "units"), [(DEVICE, 1), (TUNED, 16)], ids=["cuda", "tuned"])
def test_sums_of_equal_numbers(backend: Cuda, units: int, axis: int) -> None:
    terms = np.full((2, MANY) if axis else (MANY, 2), 0.7, np.float32)
    total = backend.to_numpy(backend.reduce(operators.add, backend.from_numpy(terms), axis, 0.0))
    exact = terms.sum(axis, keepdims=True, dtype=np.float64)
    np.testing.assert_allclose(total, exact, rtol=units * UNIT)


def in_sequence(terms: Any) -> float:
    """Return a sum of numbers that are added one after another in single precision."""
    return float(np.cumsum(terms, dtype=np.float32)[-1])


def test_the_oracle_of_these_tests_would_fail() -> None:
    terms = np.full(MANY, 0.7, np.float32)
    assert abs(in_sequence(terms) / (MANY * float(terms[0])) - 1.0) > 100 * UNIT


@pytest.mark.parametrize("count", [0, 1, 2, 15, 16, 255, 256, 4097])
def test_sum_in_runs(count: int) -> None:
    push, total = sum_in_runs(np.dtype(np.float32))
    zero = np.float32(0)

    @kernel
    def add_up(out: Storage, a: Storage, count: int) -> None:
        sums = (zero, zero, zero, zero)
        for i in range(count):
            sums = push(sums, i, a[i])
        out[0] = total(sums)

    terms = np.random.default_rng(0).uniform(-1, 1, count).astype(np.float32)
    out = TUNED.empty((1,))
    TUNED.run(Launch(add_up, 1, 1, (out.storage, TUNED.from_numpy(terms).storage, count)))
    exact = terms.sum(dtype=np.float64)
    bound = 64 * UNIT * np.abs(terms).sum()
    np.testing.assert_allclose(TUNED.to_numpy(out), [exact], rtol=0, atol=bound)


LOSSES: dict[str, tuple[Any, tuple[int, ...], float]] = {
    "nll": (operations.NLL_LOSS, (MANY, 1), -0.3),
    "cross_entropy": (operations.CROSS_ENTROPY, (MANY, 2), math.log(2.0)),
    "binary": (operations.BINARY_CROSS_ENTROPY, (MANY,), -math.log1p(-0.3)),
    "logits": (
        operations.BINARY_CROSS_ENTROPY_WITH_LOGITS,
        (MANY,),
        math.log1p(math.exp(0.3)),
    ),
}


@pytest.mark.parametrize("name", LOSSES)
def test_losses_of_many_rows(name: str) -> None:
    operation, shape, expected = LOSSES[name]
    form = TUNED.fused(operation)
    assert form is not None
    x = TUNED.from_numpy(np.full(shape, 0.3, np.float32))
    mean, _ = form.forward(TUNED, (True,), x, np.zeros(MANY))
    np.testing.assert_allclose(TUNED.to_numpy(mean), [expected], rtol=10 * UNIT)


def test_gradient_of_a_row_that_is_looked_up_often() -> None:
    form = TUNED.fused(operations.TAKE)
    assert form is not None
    _, saved = form.forward(TUNED, (True,), TUNED.zeros((3, 1)), np.full(MANY, 1))
    grads = np.full((MANY, 1), 0.7, np.float32)
    (table,) = form.backward(TUNED, saved, TUNED.from_numpy(grads))
    assert table is not None
    exact = [[0.0], [grads.sum(dtype=np.float64)], [0.0]]
    np.testing.assert_allclose(TUNED.to_numpy(table), exact, rtol=16 * UNIT)
