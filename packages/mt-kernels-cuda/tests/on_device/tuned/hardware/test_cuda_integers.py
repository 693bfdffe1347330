"""Integer functions of kernels."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mt_kernels_cuda import SIMULATED
from mt_kernels_cuda.tuned.hardware import integers

pytestmark = pytest.mark.skipif(not SIMULATED, reason="calls device functions from the host")


@given(st.integers(0, 2**60), st.integers(1, 2**40))
def test_divmod_agrees_with_python(number: int, size: int) -> None:
    assert integers.divmod(number, size) == divmod(number, size)
