"""Task 2.2: broadcasting."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grading.checking.compare import expect, expect_plain, expect_refusal
from grading.checking.oracles import layout
from grading.checking.strategies import broadcastable, shapes
from grading.protocol.messages import Subject

pytestmark = pytest.mark.task2_2


@given(pair=broadcastable())
def test_common_shape(subject: Subject, pair: tuple[tuple[int, ...], ...]) -> None:
    a, b = pair
    response = subject.call("layout.common_shape", options={"a": list(a), "b": list(b)})
    expect_plain(response, layout.common_shape(a, b), "the common shape")


@given(a=shapes(max_side=3), b=shapes(max_side=3))
def test_compatible_and_incompatible_shapes(
    subject: Subject, a: tuple[int, ...], b: tuple[int, ...]
) -> None:
    options = {"a": list(a), "b": list(b)}
    expected = layout.common_shape(a, b)
    if expected is None:
        expect_refusal(subject, "layout.common_shape", options=options, kind="IndexingError")
    else:
        response = subject.call("layout.common_shape", options=options)
        expect_plain(response, expected, "the common shape")


@st.composite
def big_and_small(draw: st.DrawFn) -> tuple[list[int], list[int]]:
    """Draw a shape and one that broadcasts to it."""
    big = list(draw(shapes(max_side=3)))
    cut = big[draw(st.integers(0, len(big) - 1)) :]
    return big, [1 if draw(st.booleans()) else size for size in cut]


@given(pair=big_and_small())
def test_broadcast_indices(subject: Subject, pair: tuple[list[int], list[int]]) -> None:
    big, small = pair
    response = subject.call("layout.broadcast", options={"big": big, "small": small})
    expected = layout.broadcast(big, small)
    for index, received, correct in zip(layout.indices(big), response.plain, expected, strict=True):
        message = f"index {index} is paired with {received}, expected {correct}"
        expect(received == correct, message, response, expected=expected, received=response.plain)


def test_broadcast_to_size_0(subject: Subject) -> None:
    response = subject.call("layout.common_shape", options={"a": [2, 1], "b": [0]})
    expect_plain(response, list(np.broadcast_shapes((2, 1), (0,))), "the common shape")
