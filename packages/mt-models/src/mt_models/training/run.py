"""A run's folder: its checkpoints, its logs, and how to take it up again."""

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
"""Seconds between two checkpoints within an epoch: what a power cut may cost."""


@dataclass(slots=True)
class Run:
    """Keeps a run on disk while it goes on. An `Observer` that passes the news on to a display.

    Attributes:
        folder: Where everything goes.
        problem: What learns.
        optimizer: How it steps.
        settings: How long it runs.
        options: What the command line said, from which the same problem can be built again.
        header: What ran, for the log.
        display: Who else is told.
        stop_requested: Asked between two steps.
        saved_at: When the state was last written, in `time.monotonic`'s seconds.
        evaluation: How the network did after the last epoch that was finished here.
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
        """Save now and then."""
        self.display.on_step(progress)
        if time.monotonic() - self.saved_at > SAVE_EVERY:
            self.save(progress)

    def on_epoch(self, progress: Progress, evaluation: Evaluation) -> None:
        """Save the network if it is the best so far, the state, and the logs."""
        # The best first: if the process dies between the two, the run is taken up before this
        # epoch's end and writes it again. The other way round the best network would be lost.
        if progress.best is progress.records[-1]:
            self._write(BEST, progress)
        self.save(progress)
        self.evaluation = evaluation
        write_logs(self.folder, self.problem.name, self.header, progress.records)
        self.display.on_epoch(progress, evaluation)

    def should_stop(self) -> bool:
        """Return whether somebody asked to stop."""
        return self.stop_requested()

    def save(self, progress: Progress) -> None:
        """Write the state from which `resume` goes on."""
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
                "options": dict(self.options),
                "settings": asdict(self.settings),
                "progress": progress.to_json(),
            },
        )

    def resume(self, checkpoint: Checkpoint) -> Progress:
        """Take up the state of a checkpoint; return where it stands."""
        checkpoint.restore(self.problem.network, self.optimizer, {"problem": self.problem.rng})
        return Progress.from_json(checkpoint.meta["progress"])


class Display:
    """Shows a run; this one shows nothing."""

    def on_step(self, progress: Progress) -> None:
        """A batch was learnt."""

    def on_epoch(self, progress: Progress, evaluation: Evaluation) -> None:
        """An epoch was finished."""


def last_checkpoint(folder: Path) -> Checkpoint:
    """Read the state that a run left.

    Raises:
        FileNotFoundError: There is none.
    """
    path = folder / LAST
    if not path.is_file():
        raise FileNotFoundError(
            f"{path} does not exist: there is nothing to resume; start without --resume, or name "
            "the run's folder with --out"
        )
    return load_checkpoint(path)
