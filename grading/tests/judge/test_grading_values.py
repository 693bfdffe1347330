"""Expected and received values as text: the elements that differ are marked."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grading.checking.compare import MismatchError, expect_array, expect_gradients, expect_plain
from grading.checking.finding import Finding
from grading.judge.values import MARKED, MAX_SHOWN_ELEMENTS, shown_pair
from grading.protocol.messages import Array, Plain, Request, Response

REQUEST = Request("tensor.mul")
SHAPES = st.lists(st.integers(1, 9), min_size=1, max_size=4).map(tuple)


def found(received: Array, expected: Array) -> Finding:
    """Return the finding of a comparison that fails."""
    with pytest.raises(MismatchError) as caught:
        expect_array(Response(REQUEST, (received,)), expected)
    return caught.value.finding


def elements(text: str) -> list[tuple[str, bool]]:
    """Return the elements of an array's text, each with True if it is marked."""
    return [(each.strip("*"), each.startswith("*")) for each in re.findall(r"[^\s\[\],]+", text)]


@given(shape=SHAPES, data=st.data())
def test_exactly_the_differing_elements_are_marked(
    shape: tuple[int, ...], data: st.DataObject
) -> None:
    expected = np.arange(float(np.prod(shape))).reshape(shape)
    places = st.integers(0, expected.size - 1)
    wrong = data.draw(st.lists(places, min_size=1, max_size=5, unique=True))
    received = expected.copy()
    received.ravel()[wrong] += 1000
    for text, array in zip(
        shown_pair(found(received, expected)), (expected, received), strict=True
    ):
        if expected.size > MAX_SHOWN_ELEMENTS:
            place, _, text = text.partition("\n")
            parts = [part.split(":") for part in place[1 : place.index("]")].split(", ")]
            window = tuple(
                slice(*map(int, part)) if len(part) == 2 else int(part[0]) for part in parts
            )
            assert f"of shape {shape}" in place
        else:
            window = ()
        shown = elements(text)
        assert [float(value) for value, _ in shown] == array[window].ravel().tolist()
        differs = (expected != received)[window].ravel().tolist()
        assert [marked for _, marked in shown] == differs
        assert any(differs)
        assert len(shown) <= MAX_SHOWN_ELEMENTS


def test_an_element_within_the_tolerance_of_the_check_is_not_marked() -> None:
    with pytest.raises(MismatchError) as caught:
        response = Response(REQUEST, gradients=(np.array([1.001, 5.0]),))
        expect_gradients(response, [np.array([1.0, 2.0])], relative=0.01)
    assert shown_pair(caught.value.finding) == ("[  1., *2.*]", "[  1.001, *5.*   ]")


@pytest.mark.parametrize(
    ("received", "expected"),
    [(np.array(5.0), np.array(2.0)), (np.ones(2), np.ones(3))],
    ids=["one number", "shape"],
)
def test_one_number_and_other_shapes_have_no_marks(received: Array, expected: Array) -> None:
    assert not any(MARKED.search(text) for text in shown_pair(found(received, expected)))


@pytest.mark.parametrize(
    ("received", "expected", "texts"),
    [
        ([1, 5, 3], [1, 2, 3], ("[1, *2*, 3]", "[1, *5*, 3]")),
        ([1], [1, 2], ("[1, *2*]", "[1]")),
        ([[0, 1.0]], [(0, 2.0)], ("[[0, *2.0*]]", "[[0, *1.0*]]")),
        ({"a": 1, "b": 2}, {"a": 1, "c": 2}, ("{'a': 1, *'c': 2*}", "{'a': 1, *'b': 2*}")),
        ({"a": [1, 2]}, {"a": [1, 3]}, ("{'a': [1, *3*]}", "{'a': [1, *2*]}")),
        (5, 2, ("2", "5")),
        (None, 2, ("2", "nothing")),
    ],
)
def test_differences_of_plain_values_are_marked(
    received: Plain, expected: Plain, texts: tuple[str, str]
) -> None:
    with pytest.raises(MismatchError) as caught:
        expect_plain(Response(REQUEST, plain=received), expected)
    assert shown_pair(caught.value.finding) == texts
