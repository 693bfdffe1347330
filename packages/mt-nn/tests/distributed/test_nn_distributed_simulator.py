"""The simulator is deterministic, finds deadlocks, injects faults, and records messages."""

import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mt_nn.distributed import (
    CommunicationError,
    Deadlock,
    Dies,
    Hangs,
    Network,
    Rank,
    RankFailure,
    Simulator,
    SlowLink,
    ring_all_reduce,
)


def numbers(rank: int, count: int = 3) -> np.ndarray[Any, np.dtype[np.float64]]:
    return np.random.default_rng(rank).standard_normal(count)


@given(size=st.integers(1, 64), count=st.integers(0, 5), root=st.integers(0, 63))
def test_collective_operations_equal_those_of_numpy(size: int, count: int, root: int) -> None:
    root %= size
    whole = np.array([numbers(rank, count) for rank in range(size)])

    def program(ranks: Rank) -> list[Any]:
        total, first = numbers(ranks.rank, count), numbers(ranks.rank, count)
        ranks.all_reduce(total)
        ranks.broadcast(first, root)
        ranks.barrier()
        return [total, first, ranks.all_gather(numbers(ranks.rank, count))]

    results = Simulator(size).run(program)
    for total, first, gathered in results:
        np.testing.assert_array_equal(total, results[0][0])
        np.testing.assert_allclose(total, whole.sum(0), atol=1e-13)
        np.testing.assert_array_equal(first, whole[root])
        np.testing.assert_array_equal(gathered, whole)


def test_ranks_take_turns_in_a_fixed_order() -> None:
    def order() -> list[int]:
        seen: list[int] = []

        def program(ranks: Rank) -> None:
            for _ in range(3):
                seen.append(ranks.rank)
                time.sleep(0.001 * (ranks.rank % 2))
                ranks.barrier()

        Simulator(5).run(program)
        return seen

    assert order() == order()
    assert sorted(order()[:5]) == [0, 1, 2, 3, 4]


def test_messages_between_two_ranks() -> None:
    def program(ranks: Rank) -> Any:
        if ranks.rank == 0:
            ranks.send(np.arange(3.0), 1)
            return ranks.exchange(np.arange(2.0), 1, np.zeros(5), 1)
        place = np.full(4, -1.0)
        assert ranks.receive(place, 0) == 3
        ranks.exchange(np.arange(5.0), 0, np.zeros(2), 0)
        return place.tolist()

    assert Simulator(2).run(program) == [5, [0.0, 1.0, 2.0, -1.0]]


def test_a_message_is_a_copy() -> None:
    """The sender changes its buffer after the message, and the receiver keeps what it received."""

    def program(ranks: Rank) -> float:
        buffer = np.zeros(1)
        if ranks.rank == 0:
            ranks.send(buffer, 1)
            buffer += 1.0
        else:
            ranks.receive(buffer, 0)
        ranks.barrier()
        return float(buffer[0])

    assert Simulator(2).run(program) == [1.0, 0.0]


def test_a_rank_that_sends_to_itself_with_exchange() -> None:
    place = np.zeros(2)
    Simulator(1).run(lambda ranks: ranks.exchange(np.ones(2), 0, place, 0))
    assert place.tolist() == [1.0, 1.0]


@pytest.mark.parametrize("size", [1, 2, 5, 64])
def test_a_ring_that_sends_first_has_a_deadlock(size: int) -> None:
    def program(ranks: Rank) -> None:
        ranks.send(np.zeros(2), (ranks.rank + 1) % size)
        ranks.receive(np.zeros(2), (ranks.rank - 1) % size)

    with pytest.raises(Deadlock) as found:
        Simulator(size).run(program)
    assert found.value.waiting == {
        rank: f"waits to send 2 elements to rank {(rank + 1) % size}" for rank in range(size)
    }
    assert str(found.value).startswith("deadlock: rank 0 waits to send 2 elements to rank")
    assert ("56 further ranks wait, too" in str(found.value)) == (size == 64)


def test_a_deadlock_names_the_ranks_that_have_returned() -> None:
    def program(ranks: Rank) -> None:
        if ranks.rank == 1:
            ranks.all_reduce(np.zeros(1))

    with pytest.raises(Deadlock, match="rank 1 waits for the others in all_reduce; rank 0 has ret"):
        Simulator(2).run(program)


def test_different_collective_operations_are_an_error() -> None:
    def names(ranks: Rank) -> None:
        if ranks.rank == 0:
            ranks.barrier()
        else:
            ranks.all_reduce(np.zeros(2))

    def sizes(ranks: Rank) -> None:
        ranks.all_reduce(np.zeros(2 + ranks.rank))

    with pytest.raises(RankFailure, match=r"rank 1 calls all_reduce .*, but rank 0 calls barrier"):
        Simulator(2).run(names)
    with pytest.raises(RankFailure, match=r"shape \(3,\) .* shape \(2,\)"):
        Simulator(2).run(sizes)


@pytest.mark.parametrize(
    ("call", "kind", "words"),
    [
        (lambda r: r.send(np.zeros(3), 2), ValueError, "there is no rank 2; ranks are 0 to 1"),
        (lambda r: r.receive(np.zeros((4, 4)).T[:2], 1), ValueError, "is not contiguous"),
        (lambda r: r.receive(np.broadcast_to(0.0, (1,)), 1), ValueError, "read-only"),
        (lambda r: r.send([1.0], 1), TypeError, "of type list, not a NumPy array"),
        (lambda r: r.broadcast(np.zeros(1), 7), ValueError, "root 7 is not a rank"),
    ],
)
def test_wrong_arguments(call: Callable[[Any], None], kind: type, words: str) -> None:
    with pytest.raises(RankFailure, match=words) as found:
        Simulator(2).run(call)
    assert type(found.value.__cause__) is kind
    assert found.value.rank == 0


@pytest.mark.parametrize(
    ("sent", "place", "words"),
    [
        (np.zeros(3), np.zeros(2), "rank 0 sends 3 elements to rank 1, which receives at most 2"),
        (np.zeros(3), np.zeros(3, np.float32), "sends float64 to rank 1, which receives float32"),
    ],
)
def test_ends_that_do_not_fit(sent: Any, place: Any, words: str) -> None:
    def program(ranks: Rank) -> None:
        if ranks.rank == 0:
            ranks.send(sent, 1)
        else:
            ranks.receive(place, 0)

    with pytest.raises(CommunicationError, match=words):
        Simulator(2).run(program)


def test_overlapping_buffers_of_an_exchange() -> None:
    with pytest.raises(RankFailure, match="overlap"):
        buffer = np.zeros(4)
        Simulator(1).run(lambda ranks: ranks.exchange(buffer[:3], 0, buffer[2:], 0))


def test_a_rank_that_raises_ends_the_others() -> None:
    ended = []

    def program(ranks: Rank) -> None:
        try:
            if ranks.rank == 2:
                raise KeyError("lost")
            ranks.barrier()
        finally:
            ended.append(ranks.rank)

    before = threading.active_count()
    with pytest.raises(RankFailure, match="rank 2 raised KeyError: 'lost'") as found:
        Simulator(4).run(program)
    assert found.value.rank == 2
    assert isinstance(found.value.__cause__, KeyError)
    assert sorted(ended) == [0, 1, 2]  # Rank 3 did not begin.
    assert threading.active_count() == before


def reduced(ranks: Rank) -> None:
    for _ in range(3):
        ranks.all_reduce(np.zeros(8))


@pytest.mark.parametrize("algorithm", [None, ring_all_reduce])
@pytest.mark.parametrize("call", [1, 2, 3])
def test_a_rank_that_dies(call: int, algorithm: Any) -> None:
    simulator = Simulator(4, [Dies(1, call)], all_reduce=algorithm)
    with pytest.raises(RankFailure, match=rf"rank 1 died in its call {call} \(") as found:
        simulator.run(reduced)
    assert found.value.rank == 1
    assert simulator.records[1].calls == call


def test_no_handler_of_a_rank_catches_its_death() -> None:
    def program(ranks: Rank) -> None:
        try:
            ranks.barrier()
        except Exception:
            pytest.fail("the rank is alive")

    with pytest.raises(RankFailure, match="rank 0 died"):
        Simulator(2, [Dies(0, 1)]).run(program)


def test_a_rank_that_hangs() -> None:
    with pytest.raises(RankFailure, match=r"rank 2 hangs .*\(all_reduce\); .*: 0, 1, 3") as found:
        Simulator(4, [Hangs(2, 3)]).run(reduced)
    assert found.value.rank == 2


def test_a_simulator_runs_again_after_a_failure() -> None:
    simulator = Simulator(3)
    with pytest.raises(RankFailure):
        simulator.run(lambda ranks: ranks.broadcast(np.zeros(1), 9))
    assert simulator.run(lambda ranks: ranks.rank) == [0, 1, 2]


def test_records_of_calls_bytes_and_time() -> None:
    network = Network(latency=1.0, bandwidth=8.0)

    def program(ranks: Rank) -> None:
        ranks.compute(10.0 * ranks.rank)
        if ranks.rank == 0:
            ranks.send(np.zeros(2), 1)
        elif ranks.rank == 1:
            ranks.receive(np.zeros(2), 0)
        ranks.all_reduce(np.zeros(1))

    simulator = Simulator(2, network=network)
    simulator.run(program)
    first, second = simulator.records
    assert (first.calls, first.messages, first.sent, first.shared) == (2, 1, 16, 8)
    assert (second.calls, second.messages, second.sent, second.shared) == (2, 0, 0, 8)
    # Ten seconds of computation, a message of 1 + 16 / 8, and 2 (1 + 4 / 8) for the all-reduce.
    assert first.seconds == second.seconds == 16.0
    assert (first.waiting, second.waiting) == (10.0, 0.0)


def test_a_slow_link_delays_a_ring() -> None:
    def seconds(*faults: SlowLink) -> float:
        simulator = Simulator(4, faults, all_reduce=ring_all_reduce)
        simulator.run(reduced)
        return simulator.records[0].seconds

    assert seconds(SlowLink(1, 2, 10.0)) > 5.0 * seconds()
    assert seconds(SlowLink(2, 1, 10.0)) == seconds(), "the ring does not use this link"


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Simulator(0), "0 ranks are too few"),
        (lambda: Simulator(2, [Dies(2, 1)]), "names no rank; ranks are 0 to 1"),
        (lambda: Simulator(2, [SlowLink(0, 5, 2.0)]), "names no rank"),
        (lambda: Network(bandwidth=0.0), "bandwidth positive"),
    ],
)
def test_impossible_simulators(make: Callable[[], object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        make()
