"""Stored training runs: reading their state, comparing, deleting, exporting.

A run is a folder with checkpoints, logs and pictures. Its state is that in the last checkpoint.
File times do not count, because copies and checkouts change them.
"""

import csv
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from mt_models.recipes import Recipe, TextRecipe, recipe_of
from mt_models.training import (
    BEST,
    LAST,
    LOCK,
    EpochRecord,
    Progress,
    Settings,
    finished,
    is_locked,
    run_lock,
)
from mt_nn import CheckpointError, load_checkpoint

RUNS = Path("runs")
"""The folder of runs, in the working directory."""

State = Literal["training", "stopped", "finished"]

PICTURES = ("curves", "confusion", "filters", "hidden", "errors", "regions", "attention")
SAMPLES = "samples.txt"
"""The continuations that a language model writes after its training."""
APP_FILES = ("job.json", "live.json", "curve.jsonl", "evaluation.npz", "output.txt", "alive")
"""Files that the app adds to a run's folder."""


def files_of_run(problem: str) -> tuple[str, ...]:
    """Return the names of the files that a run of a problem writes into its folder."""
    pictures = (f"{name}.png" for name in PICTURES)
    samples = (SAMPLES,) if problem == TextRecipe.problem else ()
    return (LAST, BEST, f"{problem}.txt", f"{problem}.jsonl", *samples, *pictures)


@dataclass(frozen=True, slots=True)
class StoredRun:
    """A run, read from its folder.

    Attributes:
        folder: The folder.
        recipe: The options.
        settings: The settings of training.
        progress: The finished epochs, and the state of the current one.
        saved: The time of the last checkpoint in ISO 8601, UTC; empty for runs of earlier versions.
        state: "training" if a process trains now, else "finished" or "stopped".
    """

    folder: Path
    recipe: Recipe
    settings: Settings
    progress: Progress
    saved: str
    state: State

    @property
    def name(self) -> str:
        """The name of the folder."""
        return self.folder.name

    @property
    def order(self) -> tuple[str, list[Any]]:
        """The sort key of the time of the last checkpoint, then of the number in the name."""
        parts = re.split(r"(\d+)", self.name)
        return self.saved, [int(part) if part.isdigit() else part for part in parts]

    def values(self) -> dict[str, Any]:
        """Return options and settings by name, as JSON values."""
        return {**self.recipe.to_json(), **asdict(self.settings)}

    def to_json(self) -> dict[str, Any]:
        """Return JSON values: folder, problem, state, time, options and epochs."""
        return {
            "folder": str(self.folder),
            "problem": self.recipe.problem,
            "state": self.state,
            "saved": self.saved or None,
            "options": self.values(),
            "epochs": [asdict(record) for record in self.progress.records],
        }


def read_run(folder: Path) -> StoredRun:
    """Read a run from its folder.

    Raises:
        FileNotFoundError: The folder contains no run.
        CheckpointError, ValueError: The checkpoint is damaged, or it is not that of a run.
    """
    path = folder / LAST
    if not path.is_file():
        raise FileNotFoundError(f"{folder} contains no run; pass the folder of a run")
    checkpoint = load_checkpoint(path)
    recipe = recipe_of(checkpoint)
    settings = Settings(**checkpoint.meta["settings"])
    progress = Progress.from_json(checkpoint.meta["progress"])
    state: State = "finished" if finished(progress, settings) else "stopped"
    if is_locked(folder):
        state = "training"
    return StoredRun(folder, recipe, settings, progress, checkpoint.meta.get("saved", ""), state)


def find_runs(folder: Path = RUNS) -> tuple[list[StoredRun], list[str]]:
    """Return the runs in a folder, the one that was saved last at the end; and error messages.

    The messages are those of runs that cannot be read.
    """
    runs, errors = [], []
    for path in sorted(folder.glob(f"*/{LAST}")):
        try:
            runs.append(read_run(path.parent))
        except (CheckpointError, OSError, ValueError) as error:
            errors.append(str(error))
    return sorted(runs, key=lambda run: run.order), errors


def delete_run(run: StoredRun) -> list[Path]:
    """Delete the files of a run, and its folder if nothing else is in it; return what is left.

    Raises:
        RunInUseError: A process trains in the folder.
        OSError: A file cannot be deleted.
    """
    with run_lock(run.folder):
        for name in (*files_of_run(run.recipe.problem), *APP_FILES):
            (run.folder / name).unlink(missing_ok=True)
    (run.folder / LOCK).unlink(missing_ok=True)
    left = sorted(run.folder.iterdir())
    if not left:
        run.folder.rmdir()
    return left


def write_csv(runs: Sequence[StoredRun], path: Path) -> None:
    """Write a table with a row for each epoch of each run.

    Raises:
        OSError: The file exists, or it cannot be written.
    """
    columns = [field.name for field in fields(EpochRecord)]
    with path.open("x", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, ["run", *columns])
        writer.writeheader()
        for run in runs:
            writer.writerows({"run": run.name, **asdict(r)} for r in run.progress.records)


def write_tensorboard(runs: Sequence[StoredRun], folder: Path) -> None:
    """Write event files for TensorBoard, in a folder for each run.

    Raises:
        ImportError: tensorboardX is not installed.
        FileExistsError: The folder of a run exists.
    """
    try:
        from tensorboardX import SummaryWriter
    except ImportError as error:
        raise ImportError(
            "files for TensorBoard need the package tensorboardX; install it with "
            "`pip install tensorboardX`, or export with --csv"
        ) from error
    for run in runs:
        if (folder / run.name).exists():
            raise FileExistsError(
                f"{folder / run.name} exists; choose another folder, so that no events are mixed"
            )
    for run in runs:
        saved = datetime.fromisoformat(run.saved) if run.saved else datetime.now(UTC)
        with SummaryWriter(str(folder / run.name)) as writer:
            rows = "".join(f"| {name} | {value} |\n" for name, value in run.values().items())
            text = f"| option | value |\n| --- | --- |\n{rows}"
            writer.add_text("options", text, 0, walltime=saved.timestamp())
            for record in run.progress.records:
                for name, value in (
                    ("loss/training", record.train_loss),
                    ("loss/validation", record.validation_loss),
                    ("accuracy/training", record.train_accuracy),
                    ("accuracy/validation", record.validation_accuracy),
                    ("speed/examples per second", record.examples_per_second),
                ):
                    writer.add_scalar(name, value, record.epoch, walltime=saved.timestamp())
