"""Displays of a run: a progress bar on a terminal, one line for each epoch elsewhere."""

import time
from types import TracebackType
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, ProgressColumn, Task
from rich.progress import Progress as Bar
from rich.text import Text

from mt_models.problems import Evaluation
from mt_models.training.logs import lines
from mt_models.training.records import Progress
from mt_models.training.run import Display

if TYPE_CHECKING:  # The displays do not import the compiler.
    from mt_kernels_cpu.compiling.events import KernelEvent

LINES = 25
"""The approximate number of epoch lines that a run prints; the log contains all of them."""
SILENCE = 20.0
"""The time in seconds after which a display of lines prints the progress within an epoch."""


class LineDisplay(Display):
    """A display that prints the log's line of each epoch; in long runs that of every few epochs.

    Attributes:
        kernels: The number of kernels that were compiled, or read from disk, in this process.
        is_compiling: True while a kernel is compiled.
        compiled_in_epoch: True if a kernel was compiled in the current epoch, here or, in an epoch
            that is resumed, perhaps in another process.
    """

    def __init__(
        self,
        console: Console,
        name: str,
        examples: int,
        epochs: int,
        kernels: int | None = None,
    ) -> None:
        """Show a run of a problem.

        Args:
            console: The console.
            name: The problem's name.
            examples: The number of examples of an epoch.
            epochs: The number of epochs.
            kernels: The expected number of kernels of the run; None if it is not known.
        """
        self.console = console
        self.name = name
        self.examples = examples
        self.epochs = epochs
        self.expected = kernels
        self.kernels = 0
        self.is_compiling = False
        self.compiled_in_epoch = False
        self.compiled: list[str] = []
        self.compiling_since = 0.0
        self.printed_at = time.monotonic()

    def __enter__(self) -> "LineDisplay":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        pass

    def on_kernel(self, name: str, event: "KernelEvent") -> None:
        """Count a kernel, an observer for `mt_kernels_cpu.observe_kernels`."""
        self.is_compiling = event == "compiling"
        if self.is_compiling and not self.compiled:
            self.compiling_since = time.monotonic()
        if event == "compiling":
            self.compiled.append(name)
            self.compiled_in_epoch = True
        else:
            self.kernels += 1
        self.show_kernels(event)

    def kernels_text(self) -> str:
        """Return the number of kernels that are ready, and of all if it is known."""
        expected = self.expected
        if expected is None:
            return str(self.kernels)
        # A kernel may have more forms than expected.
        return f"{self.kernels} of {max(expected, self.kernels + self.is_compiling)}"

    def show_kernels(self, event: "KernelEvent") -> None:
        """Print a line when the first compilation begins, and one when many are done."""
        if event == "compiling" and len(self.compiled) == 1:
            self._print(f"compiling kernels, once per machine: {self.kernels_text()}")
        elif event == "compiled" and self.kernels % 5 == 0:
            self._print(f"compiling kernels: {self.kernels_text()}")

    def on_step(self, progress: Progress) -> None:
        """Print the progress within an epoch after some time without a line."""
        self._end_of_compilation()
        if time.monotonic() - self.printed_at > SILENCE:
            seen = progress.examples_seen
            self._print(
                f"epoch {progress.epoch}/{self.epochs}: {seen:,} of {self.examples:,} examples, "
                f"loss {progress.loss_sum / seen:.4f}"
            )

    def on_epoch(self, progress: Progress, evaluation: Evaluation) -> None:
        """Print the line, with the speed unless the epoch contains compilations."""
        compiled, self.compiled_in_epoch = self.compiled_in_epoch, False
        every = max(1, self.epochs // LINES)
        if len(progress.records) % every and len(progress.records) != self.epochs:
            return
        line = lines(self.name, progress)[-1]
        if not compiled:
            line += f"  [{progress.records[-1].examples_per_second:,.0f} examples/s]"
        self._print(line)

    def on_failure(self, error: Exception) -> None:
        """Print the error and continue: the next save tries again."""
        self._print(f"Warning: {error}. The training continues and tries again")

    def _end_of_compilation(self) -> None:
        """Print the time of compilation at the first step after it."""
        if self.compiled:
            seconds = time.monotonic() - self.compiling_since
            count = f"{len(self.compiled)} kernel{'s' if len(self.compiled) > 1 else ''}"
            self._print(f"compiled {count} in {seconds:.0f} s")
            self.compiled.clear()

    def _print(self, line: str) -> None:
        self.printed_at = time.monotonic()
        # A terminal breaks lines between words; elsewhere a line stays one line.
        whole = not self.console.is_terminal
        self.console.print(line, markup=False, highlight=False, soft_wrap=whole)


class StateColumn(ProgressColumn):
    """A column with the first of several texts that fits into a width; the longest comes first."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.width = width

    def render(self, task: Task) -> Text:
        """Return the text, with the remaining time in place of ``{left}``."""
        left = task.time_remaining
        shown = "?" if left is None else f"{int(left) // 60}:{int(left) % 60:02}"
        texts = [text.replace("{left}", shown) for text in task.fields["texts"]]
        fitting = [text for text in texts if len(text) <= self.width]
        return Text(fitting[0] if fitting else texts[-1][: self.width], no_wrap=True)


class BarDisplay(LineDisplay):
    """A display with a progress bar, loss, accuracy, speed and remaining time.

    Narrow terminals have fewer of these values, and no bar below `BAR_FROM` columns.
    """

    REFRESH = 0.1
    BAR_FROM = 60
    """The number of columns from which there is a bar."""
    BAR = 10
    """The smallest width of the bar."""
    TEXT = 75
    """The width of the longest text; in wider terminals the bar is longer."""

    def __init__(
        self,
        console: Console,
        name: str,
        examples: int,
        epochs: int,
        kernels: int | None = None,
    ) -> None:
        """Show a run of a problem; see `LineDisplay`."""
        super().__init__(console, name, examples, epochs, kernels)
        # The last column of some terminals breaks the line.
        width = console.width - 1
        if console.width < self.BAR_FROM:
            columns: tuple[ProgressColumn, ...] = (StateColumn(width),)
        else:
            bar = max(self.BAR, min(4 * self.BAR, width - self.TEXT))
            columns = BarColumn(bar_width=bar), StateColumn(width - bar - 1)
        self.bar = Bar(*columns, console=console, transient=True)
        self.task = self.bar.add_task("", total=examples * epochs, texts=("first step",))
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

    def show_kernels(self, event: "KernelEvent") -> None:
        """Show the number of kernels beside the bar while one is compiled."""
        if not self.compiled:
            return
        count = self.kernels_text()
        texts = (
            f"compiling kernels, once per machine: {count}",
            f"compiling kernels: {count}",
            f"compiling: {count}",
        )
        self.bar.update(self.task, texts=texts, refresh=True)

    def on_step(self, progress: Progress) -> None:
        """Update the bar, at most a few times per second."""
        self._end_of_compilation()
        now = time.monotonic()
        if now - self.shown_at < self.REFRESH:
            return
        self.shown_at = now
        seen = progress.examples_seen
        epoch = f"epoch {progress.epoch}/{self.epochs}"
        loss = f"loss {progress.loss_sum / seen:.4f}"
        accuracy = f"accuracy {progress.right / seen:.1%}"
        self.bar.update(
            self.task,
            completed=len(progress.records) * self.examples + seen,
            texts=(
                f"{epoch}  {loss}  {accuracy}  {seen / progress.seconds:,.0f} examples/s  "
                "{left} left",
                f"{epoch}  {loss}  {accuracy}  {{left}} left",
                f"{epoch}  {loss}  {{left}} left",
                f"{epoch}  {loss}",
                epoch,
            ),
        )

    def on_epoch(self, progress: Progress, evaluation: Evaluation) -> None:
        """Print the epoch's line above the bar."""
        super().on_epoch(progress, evaluation)
        self.bar.update(self.task, completed=len(progress.records) * self.examples)


def make_display(
    name: str, examples: int, epochs: int, console: Console, kernels: int | None = None
) -> LineDisplay:
    """Return the bar for a terminal that can move its cursor, else the display of lines."""
    has_bar = console.is_terminal and not console.is_dumb_terminal
    kind = BarDisplay if has_bar else LineDisplay
    return kind(console, name, examples, epochs, kernels)
