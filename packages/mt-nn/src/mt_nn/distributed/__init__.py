"""Data-parallel training: several processes train one network, each on its part of every batch.

Start with `DataParallel`; a `Communicator` carries its numbers from process to process. `world`
returns that of this process: `Mpi` if an MPI launcher such as ``mpiexec`` started it.
"""

from mt_nn.distributed.agreement import broadcast_bytes, check_equal, gather_rows, gather_texts
from mt_nn.distributed.communicator import CommunicationError, Communicator, SingleProcess
from mt_nn.distributed.data_parallel import DataParallel
from mt_nn.distributed.mpi import LIMIT, Mpi, RankMissingError, launched, world
from mt_nn.distributed.sampler import Part, Sampler, part_of

__all__ = [
    "CommunicationError",
    "Communicator",
    "DataParallel",
    "LIMIT",
    "Mpi",
    "Part",
    "RankMissingError",
    "Sampler",
    "SingleProcess",
    "broadcast_bytes",
    "check_equal",
    "gather_rows",
    "gather_texts",
    "launched",
    "part_of",
    "world",
]
