"""Task 4.3: average pooling."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grading.checking.compare import expect_array, expect_gradients
from grading.checking.oracles import nn
from grading.checking.products import PoolingCase, images
from grading.protocol.messages import Subject

pytestmark = pytest.mark.task4_3


@given(case=images())
def test_tiles(subject: Subject, case: PoolingCase) -> None:
    x, kernel, _ = case
    response = subject.call("nn.tile", [x], {"kernel": list(kernel)})
    tiles = nn.windows(x, kernel)
    # Any order of the elements within a window is accepted.
    received = response.arrays[0]
    if received.ndim:
        received[:] = np.sort(received)
    tiles = np.sort(tiles)
    expect_array(response, tiles, which=0)
    expect_array(response, tiles.shape[2:4], which=1)


@given(case=images())
def test_values_and_gradients(subject: Subject, case: PoolingCase) -> None:
    x, kernel, upstream = case
    response = subject.call("nn.avgpool2d", [x], {"kernel": list(kernel)}, upstream)
    expect_array(response, nn.windows(x, kernel).mean(axis=-1))
    expect_gradients(response, [nn.avgpool_gradient(upstream, kernel)])


@given(case=images())
def test_fast_backend(subject: Subject, case: PoolingCase) -> None:
    x, kernel, upstream = case
    options = {"kernel": list(kernel), "backend": "fast"}
    response = subject.call("nn.avgpool2d", [x], options, upstream)
    expect_array(response, nn.windows(x, kernel).mean(axis=-1))
    expect_gradients(response, [nn.avgpool_gradient(upstream, kernel)])


@given(case=images(permuted=True))
def test_upstream_gradients_in_any_layout(subject: Subject, case: PoolingCase) -> None:
    x, kernel, upstream = case
    response = subject.call("nn.avgpool2d", [x], {"kernel": list(kernel)}, upstream)
    expect_gradients(response, [nn.avgpool_gradient(upstream, kernel)])


@given(
    value=st.sampled_from([np.nan, np.inf]), index=st.tuples(st.integers(0, 3), st.integers(0, 5))
)
def test_nan_and_infinity(subject: Subject, value: float, index: tuple[int, int]) -> None:
    x = np.arange(24.0).reshape(1, 1, 4, 6)
    x[0, 0, *index] = value
    response = subject.call("nn.avgpool2d", [x], {"kernel": [2, 3]})
    expect_array(response, nn.windows(x, (2, 3)).mean(axis=-1))
