"""Dropout draws the same random numbers as NumPy on the host."""

import numpy as np
import pytest

from mt_kernels_cuda import TunedCuda
from mt_kernels_cuda.tuned.hardware.shapes import THREADS
from mt_kernels_cuda.tuned.layers.dropout import Dropout

SINGLE, DOUBLE = TunedCuda(), TunedCuda(np.float64)


@pytest.mark.parametrize("backend", [SINGLE, DOUBLE], ids=repr)
@pytest.mark.parametrize("size", [1, 7, 40 * THREADS + 3])
def test_dropout_draws_the_numbers_of_the_generator(backend: TunedCuda, size: int) -> None:
    ours, theirs = np.random.default_rng(5), np.random.default_rng(5)
    for generator in (ours, theirs):
        generator.integers(9, dtype=np.int32)  # Half of a 64-bit number stays in the buffer.
    answer = Dropout.forward(
        backend, (True,), backend.from_numpy(np.ones(size)), 0.4, False, ours, 2.0, None
    )
    assert answer is not None
    kept = theirs.random(size) >= 0.4
    np.testing.assert_array_equal(backend.to_numpy(answer[0]), kept * 2.0)
    assert ours.bit_generator.state == theirs.bit_generator.state


def test_another_generator_is_left_to_the_definition() -> None:
    a = DOUBLE.zeros((3,))
    generator = np.random.Generator(np.random.MT19937(0))
    before = str(generator.bit_generator.state)
    assert Dropout.forward(DOUBLE, (True,), a, 0.5, False, generator, 1.0, None) is None
    assert str(generator.bit_generator.state) == before
