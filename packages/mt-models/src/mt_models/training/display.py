"""Displays of a run: a progress bar on a terminal, one line for each epoch elsewhere."""

import time
from types import TracebackType

from rich.console import Console
from rich.progress import (
    BarColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.progress import (
    Progress as Bar,
)

from mt_models.problems import Evaluation
from mt_models.training.logs import lines
from mt_models.training.records import Progress
from mt_models.training.run import Display

LINES = 25
"""The approximate number of epoch lines that a run prints; the log contains all of them."""


class LineDisplay(Display):
    """A display that prints the log's line of each epoch; in long runs that of every few epochs."""

    def __init__(self, console: Console, name: str, examples: int, epochs: int) -> None:
        """Show a run of a problem.

        Args:
            console: The console.
            name: The problem's name.
            examples: The number of examples of an epoch.
            epochs: The number of epochs.
        """
        self.console = console
        self.name = name
        self.examples = examples
        self.epochs = epochs

    def __enter__(self) -> "LineDisplay":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        pass

    def on_epoch(self, progress: Progress, evaluation: Evaluation) -> None:
        """Print the line, with the speed."""
        every = max(1, self.epochs // LINES)
        if len(progress.records) % every and len(progress.records) != self.epochs:
            return
        speed = progress.records[-1].examples_per_second
        line = lines(self.name, progress.records)[-1]
        self.console.print(f"{line}  [{speed:,.0f} examples/s]", markup=False, highlight=False)


class BarDisplay(LineDisplay):
    """A display with a progress bar, loss, accuracy, speed and remaining time."""

    REFRESH = 0.1

    def __init__(self, console: Console, name: str, examples: int, epochs: int) -> None:
        """Show a run of a problem; see `LineDisplay`."""
        super().__init__(console, name, examples, epochs)
        self.bar = Bar(
            TextColumn("[bold]epoch {task.fields[epoch]}"),
            BarColumn(bar_width=None),
            TextColumn("{task.fields[state]}"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=console,
        )
        self.task = self.bar.add_task("", total=examples * epochs, epoch="", state="")
        self.shown_at = float("-inf")

    def __enter__(self) -> "BarDisplay":
        self.bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.bar.stop()

    def on_step(self, progress: Progress) -> None:
        """Update the bar, at most a few times per second."""
        now = time.monotonic()
        if now - self.shown_at < self.REFRESH:
            return
        self.shown_at = now
        seen = progress.examples_seen
        self.bar.update(
            self.task,
            completed=len(progress.records) * self.examples + seen,
            epoch=f"{progress.epoch}/{self.epochs}",
            state=(
                f"loss {progress.loss_sum / seen:.4f}  accuracy {progress.right / seen:.1%}  "
                f"{seen / progress.seconds:,.0f}/s"
            ),
        )

    def on_epoch(self, progress: Progress, evaluation: Evaluation) -> None:
        """Print the epoch's line above the bar."""
        super().on_epoch(progress, evaluation)
        self.bar.update(self.task, completed=len(progress.records) * self.examples)


def make_display(name: str, examples: int, epochs: int, console: Console) -> LineDisplay:
    """Return the bar for a terminal, else the display of lines."""
    kind = BarDisplay if console.is_terminal else LineDisplay
    return kind(console, name, examples, epochs)
