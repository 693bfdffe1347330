"""Names of classes, and held-out examples."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mt_models.datasets import DataFormatError
from mt_models.datasets.classes import MOST, SHARE, class_names, hold_out


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["b", "a", "b"], ("a", "b")),
        (["10", "9", "007"], ("007", "9", "10")),
        (["10", "9", "x"], ("10", "9", "x")),
        (["²", "1"], ("1", "²")),
    ],
)
def test_numbers_are_in_the_order_of_their_values(
    names: list[str], expected: tuple[str, ...]
) -> None:
    assert class_names(names, "labels") == expected


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ([], "labels: the number of classes is 0;"),
        (["a", "a"], r"labels: the number of classes is 1 \('a'\)"),
        ([str(n) for n in range(MOST + 1)], "classes is 257; .* from 2 to 256"),
    ],
)
def test_the_number_of_classes_is_limited(names: list[str], message: str) -> None:
    with pytest.raises(DataFormatError, match=message):
        class_names(names, "labels")


@given(st.lists(st.integers(0, 4), max_size=60))
def test_a_fifth_of_each_class_is_held_out(labels: list[int]) -> None:
    given_labels = np.array(labels, np.uint8)
    train, validation = hold_out(given_labels)
    assert sorted([*train, *validation]) == list(range(len(labels)))
    for label in set(labels):
        held_out, all_of_class = (given_labels[validation] == label).sum(), labels.count(label)
        assert held_out == (max(1, all_of_class // SHARE) if all_of_class > 1 else 0)


def test_held_out_examples_are_always_the_same_and_in_random_order() -> None:
    labels = np.repeat(np.arange(4, dtype=np.uint8), 50)
    train, validation = hold_out(labels)
    again, _ = hold_out(labels)
    np.testing.assert_array_equal(train, again)
    # The first ten of a sorted file would have one class.
    assert len(set(labels[train[:10]].tolist())) > 1
    assert len(set(labels[validation[:10]].tolist())) > 1
