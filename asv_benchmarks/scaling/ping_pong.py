"""Latency and bandwidth between two processes: ``mpiexec -n 2 python -m …``, printed as JSON.

A message goes to the other process and back. Half of the time of an empty message is the latency,
and the time of a large one gives the bandwidth.
"""

import json
import time
from typing import Any

import numpy as np

ROUNDS = 200
LARGE = 1 << 22
"""The bytes of a large message."""


def trip(world: Any, size: int, rounds: int) -> float:
    """Return the shortest seconds of one way of a message of `size` bytes."""
    buffer = np.zeros(size, np.uint8)
    taken = []
    for _ in range(rounds):
        world.Barrier()
        begin = time.perf_counter()
        if world.Get_rank() == 0:
            world.Send(buffer, 1)
            world.Recv(buffer, 1)
        else:
            world.Recv(buffer, 0)
            world.Send(buffer, 0)
        taken.append((time.perf_counter() - begin) / 2)
    return min(taken)


def main() -> None:
    """Measure, and print on rank 0."""
    from mpi4py import MPI

    world = MPI.COMM_WORLD
    latency = trip(world, 0, ROUNDS)
    large = trip(world, LARGE, ROUNDS // 10)
    if world.Get_rank() == 0:
        print(json.dumps({"latency": latency, "bandwidth": LARGE / (large - latency)}))


if __name__ == "__main__":
    main()
