"""The folder of a run: checkpoints, logs, resuming."""

import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy.typing as npt

from mt_models.problems import Evaluation, Problem
from mt_models.training.logs import write_logs
from mt_models.training.loop import Settings
from mt_models.training.records import Progress
from mt_nn import Checkpoint, CheckpointError, Optimizer, load_checkpoint, save_checkpoint
from mt_nn.distributed import Communicator, broadcast_bytes

LAST = "last.safetensors"
BEST = "best.safetensors"
SAVE_EVERY = 20.0
"""The time between checkpoints within an epoch, in seconds: a power failure loses at most this
training time. A smaller value costs time for writing."""


@dataclass(slots=True)
class Run:
    """An `Observer` that saves a run, and forwards its calls to a display.

    A file that cannot be written, as on a full disk, is an event for the display. If the display
    does not raise the error, training continues, and the next save tries again.

    Attributes:
        folder: The folder of the run.
        problem: The problem.
        optimizer: The optimiser.
        settings: The settings of training.
        options: The recipe as JSON values, from which the problem can be built again.
        header: The description of the run, for the log.
        display: The display.
        stop_requested: A function, called between two steps, that returns True to stop the run.
        saved_at: The time of the last checkpoint, in seconds of `time.monotonic`.
        evaluation: The evaluation after the last epoch of this process.
        unsaved: The error messages of files whose last version could not be written, by name.
        unsaved_best: The parameters of the best network if its checkpoint could not be written.
    """

    folder: Path
    problem: Problem
    optimizer: Optimizer
    settings: Settings
    options: Mapping[str, Any]
    header: tuple[str, ...]
    display: "Display"
    stop_requested: Callable[[], bool] = lambda: False
    saved_at: float = float("-inf")
    evaluation: Evaluation | None = None
    unsaved: dict[str, str] = field(default_factory=dict)
    unsaved_best: dict[str, npt.NDArray[Any]] | None = None

    def on_step(self, progress: Progress) -> None:
        """Save the state if the last checkpoint is older than `SAVE_EVERY`."""
        self.display.on_step(progress)
        if time.monotonic() - self.saved_at > SAVE_EVERY:
            self.save(progress)

    def on_epoch(self, progress: Progress, evaluation: Evaluation) -> None:
        """Save the network if it is the best so far, the state, and the logs."""
        # The best network first: if the process ends between the two writes, the resumed run
        # repeats the end of this epoch. In the other order the best network would be lost.
        if progress.best is progress.records[-1]:
            self.save_best(progress)
        self.save(progress)
        self.evaluation = evaluation
        self.write_log(progress)
        self.display.on_epoch(progress, evaluation)

    def should_stop(self) -> bool:
        """Return whether a stop was requested."""
        return self.stop_requested()

    def save(self, progress: Progress) -> None:
        """Write the state for `resume`."""
        self.attempt(LAST, lambda: self._write(LAST, progress))
        self.saved_at = time.monotonic()

    def save_best(self, progress: Progress) -> None:
        """Write the network as the best so far; keep a copy in memory if that fails."""
        self.unsaved_best = None
        if not self.attempt(BEST, lambda: self._write(BEST, progress)):
            state = self.problem.network.state_dict()
            self.unsaved_best = {name: array.copy() for name, array in state.items()}

    def write_log(self, progress: Progress, summary: tuple[str, ...] = ()) -> None:
        """Write the logs; `summary` has further lines for their head."""
        name, header = self.problem.name, (*self.header, *summary)
        self.attempt(f"{name}.txt", lambda: write_logs(self.folder, name, header, progress))

    def attempt(self, name: str, write: Callable[[], object]) -> bool:
        """Write a file; return whether that worked. The display receives an error of writing."""
        try:
            write()
        except (OSError, CheckpointError) as error:
            is_new = name not in self.unsaved
            self.unsaved[name] = str(error)
            if is_new:
                self.display.on_failure(error)
            return False
        self.unsaved.pop(name, None)
        return True

    def _write(self, name: str, progress: Progress) -> None:
        save_checkpoint(
            self.folder / name,
            model=self.problem.network,
            optimizer=self.optimizer,
            rngs={"problem": self.problem.rng},
            step=len(progress.records),
            meta={
                "problem": self.problem.name,
                "classes": list(self.problem.classes),
                "examples": len(self.problem.train),
                **self.problem.meta,
                "options": dict(self.options),
                "settings": asdict(self.settings),
                "progress": progress.to_json(),
                "saved": datetime.now(UTC).isoformat(timespec="microseconds"),
            },
        )

    def resume(self, checkpoint: Checkpoint) -> Progress:
        """Restore the state of a checkpoint, and return its progress; see `restore`."""
        return restore(checkpoint, self.problem, self.optimizer)


def restore(checkpoint: Checkpoint, problem: Problem, optimizer: Optimizer) -> Progress:
    """Restore the state of a run, and return its progress.

    Raises:
        ValueError: The data have changed since the run began.
    """
    now = {"classes": list(problem.classes), "examples": len(problem.train)}
    for name, value in now.items():
        before = checkpoint.meta.get(name, value)
        if before != value:
            raise ValueError(
                f"the data of the run in {checkpoint.path.parent} have changed: {name} {value}, "
                f"and {before} when the run began; restore the data, or start a new run"
            )
    checkpoint.restore(problem.network, optimizer, {"problem": problem.rng})
    return Progress.from_json(checkpoint.meta["progress"])


class Display:
    """The base class of displays, which shows nothing."""

    def on_step(self, progress: Progress) -> None:
        """Handle the end of a step."""

    def on_epoch(self, progress: Progress, evaluation: Evaluation) -> None:
        """Handle the end of an epoch."""

    def on_failure(self, error: Exception) -> None:
        """Handle an error of writing a file: raise it, or return to continue the training."""
        raise error


def last_checkpoint(folder: Path) -> Checkpoint:
    """Read the last checkpoint of a run.

    Raises:
        FileNotFoundError: There is no checkpoint.
    """
    path = folder / LAST
    if not path.is_file():
        raise FileNotFoundError(
            f"{path} does not exist, so the run cannot be resumed; start without --resume, or pass "
            "the run's folder with --out"
        )
    return load_checkpoint(path)


def checkpoint_of_first(communicator: Communicator, checkpoint: Checkpoint | None) -> Checkpoint:
    """Return the checkpoint of rank 0, on all ranks.

    The file travels, so that other machines need no access to the folder of the run.

    Args:
        communicator: The communicator.
        checkpoint: The checkpoint on rank 0, whose file is still the same; None on other ranks.
    """
    content = b"" if checkpoint is None or communicator.size == 1 else checkpoint.path.read_bytes()
    content = broadcast_bytes(communicator, content)
    if checkpoint is not None:
        return checkpoint
    with tempfile.TemporaryDirectory(prefix="minitorch-") as name:
        (Path(name) / LAST).write_bytes(content)
        return last_checkpoint(Path(name))
