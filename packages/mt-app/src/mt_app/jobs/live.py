"""Live state of a training run: progress, and points of its curves.

`live.json` is the progress, replaced a few times per second. `curve.jsonl` grows by one line for
every few steps. `evaluation.npz` contains the predictions on the validation examples after the last
epoch.
"""

import json
import os
import time
import zipfile
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from mt_models.problems import Evaluation
from mt_models.training import Display, Progress, Settings

Phase = Literal["preparing", "learning", "validating", "finished", "stopped", "failed"]

LIVE = "live.json"
CURVE = "curve.jsonl"
EVALUATION = "evaluation.npz"
POINTS = 400
"""The approximate number of points of a complete curve."""


@dataclass(frozen=True, slots=True)
class Live:
    """The live state of a training run.

    Attributes:
        phase: The current activity.
        epoch: The number of the current epoch, from 1.
        epochs: The number of epochs.
        share: The completed fraction of all examples of all epochs, from 0 to 1.
        loss: The mean loss over the current epoch's examples so far.
        accuracy: The accuracy on these examples.
        speed: Training examples per second.
        left: The estimated remaining time in seconds; None if it is unknown.
        message: The error message of a failed run.
    """

    phase: Phase
    epoch: int = 1
    epochs: int = 1
    share: float = 0.0
    loss: float | None = None
    accuracy: float | None = None
    speed: float | None = None
    left: float | None = None
    message: str = ""


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """The means over the examples since the previous point.

    Attributes:
        epoch: The number of completed epochs, with a fraction.
        loss: The mean loss of the training examples, each before the step of its batch.
        accuracy: The fraction of correct predictions.
    """

    epoch: float
    loss: float
    accuracy: float


class LiveDisplay(Display):
    """A display that writes the live state of a run to its folder."""

    REFRESH = 0.2

    def __init__(self, folder: Path, settings: Settings) -> None:
        """Write the phase "preparing".

        Args:
            folder: The training's folder.
            settings: The settings of training.
        """
        self.folder = folder
        self.epochs = settings.epochs
        self.batch_size = settings.batch_size
        self.write(Live("preparing", epochs=self.epochs))

    def begin(self, progress: Progress, examples: int) -> None:
        """Write that training begins or continues.

        Points of the curve after the progress are removed: a killed process may have written them.
        """
        self.examples = examples
        self.every = max(self.batch_size, examples * self.epochs // POINTS)
        share = self._share(progress)
        self.began = (time.monotonic(), share)
        self.shown_at = float("-inf")
        self.before = (progress.examples_seen, progress.loss_sum, progress.right)
        kept = [p for p in read_curve(self.folder) if p.epoch <= share * self.epochs + 1e-9]
        lines = "".join(f"{json.dumps(asdict(point))}\n" for point in kept)
        (self.folder / CURVE).write_text(lines, "utf-8")
        self.write(Live("learning", epoch=progress.epoch, epochs=self.epochs, share=share))

    def on_step(self, progress: Progress) -> None:
        """Add a point after every few steps, and write the state a few times per second."""
        last = progress.examples_seen == self.examples
        if progress.examples_seen - self.before[0] >= self.every or last:
            self._add_point(progress)
        now = time.monotonic()
        if now - self.shown_at >= self.REFRESH or last:
            self.shown_at = now
            self.write(self._standing(progress, "validating" if last else "learning", now))

    def on_epoch(self, progress: Progress, evaluation: Evaluation) -> None:
        """Write the evaluation."""
        self.before = (0, 0.0, 0)
        _write_evaluation(self.folder, evaluation)

    def end(self, phase: Phase, message: str = "") -> None:
        """Write the final phase."""
        values = asdict(self.live) | {"phase": phase, "message": message, "left": None}
        if phase == "finished":
            values["share"] = 1.0
        self.write(Live(**values))

    def write(self, live: Live) -> None:
        """Replace `live.json`."""
        self.live = live
        _replace(self.folder / LIVE, json.dumps(asdict(live)).encode())

    def _standing(self, progress: Progress, phase: Phase, now: float) -> Live:
        share = self._share(progress)
        began, before = self.began
        left = (now - began) / (share - before) * (1 - share) if share > before else None
        seen = progress.examples_seen
        return Live(
            phase,
            epoch=progress.epoch,
            epochs=self.epochs,
            share=share,
            loss=progress.loss_sum / seen,
            accuracy=progress.right / seen,
            speed=seen / progress.seconds,
            left=left,
        )

    def _share(self, progress: Progress) -> float:
        done = len(progress.records) * self.examples + progress.examples_seen
        return min(1.0, done / (self.examples * self.epochs))

    def _add_point(self, progress: Progress) -> None:
        seen, loss, right = self.before
        new = progress.examples_seen - seen
        point = CurvePoint(
            epoch=len(progress.records) + progress.examples_seen / self.examples,
            loss=(progress.loss_sum - loss) / new,
            accuracy=(progress.right - right) / new,
        )
        self.before = (progress.examples_seen, progress.loss_sum, progress.right)
        with (self.folder / CURVE).open("a", encoding="utf-8") as file:
            file.write(f"{json.dumps(asdict(point))}\n")


def read_live(folder: Path) -> Live | None:
    """Return the live state of a run; None if there is none."""
    try:
        return Live(**json.loads((folder / LIVE).read_text("utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def read_curve(folder: Path) -> list[CurvePoint]:
    """Return the points of the curve. Incomplete lines of a killed process are ignored."""
    try:
        text = (folder / CURVE).read_text("utf-8")
    except (OSError, ValueError):
        return []
    points = []
    for line in text.splitlines():
        with suppress(ValueError, TypeError):
            points.append(CurvePoint(**json.loads(line)))
    return points


def read_evaluation(folder: Path) -> Evaluation | None:
    """Return the evaluation after the last epoch; None before the first."""
    try:
        with np.load(folder / EVALUATION, allow_pickle=False) as arrays:
            return Evaluation(
                float(arrays["loss"]), arrays["probabilities"], arrays["labels"].astype(np.int64)
            )
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None


def _write_evaluation(folder: Path, evaluation: Evaluation) -> None:
    partial = folder / f".{EVALUATION}"
    with partial.open("wb") as file:
        np.savez(
            file,
            loss=np.float64(evaluation.loss),
            probabilities=evaluation.probabilities.astype(np.float32),
            labels=evaluation.labels,
        )
    partial.replace(folder / EVALUATION)


def _replace(path: Path, content: bytes) -> None:
    """Replace a file atomically."""
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    partial.write_bytes(content)
    partial.replace(path)
