"""A program that a test starts on several ranks with mpiexec: `mpi_probe.py CASE`."""

import os
import signal
import sys
import time

import numpy as np

from mt_nn.distributed import Mpi, check_equal


def collectives() -> None:
    """Compare the operations with sums of NumPy, and the bits of all ranks with each other."""
    with Mpi() as ranks:
        for count in (0, 1, 5, 4099, 100_003):
            parts = [
                np.random.default_rng((rank, count)).standard_normal(count).astype(np.float32)
                for rank in range(ranks.size)
            ]
            own = parts[ranks.rank].copy()
            ranks.all_reduce(own)
            exact = np.sum([part.astype(np.float64) for part in parts], axis=0)
            np.testing.assert_allclose(own, exact, rtol=1e-5, atol=1e-5)
            for other in ranks.all_gather(own):
                assert other.tobytes() == own.tobytes()
            first = parts[ranks.rank].copy()
            ranks.broadcast(first, ranks.size - 1)
            np.testing.assert_array_equal(first, parts[-1])
            ranks.barrier()
        assert ranks.all_gather(np.array(ranks.rank)).tolist() == list(range(ranks.size))
        assert ranks.calls == 21
        if ranks.rank == 0:
            print("all right")


def hangs() -> None:
    """Let rank 1 stop before an operation."""
    with Mpi(limit=2.0) as ranks:
        ranks.barrier()
        if ranks.rank == 1:
            os.kill(os.getpid(), signal.SIGSTOP)
        ranks.all_reduce(np.ones(3))


def late() -> None:
    """Let each rank wait for another one longer than a heartbeat, but not too long."""
    with Mpi(limit=30.0) as ranks:
        for late in range(ranks.size):
            if ranks.rank == late:
                time.sleep(1.5)
            own = np.ones(1)
            ranks.all_reduce(own)
            assert own[0] == ranks.size
        if ranks.rank == 0:
            print("all right")


def raises() -> None:
    """Raise an error on rank 1 only."""
    with Mpi() as ranks:
        ranks.barrier()
        if ranks.rank == 1:
            raise ValueError("a mistake")
        ranks.barrier()


def differs() -> None:
    """Have another fact on rank 1."""
    with Mpi() as ranks:
        check_equal(ranks, {"the option lr": str(ranks.rank)}, "use the same command")


if __name__ == "__main__":
    globals()[sys.argv[1]]()
