"""Convolutions of random sizes, compared with the reference backend."""

from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from mt_kernels_cuda import SIMULATED, TunedCuda
from mt_kernels_cuda.tuned.gemm.tiles import LARGE
from mt_tensor import REFERENCE

SINGLE = TunedCuda()


def drawn(*shape: int) -> Any:
    return np.random.default_rng(sum(shape)).normal(size=shape)


@given(st.data())
@settings(max_examples=25 if SIMULATED else 200)
def test_convolutions_with_and_without_vector_accesses(data: st.DataObject) -> None:
    outputs = data.draw(st.sampled_from([1, LARGE.rows + 1]), "outputs")
    channels = data.draw(st.sampled_from([1, 3, 4]), "channels")
    image, kernel = (
        data.draw(st.tuples(sizes, sizes), name)
        for name, sizes in [
            ("image", st.sampled_from([1, 3, 4, 8])),
            ("kernel", st.sampled_from([1, 2, 3])),
        ]
    )
    x, w = drawn(2, channels, *image), drawn(outputs, channels, *kernel)
    reverse = data.draw(st.booleans(), "reverse")
    size = data.draw(st.none() | st.just((4, 3)) | st.just((3, 4)), "size")
    found, expected = (
        where.to_numpy(where.convolve(where.from_numpy(x), where.from_numpy(w), reverse, size))
        for where in (SINGLE, REFERENCE)
    )
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)
