"""Chains of views, compared with NumPy, and rejected text."""

import contextlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mt_app.lessons.memory import (
    ChainError,
    add,
    broadcast_shape,
    follow,
    pair_elements,
    read_shape,
)

steps = st.lists(
    st.sampled_from(
        ["permute(1, 0)", "permute((1, 0))", "[1:]", "[:, ::2]", "[::2, 1:]", "contiguous()"]
    ),
    max_size=4,
)


@given(st.tuples(st.integers(2, 6), st.integers(2, 6)), steps)
def test_every_link_sees_the_elements_that_numpy_sees(
    shape: tuple[int, int], chain: list[str]
) -> None:
    array = np.arange(float(shape[0] * shape[1])).reshape(shape)
    for link, code in zip(
        follow(shape, ".".join(chain).replace(".[", "["))[1:], chain, strict=True
    ):
        if code == "contiguous()":
            array = np.ascontiguousarray(array)
        elif code.startswith("["):
            array = array[eval(f"np.s_{code}")]
        else:
            array = array.T
        assert link.data.shape == array.shape
        for index, position in link.positions.items():
            assert link.storage[position] == link.data.get(index) == array[index]


def test_expand_repeats_positions_and_contiguous_copies() -> None:
    start, wide, copied = follow((3, 1), "expand(3, 4).contiguous()")
    assert set(wide.positions.values()) == {0, 1, 2}
    assert wide.data.strides == (1, 0) and not wide.moved
    assert copied.moved and len(copied.storage) == 12 and copied.contiguous
    assert start.contiguous


def test_indices_are_shown_as_they_are_typed() -> None:
    codes = [link.code for link in follow((3, 4), "[1:, ::2][None, :][0]")]
    assert codes[1:] == ["[1:, ::2]", "[None, :]", "[0]"]


def test_contiguous_of_a_contiguous_tensor_copies_nothing() -> None:
    assert [link.moved for link in follow((2, 3), "contiguous()")] == [False, False]


def test_an_offset_counts_from_the_start_of_the_storage() -> None:
    last = follow((4, 5), "[1:][1:, 2:].permute(1, 0)[1]")[-1]
    assert last.offset == 2 * 5 + 2 + 1
    assert list(last.positions.values()) == [13, 18]


@pytest.mark.parametrize(
    ("chain", "complaint"),
    [
        ("permute(0)", "must name each"),
        ("permute(0, 0)", "must name each"),
        ("view(4, 4)", "do not fit"),
        ("permute(1, 0).view(6)", "contiguous"),
        ("expand(2)", "expand"),
        ("expand(999999, 2, 3)", "more than the picture can show"),
        ("expand(-1, 3)", "negative"),
        ("[5]", "outside of shape"),
        ("[0, 0, 0]", "names 3 dimensions"),
        ("[::-1]", "positive"),
        ("[x]", "not an integer"),
        ("[1.5]", "not an integer"),
        ("[True]", "not an integer"),
        ("view(a)", "not an integer"),
        ("contiguous(1)", "takes no numbers"),
        ("exp()", "not known"),
        ("__class__", "not known"),
        ("permute(*x)", "not an integer"),
        ("permute(order=(1, 0))", "not known"),
        ("permute(1, 0", "has a syntax error"),
        ("y.permute(1, 0)", "not known"),
        ("[(lambda: 1)()]", "not an integer"),
        ("[0]" * 100, "characters"),
        ("[" * 150, "has a syntax error"),
    ],
)
def test_other_expressions_are_refused(chain: str, complaint: str) -> None:
    with pytest.raises(ChainError, match=complaint):
        follow((2, 3), chain)


@given(st.text(max_size=30))
def test_any_text_is_a_chain_or_an_error(text: str) -> None:
    for read in (lambda: follow((2, 3), text), lambda: read_shape(text)):
        with contextlib.suppress(ChainError):
            read()


@pytest.mark.parametrize("chain", ["", "x", "  "])
def test_no_operation_is_the_tensor_itself(chain: str) -> None:
    assert len(follow((2, 3), chain)) == 1


@pytest.mark.parametrize("text", ["2,3", " (2, 3) ", "2 x 3", "[2, 3,]", "2\u00d73"])
def test_shapes_are_read(text: str) -> None:
    assert read_shape(text) == (2, 3)


@pytest.mark.parametrize("text", ["a", "2.5", "-1", "100", "2,2,2,2,2", "9" * 40])
def test_shapes_that_do_not_fit_are_refused(text: str) -> None:
    with pytest.raises(ChainError):
        read_shape(text)


@given(st.lists(st.integers(1, 3), max_size=3), st.data())
def test_broadcast_shapes_agree_with_numpy(big: list[int], data: st.DataObject) -> None:
    """The pairs of elements agree with NumPy's broadcasting."""
    a = [data.draw(st.sampled_from([1, size])) for size in big]
    b = big[data.draw(st.integers(0, len(big))) :]
    shape = np.broadcast_shapes(tuple(a), tuple(b))
    assert broadcast_shape(a, b) == shape
    left = np.broadcast_to(np.arange(int(np.prod(a))).reshape(a), shape)
    right = np.broadcast_to(np.arange(int(np.prod(b))).reshape(b), shape)
    for index in np.ndindex(shape):
        found = pair_elements(a, b, index)
        assert left[index] == np.arange(int(np.prod(a))).reshape(a)[found.left]
        assert right[index] == np.arange(int(np.prod(b))).reshape(b)[found.right]
    first, second, total = add(a, b)
    for index in np.ndindex(shape):
        found = pair_elements(a, b, index)
        assert total.data.get(index) == first.data.get(found.left) + second.data.get(found.right)
        assert total.data.get(index) == left[index] + 10 * right[index]


def test_shapes_that_do_not_broadcast_are_explained() -> None:
    with pytest.raises(ChainError, match="aligned at the right"):
        pair_elements((2,), (3,), (0,))
