"""Task 2.1: tensor data and indexing."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grading.checking.compare import expect, expect_array, expect_plain, expect_refusal
from grading.checking.oracles import layout
from grading.checking.strategies import arrays, shapes
from grading.checking.textbook import numbers
from grading.protocol.messages import Array, Subject

pytestmark = pytest.mark.task2_1

tensors = shapes().flatmap(arrays)


indices, strides = (numbers(st.integers(0, most)).map(int) for most in (9, 30))


@given(pairs=st.lists(st.tuples(indices, strides), min_size=1, max_size=5))
def test_position_of_an_index(subject: Subject, pairs: list[tuple[int, int]]) -> None:
    options = {"index": [i for i, _ in pairs], "strides": [s for _, s in pairs]}
    response = subject.call("layout.position", options=options)
    expect_plain(response, sum(i * s for i, s in pairs), "the position")


@given(shape=shapes())
def test_indices_of_all_ordinals(subject: Subject, shape: tuple[int, ...]) -> None:
    response = subject.call("layout.indices", options={"shape": list(shape)})
    received, expected = sorted(response.plain), layout.indices(shape)
    message = "the indices of all ordinals are not all indices of the shape, each once"
    expect(received == expected, message, response, expected=expected, received=received)


@given(shape=shapes())
def test_strides_of_a_shape(subject: Subject, shape: tuple[int, ...]) -> None:
    response = subject.call("layout.strides", options={"shape": list(shape)})
    expect_plain(response, layout.strides(shape), "the strides")


def check_description(subject: Subject, array: Array, order: list[int] | None = None) -> None:
    options = {} if order is None else {"order": order}
    response = subject.call("layout.describe", [array], options)
    seen = array if order is None else array.transpose(order)
    strides = [stride // array.itemsize for stride in seen.strides]
    for key, expected in {
        "shape": list(seen.shape),
        "strides": strides,
        "size": seen.size,
        "dims": seen.ndim,
        "indices": layout.indices(seen.shape),
        "elements": seen.ravel().tolist(),
        "tuple": [array.size, list(seen.shape), strides],
    }.items():
        received = response.plain[key]
        right = received == expected
        expect(right, f"`{key}` is wrong", response, expected=expected, received=received)


@given(array=shapes(min_side=2).flatmap(arrays))
def test_elements_of_all_layouts(subject: Subject, array: Array) -> None:
    check_description(subject, array)


@given(array=shapes(min_side=2).flatmap(arrays), data=st.data())
def test_permutation(subject: Subject, array: Array, data: st.DataObject) -> None:
    check_description(subject, array, data.draw(st.permutations(range(array.ndim))))


@given(array=shapes(min_side=2).flatmap(arrays), data=st.data())
def test_shared_storage_of_a_permuted_tensor(
    subject: Subject, array: Array, data: st.DataObject
) -> None:
    """Check that an element written to one tensor can be read from the other."""
    order = data.draw(st.permutations(range(array.ndim)))
    response = subject.call("layout.write_and_permute", [array], {"order": order})
    expect_array(response, (array + 100.0).transpose(order))


@given(array=shapes(min_side=2).flatmap(arrays))
def test_contiguity(subject: Subject, array: Array) -> None:
    response = subject.call("layout.describe", [array])
    expected = array.flags.c_contiguous
    expect(response.plain["contiguous"] == expected, f"contiguous should be {expected}", response)


@given(array=tensors, data=st.data())
def test_assignment_of_single_elements(subject: Subject, array: Array, data: st.DataObject) -> None:
    index = st.tuples(*(st.integers(0, size - 1) for size in array.shape))
    keys = data.draw(st.lists(index, min_size=1, max_size=3))
    assignments = [[list(key), 100.0 + i] for i, key in enumerate(keys)]
    response = subject.call("layout.assign", [array], {"assignments": assignments})
    expected = array.copy(order="K")
    for i, key in enumerate(keys):
        expected[key] = 100.0 + i
    expect_array(response, expected.ravel(order="K"))


@given(array=tensors, data=st.data())
def test_error_for_invalid_indices(subject: Subject, array: Array, data: st.DataObject) -> None:
    index = [0] * array.ndim
    dim = data.draw(st.integers(0, array.ndim - 1))
    index[dim] = data.draw(st.sampled_from([-1, array.shape[dim], array.shape[dim] + 3]))
    short_or_long = data.draw(st.sampled_from([index, [0] * (array.ndim + 1)]))
    expect_refusal(subject, "layout.index", [array], {"index": short_or_long}, "IndexingError")


@given(array=shapes(min_dims=2).flatmap(arrays))
def test_error_for_invalid_permutations(subject: Subject, array: Array) -> None:
    expect_refusal(subject, "layout.permute_badly", [array], {"order": [0] * array.ndim})


@pytest.mark.parametrize("shape", [(0,), (2, 0), (0, 3)])
def test_empty_tensors(subject: Subject, shape: tuple[int, ...]) -> None:
    response = subject.call("layout.describe", [np.zeros(shape)])
    expect(response.plain["size"] == 0 and response.plain["indices"] == [], "not empty", response)
