"""Data-parallel training: several processes train one network, each on its part of every batch.

Start with `DataParallel`; a `Communicator` carries its numbers from process to process. `world`
returns that of this process: `Mpi` if an MPI launcher such as ``mpiexec`` started it. `Simulator`
runs all ranks in one process, for tests and for experiments with many ranks.
"""

from mt_nn.distributed.agreement import broadcast_bytes, check_equal, gather_rows, gather_texts
from mt_nn.distributed.collectives import (
    ring_all_gather,
    ring_all_reduce,
    tree_all_reduce,
    tree_broadcast,
)
from mt_nn.distributed.communicator import CommunicationError, Communicator, SingleProcess
from mt_nn.distributed.data_parallel import DataParallel
from mt_nn.distributed.faults import Deadlock, Dies, Hangs, RankFailure, SlowLink
from mt_nn.distributed.mpi import LIMIT, Mpi, RankMissingError, launched, world
from mt_nn.distributed.network import Network
from mt_nn.distributed.sampler import Part, Sampler, part_of
from mt_nn.distributed.simulator import Rank, Record, Simulator
from mt_nn.distributed.traffic import Measured, Traffic, traffic_table

__all__ = [
    "LIMIT",
    "CommunicationError",
    "Communicator",
    "DataParallel",
    "Deadlock",
    "Dies",
    "Hangs",
    "Measured",
    "Mpi",
    "Network",
    "Part",
    "Rank",
    "RankFailure",
    "RankMissingError",
    "Record",
    "Sampler",
    "Simulator",
    "SingleProcess",
    "SlowLink",
    "Traffic",
    "broadcast_bytes",
    "check_equal",
    "gather_rows",
    "gather_texts",
    "launched",
    "part_of",
    "ring_all_gather",
    "ring_all_reduce",
    "traffic_table",
    "tree_all_reduce",
    "tree_broadcast",
    "world",
]
