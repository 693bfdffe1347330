"""Indexing and assignment, compared with NumPy."""

import math
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from mt_autodiff import Tensor, grad_check, no_grad, tensor
from mt_autodiff.indexing import normalize_key
from mt_tensor import IndexingError, Reference, ShapeError

Array: TypeAlias = npt.NDArray[Any]

SINGLE = Reference(np.float32)
shapes = st.lists(st.integers(0, 4), max_size=4).map(tuple)
bounds = st.none() | st.integers(-6, 6)


def numbered(*shape: int) -> Tensor:
    """Return a constant of distinct elements."""
    return tensor(np.arange(float(math.prod(shape))).reshape(shape))


@st.composite
def keys(draw: st.DrawFn, shape: tuple[int, ...], step: int = 3) -> Any:
    """Draw a key that NumPy accepts: integers, slices, None, and at most one Ellipsis."""
    entries: list[Any] = []
    for size in shape[: draw(st.integers(0, len(shape)))]:
        if size and draw(st.booleans()):
            number = draw(st.integers(-size, size - 1))
            entries.append(draw(st.sampled_from([number, np.int64(number), np.int8(number)])))
        else:
            every = draw(st.none() | st.integers(1, step))
            entries.append(slice(draw(bounds), draw(bounds), every))
    if draw(st.booleans()):
        # Entries after an Ellipsis index dimensions from the right.
        at = draw(st.integers(0, len(entries)))
        if [e for e in entries[at:] if not isinstance(e, slice)] == []:
            entries.insert(at, ...)
    for _ in range(draw(st.integers(0, 2))):
        entries.insert(draw(st.integers(0, len(entries))), None)
    if len(entries) == 1 and draw(st.booleans()):
        return entries[0]
    return tuple(entries)


def permuted(x: Tensor, draws: st.DataObject) -> Tensor:
    """Return a view with the dimensions in any order."""
    return x.permute(*draws.draw(st.permutations(range(x.dims))))


# Reading


@given(shapes, st.data())
@example((), None)
def test_reading(shape: tuple[int, ...], draws: st.DataObject | None) -> None:
    if draws is None:
        assert numbered()[()] == 0.0
        return
    x = permuted(numbered(*shape), draws)
    key = draws.draw(keys(x.shape))
    expected = x.to_numpy()[key]
    received = x[key]
    if isinstance(received, float):
        assert received == expected
    else:
        assert received.shape == expected.shape
        assert np.array_equal(received.to_numpy(), expected)
        if received.size:
            assert np.shares_memory(received.to_numpy(), x.to_numpy()), "a view"


@given(st.lists(st.integers(1, 3), max_size=3).map(tuple), st.data())
def test_gradients(shape: tuple[int, ...], draws: st.DataObject) -> None:
    key = draws.draw(keys(shape))
    assume(not isinstance(numbered(*shape)[key], float))
    grad_check(lambda x: x[key], numbered(*shape))


def test_a_full_index_returns_a_float() -> None:
    x = numbered(2, 3)
    for key in ((1, 2), (-1, -1), (..., 1, 2), (1, ..., 2), (np.int64(1), np.uint8(2))):
        assert type(x[key]) is float
        assert x[key] == 5.0
    assert numbered(4)[-1] == 3.0
    assert numbered()[()] == numbered()[...] == 0.0


def test_a_slice_of_a_slice_of_a_permuted_tensor() -> None:
    x = numbered(4, 5, 6)
    view = x.permute(2, 0, 1)[1:, ::2][::3, :, None, 1:4][..., -2:]
    expected = x.to_numpy().transpose(2, 0, 1)[1:, ::2][::3, :, None, 1:4][..., -2:]
    assert np.array_equal(view.to_numpy(), expected)


def test_steps_larger_than_the_dimension() -> None:
    x = numbered(2, 3)
    for key in (slice(None, None, 10**30), (slice(None), slice(10**30)), slice(-(10**30), None)):
        received = x[key]
        assert np.array_equal(received.to_numpy(), x.to_numpy()[key])
        assert (received + 0).shape == received.shape
    far = numbered(2, 3)[:, :: 10**30]
    far[...] = 7.0
    assert far.to_numpy().tolist() == [[7.0], [7.0]]


def test_iteration_over_rows() -> None:
    x = numbered(2, 3)
    assert [row.to_numpy().tolist() for row in x] == x.to_numpy().tolist()
    assert list(numbered(3)) == [0.0, 1.0, 2.0]
    assert len(x) == 2
    assert list(numbered(0, 3)) == []
    for use in (len, list):
        with pytest.raises(TypeError, match="without dimensions"):
            use(numbered())


# Masks and positions


@st.composite
def array_keys(draw: st.DrawFn, shape: tuple[int, ...]) -> Any:
    """Draw a key with an array of whole numbers or truth values for some dimensions."""
    at = draw(st.integers(0, len(shape) - 1))
    size = shape[at]
    if size and draw(st.booleans()):
        index: Any = np.array(
            draw(st.lists(st.integers(-size, size - 1), max_size=4)), np.int64
        ).reshape(draw(st.sampled_from([(-1,), (1, -1)])))
    else:
        index = np.array(draw(st.lists(st.booleans(), min_size=size, max_size=size)), bool)
    rest: tuple[Any, ...] = ()
    if at + 1 < len(shape):
        rest = draw(st.sampled_from([(), (...,), (slice(None, None, 2),)]))
    return (*[slice(None)] * at, index, *rest)


@given(st.lists(st.integers(0, 3), min_size=1, max_size=3).map(tuple), st.data())
def test_masks_and_positions(shape: tuple[int, ...], draws: st.DataObject) -> None:
    key = draws.draw(array_keys(shape))
    x = numbered(*shape)
    array = x.to_numpy().copy()
    # The same index as arrays, as lists and as tensors.
    keys = [
        tuple(make(entry) if isinstance(entry, np.ndarray) else entry for entry in key)
        for make in (np.asarray, lambda a: a.tolist(), tensor)
        if make is not tensor or all(a.size for a in key if isinstance(a, np.ndarray))
    ]
    for each in keys:
        assert np.array_equal(x[each].to_numpy(), array[key])
        assert x[each].shape == array[key].shape
        assert not np.shares_memory(x[each].to_numpy(), x.to_numpy())
        changed = numbered(*shape)
        changed[each] = -1.0
        expected = array.copy()
        expected[key] = -1.0
        assert np.array_equal(changed.to_numpy(), expected)
    grad_check(lambda x: x[key], x)


def test_a_mask_of_the_whole_shape() -> None:
    x = numbered(2, 3)
    assert x[x > 3].tolist() == [4.0, 5.0]
    x[(x > 0) & (x < 4)] = 0.0
    assert x.tolist() == [[0.0, 0.0, 0.0], [0.0, 4.0, 5.0]]
    x[x == 0] = tensor([1.0, 2.0, 3.0, 4.0])
    assert x.tolist() == [[1.0, 2.0, 3.0], [4.0, 4.0, 5.0]]
    with pytest.raises(ShapeError, match="assignment to shape"):
        x[x > 1] = tensor([1.0, 2.0])


def test_positions_that_are_computed() -> None:
    x = tensor([[3.0, 5.0], [9.0, 1.0]])
    best = x.argmax(1)
    assert x[[0, 1], best].tolist() == [5.0, 9.0]
    # Views and copies of truth values and positions keep their meaning.
    assert x[best[:1]].tolist() == [[9.0, 1.0]]
    assert x[(x > 4)[0]].tolist() == [[9.0, 1.0]]
    assert x[tensor([1, 0])].tolist() == [[9.0, 1.0], [3.0, 5.0]]
    assert x[tensor([True, False])].tolist() == [[3.0, 5.0]]
    assert x[tensor(1)].tolist() == [9.0, 1.0]
    # Arithmetic does not.
    with pytest.raises(TypeError, match="a tensor of 0 and 1 may be a mask or positions"):
        x[best * 1.0]


def test_repeated_positions_add_up_their_gradients() -> None:
    x = tensor([1.0, 2.0, 3.0], requires_grad=True)
    x[[2, 0, 2]].backward(np.array([1.0, 10.0, 100.0]))
    assert x.grad.tolist() == [10.0, 0.0, 101.0]


def test_an_element_of_a_leaf_keeps_the_gradient() -> None:
    x = tensor([1.0, 2.0], requires_grad=True)
    assert (x[0] * x[1]).shape == ()
    total: Any = sum(x * 3)
    total.backward()
    assert x.grad.tolist() == [3.0, 3.0]
    with no_grad():
        assert type(x[0]) is float


@pytest.mark.parametrize(
    ("key", "error", "message"),
    [
        (2, IndexingError, r"index 2 is outside of shape \(2, 3\): 2 is not in range\(-2, 2\)"),
        (-3, IndexingError, r"-3 is not in range\(-2, 2\)"),
        ((0, 3), IndexingError, r"index \(0, 3\) .*: 3 is not in range\(-3, 3\)"),
        ((..., 3), IndexingError, "3 is not in range"),
        ((0, 0, 0), IndexingError, r"names 3 dimensions, and shape \(2, 3\) has 2"),
        ((..., slice(None), ..., 0), IndexingError, "has 2 Ellipses; at most one"),
        (slice(None, None, -1), IndexingError, "slice step -1 must be positive"),
        (slice(None, None, 0), IndexingError, "slice step 0 must be positive"),
        (slice(1.5), TypeError, "slice indices must be integers"),
        (slice(None, None, 1.5), TypeError, "cannot be interpreted as an integer"),
        (1.0, TypeError, "index of type float is not supported; use integers, slices"),
        ("0", TypeError, "index of type str"),
        (True, TypeError, "index of type bool"),
        ((0, np.True_), TypeError, "index of type bool"),
        ([0, 2], IndexingError, "index 2 is out of bounds for axis 0 with size 2"),
        (np.array([0.0, 1.0]), TypeError, "an array of float64; it must contain whole numbers"),
        (["0"], TypeError, "an array of <U1; it must contain whole numbers or truth values"),
        (numbered(3, 3) < 3, IndexingError, "boolean index did not match"),
        (numbered(2) / 2, TypeError, "a tensor with fractions"),
        (numbered(2), TypeError, r"a tensor of 0 and 1 may be a mask or positions; .* != 0"),
        (([0], slice(None, None, -1)), IndexingError, "slice step -1 must be positive"),
        (([0], True), TypeError, "index of type bool"),
    ],
)
def test_invalid_keys(key: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        numbered(2, 3)[key]
    with pytest.raises(error, match=message):
        numbered(2, 3)[key] = 1.0


def test_a_tensor_of_no_size_has_no_element() -> None:
    with pytest.raises(IndexingError, match=r"0 is not in range\(0, 0\)"):
        numbered(0, 3)[0]
    assert numbered(0, 3)[:, 1].shape == (0,)
    assert numbered(3, 0)[1].shape == (0,)


def test_normalize_key_returns_one_entry_for_each_dimension() -> None:
    assert normalize_key((None, ..., 1), (2, 3)) == (None, slice(None), 1)
    assert normalize_key(-1, (2, 3)) == (1, slice(None))
    assert normalize_key((), ()) == ()
    assert normalize_key((0, 1, ...), (2, 3)) == (0, 1)


# Writing


@given(shapes, st.data())
def test_writing(shape: tuple[int, ...], draws: st.DataObject) -> None:
    array = np.arange(float(math.prod(shape))).reshape(shape)
    order = draws.draw(st.permutations(range(len(shape))))
    x = tensor(array).permute(*order)
    expected = array.transpose(order).copy()
    key = draws.draw(keys(x.shape))
    target = np.asarray(expected[key]).shape
    kept = target[draws.draw(st.integers(0, 4)) :]
    small = tuple(1 if draws.draw(st.booleans()) else n for n in kept)
    value = -np.arange(1.0, 1.0 + math.prod(small)).reshape(small)
    kinds: list[Any] = [
        value,
        tensor(value),
        tensor(value, SINGLE),
        tensor(value, requires_grad=True),
    ]
    given_value = draws.draw(st.sampled_from(kinds))
    if isinstance(given_value, Tensor):
        given_value = given_value.detach()
    expected[key] = value
    x[key] = given_value
    assert np.array_equal(x.to_numpy(), expected)


@pytest.mark.parametrize(
    "value", [7, 7.0, np.float32(7), np.int8(7), np.array(7), np.array([7.0]), True]
)
def test_assignment_of_a_number(value: Any) -> None:
    for key in ((0, 1), (-2, -2), 0, (slice(None), None, 1), ..., (..., slice(2, 2))):
        x, expected = numbered(2, 3), numbered(2, 3).to_numpy()
        x[key] = value
        expected[key] = np.asarray(value).reshape(())
        assert np.array_equal(x.to_numpy(), expected)
    alone = tensor(1.0)
    alone[()] = value
    assert alone.to_numpy() == np.asarray(value).item()


def test_values_with_additional_dimensions_of_size_1() -> None:
    x = numbered(2, 3)
    x[0] = tensor([[[-1.0, -2.0, -3.0]]])
    assert x[0].to_numpy().tolist() == [-1.0, -2.0, -3.0]


@pytest.mark.parametrize(
    ("into", "source"),
    [
        ((slice(1, None),), (slice(None, -1),)),
        ((slice(None, -1),), (slice(1, None),)),
        ((...,), (0,)),
    ],
)
@pytest.mark.parametrize("kind", ["tensor", "array"])
def test_the_value_may_overlap_the_target(into: Any, source: Any, kind: str) -> None:
    x, expected = numbered(4, 4), numbered(4, 4).to_numpy()
    x[into] = x[source] if kind == "tensor" else x.to_numpy()[source]
    expected[into] = expected[source].copy()
    assert np.array_equal(x.to_numpy(), expected)
    square = numbered(4, 4)
    square[...] = square.permute(1, 0)
    assert np.array_equal(square.to_numpy(), numbered(4, 4).to_numpy().T)


def test_adding_in_place() -> None:
    x = numbered(2, 3)
    before = x
    x[0, 0] += 10
    x[1] *= 2
    x[:, 1] -= tensor([1.0, 2.0])
    assert x.to_numpy().tolist() == [[10, 0, 2], [6, 6, 10]]
    assert x is before


def test_views_write_through() -> None:
    x = numbered(2, 3)
    row = x[1]
    row[:] = 0.0
    x.permute(1, 0)[0] = 9.0
    x.view(6)[5] = 5.0
    assert x.to_numpy().tolist() == [[9, 1, 2], [9, 0, 5]]


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        (0, np.ones(2), r"assignment: a value of shape \(2,\) .* at index 0, of shape \(3,\)"),
        ((0, 0), np.ones(2), r"value of shape \(2,\) .* at index \(0, 0\), of shape \(\)"),
        (slice(None), np.ones((2, 2, 3)), r"value of shape \(2, 2, 3\)"),
        (slice(0, 0), np.ones((2, 3)), r"of shape \(0, 3\)"),
    ],
)
def test_values_that_do_not_broadcast(key: Any, value: Array, message: str) -> None:
    x = numbered(2, 3)
    with pytest.raises(ShapeError, match=message):
        x[key] = value
    assert np.array_equal(x.to_numpy(), numbered(2, 3).to_numpy())


@pytest.mark.parametrize("value", ["7", None, [1.0, 2.0, 3.0], 1j])
def test_values_that_are_not_numbers(value: Any) -> None:
    with pytest.raises(TypeError, match=r"use numbers, arrays and tensors; .*tensor\(\)"):
        numbered(2, 3)[0] = value


# Writing and gradients


def test_leaves_can_be_written_to() -> None:
    x = tensor([1.0, 2.0], requires_grad=True)
    x[0] = 5.0
    (x * x).sum().backward()
    assert x.is_leaf()
    assert x.grad.to_numpy().tolist() == [10.0, 4.0]


def test_results_cannot_be_written_to() -> None:
    x = tensor([1.0, 2.0], requires_grad=True)
    for result in (x * 2, x[:1], x.view(2, 1), x.detach().requires_grad_() + 1):
        with pytest.raises(RuntimeError, match=r"assignment to the result of \w+: .*detach\(\)"):
            result[0] = 1.0
    (x * 2).detach()[0] = 1.0
    with no_grad():
        (x * 2)[0] = 1.0
        x[1:] *= 2
    assert x.to_numpy().tolist() == [1.0, 4.0]


def test_a_gradient_is_never_lost_in_an_assignment() -> None:
    x, y = tensor([1.0, 2.0]), tensor([3.0], requires_grad=True)
    for value in (y, y * 2):
        with pytest.raises(RuntimeError, match=r"requires a gradient, .* lost; assign its detach"):
            x[:1] = value
    with no_grad():
        x[:1] = y
    x[1:] = y.detach()
    assert x.to_numpy().tolist() == [3.0, 3.0]


def test_an_expanded_tensor_cannot_be_written_to() -> None:
    x = tensor([[1.0], [2.0]]).expand(2, 3)
    with pytest.raises(RuntimeError, match=r"expanded tensor, .*contiguous\(\) first"):
        x[0, 0] = 5.0
    x.contiguous()[0, 0] = 5.0
    one = tensor([[1.0]]).expand(1, 1)
    one[0, 0] = 5.0
    assert one.item() == 5.0
