"""The folder of a run: checkpoints, logs, resuming."""

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mt_models.problems import Evaluation, Problem
from mt_models.training.logs import write_logs
from mt_models.training.loop import Settings
from mt_models.training.records import Progress
from mt_nn import Checkpoint, Optimizer, load_checkpoint, save_checkpoint

LAST = "last.safetensors"
BEST = "best.safetensors"
SAVE_EVERY = 20.0
"""The time between checkpoints within an epoch, in seconds: a power failure loses at most this
training time. A smaller value costs time for writing."""


@dataclass(slots=True)
class Run:
    """An `Observer` that saves a run, and forwards its calls to a display.

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
            self._write(BEST, progress)
        self.save(progress)
        self.evaluation = evaluation
        write_logs(self.folder, self.problem.name, self.header, progress.records)
        self.display.on_epoch(progress, evaluation)

    def should_stop(self) -> bool:
        """Return whether a stop was requested."""
        return self.stop_requested()

    def save(self, progress: Progress) -> None:
        """Write the state for `resume`."""
        self._write(LAST, progress)
        self.saved_at = time.monotonic()

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
                "options": dict(self.options),
                "settings": asdict(self.settings),
                "progress": progress.to_json(),
            },
        )

    def resume(self, checkpoint: Checkpoint) -> Progress:
        """Restore the state of a checkpoint, and return its progress.

        Raises:
            ValueError: The data have changed since the run began.
        """
        now = {"classes": list(self.problem.classes), "examples": len(self.problem.train)}
        for name, value in now.items():
            before = checkpoint.meta.get(name, value)
            if before != value:
                raise ValueError(
                    f"the data of the run in {self.folder} have changed: {name} {value}, and "
                    f"{before} when the run began; restore the data, or start a new run"
                )
        checkpoint.restore(self.problem.network, self.optimizer, {"problem": self.problem.rng})
        return Progress.from_json(checkpoint.meta["progress"])


class Display:
    """The base class of displays, which shows nothing."""

    def on_step(self, progress: Progress) -> None:
        """Handle the end of a step."""

    def on_epoch(self, progress: Progress, evaluation: Evaluation) -> None:
        """Handle the end of an epoch."""


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
