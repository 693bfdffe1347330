"""Task 6.1: parts of the data."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grading.checking.compare import expect, expect_array
from grading.protocol.messages import Plain, Response, Subject

pytestmark = pytest.mark.task6_1

counts = st.integers(0, 30)
sizes = st.integers(1, 9)
seeds = st.integers(0, 99)
epochs = st.integers(0, 9)

FEW = [(0, 4), (1, 2), (3, 8)]
"""Numbers of examples that are smaller than the numbers of ranks."""


def expect_once(response: Response, numbers: list[int], count: int, what: str) -> None:
    """Require that each of the numbers 0 to count - 1 occurs exactly once.

    Raises:
        MismatchError: A number is missing, occurs twice, or does not exist.
    """
    for found, words in (
        ({each for each in numbers if not 0 <= each < count}, "does not exist"),
        (set(range(count)) - set(numbers), "belongs to no rank"),
        ({each for each in numbers if numbers.count(each) > 1}, "occurs more than once"),
    ):
        first = min(found, default=None)
        expect(first is None, f"{what} {first} of {count} {words}", response)


def expect_equal_sizes(response: Response, parts: Plain) -> None:
    """Require that the sizes of parts differ by at most one.

    Raises:
        MismatchError: They differ by more.
    """
    lengths = [len(part) for part in parts]
    differ = f"the sizes of the parts, {lengths}, differ by more than one"
    expect(max(lengths) - min(lengths) <= 1, differ, response)


def joined(parts: Plain) -> list[int]:
    return [number for part in parts for number in part]


@given(count=counts, size=sizes)
def test_every_position_belongs_to_one_rank(subject: Subject, count: int, size: int) -> None:
    response = subject.call("distributed.partition", [], {"count": count, "size": size})
    expect_once(response, joined(response.plain), count, "position")


@given(count=counts, size=sizes)
def test_sizes_of_parts(subject: Subject, count: int, size: int) -> None:
    response = subject.call("distributed.partition", [], {"count": count, "size": size})
    expect_equal_sizes(response, response.plain)


@pytest.mark.parametrize(("count", "size"), FEW)
def test_fewer_positions_than_ranks(subject: Subject, count: int, size: int) -> None:
    response = subject.call("distributed.partition", [], {"count": count, "size": size})
    expect_once(response, joined(response.plain), count, "position")
    expect_equal_sizes(response, response.plain)


@given(count=counts, seed=seeds, epoch=epochs)
def test_an_order_has_every_example_once(
    subject: Subject, count: int, seed: int, epoch: int
) -> None:
    options = {"count": count, "of": [[seed, epoch]]}
    response = subject.call("distributed.orders", [], options)
    expect_once(response, response.plain[0], count, "example")


@given(count=st.integers(8, 30), seed=seeds, epoch=epochs)
def test_all_ranks_have_the_same_order(subject: Subject, count: int, seed: int, epoch: int) -> None:
    options = {"count": count, "of": [[seed, epoch], [seed, epoch], [seed, epoch]]}
    response = subject.call("distributed.orders", [], options)
    first, *others = response.plain
    words = "two calls with the same arguments return different orders"
    expect(all(other == first for other in others), words, response)


def test_orders_of_epochs_and_seeds(subject: Subject) -> None:
    for words, pairs in (
        ("two epochs have the same order", [[3, 0], [3, 1], [3, 2], [3, 3]]),
        ("two seeds have the same order", [[0, 1], [1, 1], [2, 1], [3, 1]]),
    ):
        response = subject.call("distributed.orders", [], {"count": 20, "of": pairs})
        distinct = len({tuple(order) for order in response.plain}) == len(pairs)
        expect(distinct, words, response)


def test_every_order_occurs(subject: Subject) -> None:
    """Draw 150 orders of three examples: a right function misses one with probability 1e-11."""
    options = {"count": 3, "of": [[7, epoch] for epoch in range(150)]}
    response = subject.call("distributed.orders", [], options)
    found = len({tuple(order) for order in response.plain if sorted(order) == [0, 1, 2]})
    expect(found == 6, f"only {found} of the 6 orders of three examples occur", response)


@given(count=counts, size=sizes, seed=seeds, epoch=epochs)
def test_every_example_belongs_to_one_rank(
    subject: Subject, count: int, size: int, seed: int, epoch: int
) -> None:
    options = {"count": count, "size": size, "seed": seed, "epochs": [epoch]}
    response = subject.call("distributed.parts", [], options)
    (parts,) = response.plain
    expect_once(response, joined(parts), count, "example")
    expect_equal_sizes(response, parts)


def test_parts_of_epochs_differ(subject: Subject) -> None:
    options = {"count": 20, "size": 2, "seed": 5, "epochs": [0, 1, 2]}
    response = subject.call("distributed.parts", [], options)
    distinct = len({tuple(sorted(parts[0])) for parts in response.plain}) == 3
    expect(distinct, "a rank has the same examples in two epochs", response)


@given(count=counts, size=sizes, seed=seeds, epoch=epochs, columns=st.integers(0, 2))
def test_results_in_the_order_of_the_examples(
    subject: Subject, count: int, size: int, seed: int, epoch: int, columns: int
) -> None:
    shape = (count, columns) if columns else (count,)
    values = 1.0 + np.arange(np.prod(shape)).reshape(shape)
    options = {"size": size, "seed": seed, "epoch": epoch}
    expect_array(subject.call("distributed.reassembled", [values], options), values)


@pytest.mark.parametrize(("count", "size"), FEW)
def test_results_of_few_examples(subject: Subject, count: int, size: int) -> None:
    values = 1.0 + np.arange(2.0 * count).reshape(count, 2)
    options = {"size": size, "seed": 3, "epoch": 1}
    expect_array(subject.call("distributed.reassembled", [values], options), values)
