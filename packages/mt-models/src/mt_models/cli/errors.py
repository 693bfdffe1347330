"""Expected errors of the commands."""

from mt_models.backends import BackendNotAvailableError
from mt_models.datasets import DataError
from mt_models.training import DivergedError, RunInUseError
from mt_nn import CheckpointError
from mt_nn.distributed import CommunicationError

EXPECTED = (
    BackendNotAvailableError,
    DataError,
    CheckpointError,
    CommunicationError,
    DivergedError,
    ImportError,
    MemoryError,
    NotImplementedError,  # An exercise of the course: the message names the task.
    OSError,
    RunInUseError,
    ValueError,
)
"""Expected errors: a command prints their message without a traceback."""
