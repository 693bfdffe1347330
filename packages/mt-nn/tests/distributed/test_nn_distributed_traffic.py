"""The communication that `Measured` counts and times."""

import time

import numpy as np

from mt_autodiff import profile
from mt_nn.distributed import Communicator, Measured, Simulator, SingleProcess, Traffic


def test_calls_bytes_and_waiting_of_each_rank() -> None:
    def program(ranks: Communicator) -> list[Traffic]:
        measured = Measured(ranks)
        if measured.rank == 1:
            time.sleep(0.05)
        total = np.full(4, measured.rank + 1.0)
        measured.all_reduce(total)
        assert total.tolist() == [3.0] * 4
        assert measured.all_gather(np.array([measured.rank])).tolist() == [[0], [1]]
        measured.broadcast(total, 1)
        measured.barrier()
        return measured.traffic()

    first, second = Simulator(2).run(program)
    assert first == second
    assert [(each.rank, each.calls, each.size) for each in first] == [(0, 4, 72), (1, 4, 72)]
    # Rank 0 comes first, and waits while rank 1 sleeps.
    assert first[0].waiting > 0.04
    assert first[1].waiting < first[0].waiting
    assert all(each.waiting <= each.seconds <= each.elapsed for each in first)


def test_a_profile_has_a_region_with_the_bytes() -> None:
    measured = Measured(SingleProcess())
    with profile(show=False) as result:
        measured.all_reduce(np.zeros(3))
    (event,) = result.events
    assert (event.name, event.phase, event.size) == ("all_reduce between ranks", "region", 24)
