"""Task 6.2: gradients averaged over a ring of ranks."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grading.checking.compare import expect, expect_array
from grading.protocol.messages import Array, Response, Subject

pytestmark = pytest.mark.task6_2

FEW = settings(max_examples=25)
"""The settings of checks whose examples start many threads."""


def buffers_of(size: int, length: int) -> list[Array]:
    """Return a buffer for each rank: 1, 2, …, then 101, 102, …, so that each number is unique."""
    return [100.0 * rank + np.arange(1.0, length + 1) for rank in range(size)]


def expect_sums(response: Response, factor: float = 1.0) -> None:
    """Compare the buffer of every rank with the sum.

    Raises:
        MismatchError: One differs.
    """
    total = factor * sum(response.request.arrays)
    for rank in range(len(response.request.arrays)):
        expect_array(response, total, which=rank, what=f"the buffer of rank {rank}")


@given(size=st.integers(1, 6), length=st.integers(0, 14))
@FEW
def test_sums_on_all_ranks(subject: Subject, size: int, length: int) -> None:
    expect_sums(subject.call("distributed.ring", buffers_of(size, length)))


@pytest.mark.parametrize(("size", "length"), [(4, 0), (2, 1), (5, 3), (8, 1)])
def test_buffers_shorter_than_the_ring(subject: Subject, size: int, length: int) -> None:
    expect_sums(subject.call("distributed.ring", buffers_of(size, length)))


@pytest.mark.parametrize(("size", "length"), [(3, 6), (5, 7), (7, 21), (9, 10)])
def test_odd_numbers_of_ranks(subject: Subject, size: int, length: int) -> None:
    expect_sums(subject.call("distributed.ring", buffers_of(size, length)))


def test_sixteen_ranks(subject: Subject) -> None:
    expect_sums(subject.call("distributed.ring", buffers_of(16, 50)))


def test_two_calls_in_a_row(subject: Subject) -> None:
    expect_sums(subject.call("distributed.ring", buffers_of(4, 6), {"calls": 2}), factor=4.0)


@given(size=st.integers(2, 6), seed=st.integers(0, 99))
@FEW
def test_all_ranks_receive_the_same_bits(subject: Subject, size: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    buffers = [rng.standard_normal(7) * 10.0 ** rng.integers(-9, 9, 7) for _ in range(size)]
    response = subject.call("distributed.ring", buffers, {"name": "bits"})
    differing = [
        rank for rank, each in enumerate(response.arrays) if (each != response.arrays[0]).any()
    ]
    words = f"rank 0 and rank {min(differing, default=0)} receive different results"
    expect(not differing, words, response)


@given(size=st.integers(1, 7), length=st.integers(0, 14))
@FEW
def test_messages_to_the_neighbour_only(subject: Subject, size: int, length: int) -> None:
    response = subject.call("distributed.ring", buffers_of(size, length), {"name": "messages"})
    receivers = response.plain["receivers"]
    for step in (1, -1):
        if all(set(to) <= {(rank + step) % size} for rank, to in enumerate(receivers)):
            return
    words = f"the ranks send to the ranks {receivers}; each has to send to the next one only"
    expect(False, words, response)


@given(size=st.integers(1, 7), length=st.integers(0, 14))
@FEW
def test_elements_that_a_rank_sends(subject: Subject, size: int, length: int) -> None:
    response = subject.call("distributed.ring", buffers_of(size, length), {"name": "messages"})
    most = 2 * (size - 1) * -(-length // size)
    sent = max(response.plain["elements"])
    words = f"a rank sends {sent} elements; 2 (n - 1) chunks have at most {most}"
    expect(sent <= most, words, response)


SHAPES = [(2, 3), (), (4,), (1, 0), (3, 1)]
"""The shapes of the gradients of a network."""


def gradients_of(size: int, shapes: Sequence[tuple[int, ...]] = SHAPES) -> list[Array]:
    """Return the gradients of all ranks, those of rank 0 first."""
    rng = np.random.default_rng(size)
    return [rng.integers(-8, 9, shape).astype(float) for _ in range(size) for shape in shapes]


def expect_means(
    subject: Subject, counts: Sequence[int], shapes: Sequence[tuple[int, ...]]
) -> None:
    """Compare the averaged gradients of every rank with the weighted mean.

    Raises:
        MismatchError: One differs.
    """
    gradients = gradients_of(len(counts), shapes)
    each = len(shapes)
    for rank, count in enumerate(counts):
        if count == 0:
            for i in range(rank * each, rank * each + each):
                gradients[i] = np.zeros_like(gradients[i])
    response = subject.call("distributed.average", gradients, {"counts": list(counts)})
    for i in range(len(gradients)):
        weighted = [c * g for c, g in zip(counts, gradients[i % each :: each], strict=True)]
        rank, number = divmod(i, each)
        what = f"gradient {number} of rank {rank}"
        expect_array(response, sum(weighted) / sum(counts), which=i, what=what)


@given(size=st.integers(1, 5), length=st.integers(1, 9))
@FEW
def test_means_of_equal_parts(subject: Subject, size: int, length: int) -> None:
    expect_means(subject, [4] * size, [(length,)])


@given(counts=st.lists(st.integers(0, 5), min_size=1, max_size=5).filter(any))
@FEW
def test_means_of_unequal_parts(subject: Subject, counts: list[int]) -> None:
    expect_means(subject, counts, [(3,)])


@pytest.mark.parametrize("size", [1, 2, 3])
def test_shapes_of_gradients(subject: Subject, size: int) -> None:
    expect_means(subject, [2, 1, 5][:size], SHAPES)


def test_gradients_afterwards(subject: Subject) -> None:
    response = subject.call("distributed.average", gradients_of(3), {"counts": [3, 3, 2]})
    words = "`average_gradients` changes the gradients that it gets"
    expect(response.plain["unchanged"], words, response)


def test_one_buffer_for_all_gradients(subject: Subject) -> None:
    """Require that the number of messages does not depend on the number of gradients.

    The number of examples may have an all-reduce of its own.
    """
    gradients = gradients_of(3, [(6,)] * 8)
    response = subject.call("distributed.average", gradients, {"counts": [1, 1, 1]})
    most = max(response.plain["messages"])
    words = f"a rank sends {most} messages for 8 gradients; all of them fit into one buffer"
    expect(most <= 2 * 2 * (3 - 1), words, response)


@pytest.mark.parametrize("size", [1, 2, 3, 5])
def test_training_equals_that_of_one_process(subject: Subject, size: int) -> None:
    rng = np.random.default_rng(4)
    x, y, first = rng.standard_normal((7, 3)), rng.standard_normal(7), rng.standard_normal(3)
    options: dict[str, Any] = {"size": size, "seed": 2, "epochs": 4, "rate": 0.1}
    weights = first.copy()
    for _ in range(options["epochs"]):
        weights = weights - options["rate"] * 2.0 * (x @ weights - y) @ x / len(x)
    response = subject.call("distributed.training", [x, y, first], options)
    for rank in range(size):
        what = f"the weight vector of rank {rank}"
        expect_array(response, weights, which=rank, what=what)
