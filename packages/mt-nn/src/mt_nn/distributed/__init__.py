"""Data-parallel training: several processes train one network, each on its part of every batch.

Start with `DataParallel`; a `Communicator` carries its numbers from process to process.
"""

from mt_nn.distributed.communicator import CommunicationError, Communicator, SingleProcess

__all__ = ["CommunicationError", "Communicator", "SingleProcess"]
