"""Jumps of PCG64 by many steps."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mt_kernels_cuda import SIMULATED
from mt_kernels_cuda.tuned.layers import pcg64

pytestmark = pytest.mark.skipif(not SIMULATED, reason="calls device functions from the host")


@given(st.integers(0, 2**128 - 1), st.integers(0, 2**127 - 1), st.integers(0, 2**40))
@settings(max_examples=50)
def test_a_jump_equals_the_steps(state: int, half: int, count: int) -> None:
    increment = 2 * half + 1
    m, c = pcg64.steps(increment, count)
    with np.errstate(over="ignore"):
        jump = getattr(pcg64.jump, "fn", pcg64.jump)
        high, low = jump(pcg64.halves(state), pcg64.halves(increment), count)
    assert (int(high) << 64) + int(low) == (m * state + c) & pcg64.MASK
