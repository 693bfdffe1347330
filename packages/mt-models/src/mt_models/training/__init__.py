"""The training loop of all problems, with checkpoints, logs and displays."""

from mt_models.problems import epoch_order
from mt_models.training.display import BarDisplay, LineDisplay, make_display
from mt_models.training.locks import LOCK, RunInUseError, is_locked, run_lock
from mt_models.training.logs import lines, write_logs
from mt_models.training.loop import (
    SINGLE,
    DivergedError,
    Observer,
    Settings,
    finished,
    train,
)
from mt_models.training.parallel import Follower, check_circumstances
from mt_models.training.records import EpochRecord, Progress
from mt_models.training.run import (
    BEST,
    LAST,
    Display,
    Run,
    checkpoint_of_first,
    last_checkpoint,
    restore,
)
from mt_models.training.stopping import StopOnSignal

__all__ = [
    "BEST",
    "LAST",
    "LOCK",
    "SINGLE",
    "BarDisplay",
    "Display",
    "DivergedError",
    "EpochRecord",
    "Follower",
    "LineDisplay",
    "Observer",
    "Progress",
    "Run",
    "RunInUseError",
    "Settings",
    "StopOnSignal",
    "check_circumstances",
    "checkpoint_of_first",
    "epoch_order",
    "finished",
    "is_locked",
    "last_checkpoint",
    "lines",
    "make_display",
    "restore",
    "run_lock",
    "train",
    "write_logs",
]
