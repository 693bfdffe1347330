"""What a training tells while it goes on: where it stands, and points of its curves.

`live.json` is where it stands, written whole a few times a second. `curve.jsonl` grows by a line
for every few steps. `evaluation.npz` is how the network answered the validation examples after the
last epoch.
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
"""About how many points a curve has at its end."""


@dataclass(frozen=True, slots=True)
class Live:
    """Where a training stands.

    Attributes:
        phase: What it is doing.
        epoch: The epoch that is being learnt, counted from 1.
        epochs: How many there are.
        share: Of all examples of all epochs that were learnt, from 0 to 1.
        loss: The mean over the current epoch's examples so far.
        accuracy: Their share of right answers.
        speed: Learnt examples per second.
        left: Seconds until the end, None as long as nobody knows.
        message: What went wrong, if it failed.
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
    """The means over the examples since the point before.

    Attributes:
        epoch: How many epochs were learnt, with a fraction.
        loss: Of the training examples, each in its batch's turn.
        accuracy: The share of right answers.
    """

    epoch: float
    loss: float
    accuracy: float


class LiveDisplay(Display):
    """Writes what is told of a training into its folder."""

    REFRESH = 0.2

    def __init__(self, folder: Path, settings: Settings) -> None:
        """Tell that the training is being prepared.

        Args:
            folder: The training's folder.
            settings: How long it goes on.
        """
        self.folder = folder
        self.epochs = settings.epochs
        self.batch_size = settings.batch_size
        self.write(Live("preparing", epochs=self.epochs))

    def begin(self, progress: Progress, examples: int) -> None:
        """Tell that it begins, or goes on, with so many examples in each epoch.

        The curve is taken up where the training stands: a killed process may have been ahead.
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
        """Add a point now and then, and tell where we stand a few times a second."""
        last = progress.examples_seen == self.examples
        if progress.examples_seen - self.before[0] >= self.every or last:
            self._add_point(progress)
        now = time.monotonic()
        if now - self.shown_at >= self.REFRESH or last:
            self.shown_at = now
            self.write(self._standing(progress, "validating" if last else "learning", now))

    def on_epoch(self, progress: Progress, evaluation: Evaluation) -> None:
        """Keep the evaluation."""
        self.before = (0, 0.0, 0)
        _write_evaluation(self.folder, evaluation)

    def end(self, phase: Phase, message: str = "") -> None:
        """Tell how it ended."""
        values = asdict(self.live) | {"phase": phase, "message": message, "left": None}
        if phase == "finished":
            values["share"] = 1.0
        self.write(Live(**values))

    def write(self, live: Live) -> None:
        """Put `live.json` in place of the old one."""
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
    """Return where a training stands; None if it has not told."""
    try:
        return Live(**json.loads((folder / LIVE).read_text("utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def read_curve(folder: Path) -> list[CurvePoint]:
    """Return the points so far. A line that a killed process left unfinished is passed over."""
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
    """Return how the network answered after the last epoch; None before the first."""
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
    """Write a file so that a reader finds the old one or the new one, and nothing between."""
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    partial.write_bytes(content)
    partial.replace(path)
