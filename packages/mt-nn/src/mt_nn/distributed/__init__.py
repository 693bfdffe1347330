"""Data-parallel training: several processes train one network, each on its part of every batch.

Start with `DataParallel`; a `Communicator` carries its numbers from process to process. `Simulator`
runs all ranks in one process, for tests and for experiments with many ranks.
"""

from mt_nn.distributed.collectives import (
    ring_all_gather,
    ring_all_reduce,
    tree_all_reduce,
    tree_broadcast,
)
from mt_nn.distributed.communicator import CommunicationError, Communicator, SingleProcess
from mt_nn.distributed.network import Network
from mt_nn.distributed.simulator import (
    Deadlock,
    Dies,
    Hangs,
    Rank,
    RankFailure,
    Record,
    Simulator,
    SlowLink,
)

__all__ = [
    "CommunicationError",
    "Communicator",
    "Deadlock",
    "Dies",
    "Hangs",
    "Network",
    "Rank",
    "RankFailure",
    "Record",
    "Simulator",
    "SingleProcess",
    "SlowLink",
    "ring_all_gather",
    "ring_all_reduce",
    "tree_all_reduce",
    "tree_broadcast",
]
