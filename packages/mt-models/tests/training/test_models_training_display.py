"""Displays of a run on terminals of several widths, on dumb ones, and in files."""

from __future__ import annotations

import io
import re

import numpy as np
import pytest
from rich.console import Console

from mt_models.problems import Evaluation
from mt_models.training import BarDisplay, EpochRecord, LineDisplay, Progress, make_display
from mt_models.training import display as module
from mt_models.training.display import StateColumn

RECORD = EpochRecord(1, 0.61, 0.5, 0.4, 9321, 10000, 15, 16, 1.0, 100.0)


def console(width: int, *, terminal: bool = True, term: str = "xterm") -> Console:
    return Console(
        file=io.StringIO(), width=width, force_terminal=terminal, _environ={"TERM": term}
    )


def shown(display: BarDisplay) -> str:
    """The text beside the bar."""
    (column,) = (c for c in display.bar.columns if isinstance(c, StateColumn))
    return column.render(display.bar.tasks[0]).plain


@pytest.mark.parametrize(
    ("width", "begin", "parts"),
    [
        (40, "epoch 1/3  loss 0.5000  ", ["left"]),
        (60, "epoch 1/3  loss 0.5000  accuracy 25.0%", ["left"]),
        (80, "epoch 1/3  loss 0.5000  accuracy 25.0%", ["1,200 examples/s", "left"]),
        (200, "epoch 1/3  loss 0.5000  accuracy 25.0%", ["1,200 examples/s", "left"]),
    ],
)
def test_the_bar_fits_into_one_line(width: int, begin: str, parts: list[str]) -> None:
    screen = console(width)
    with make_display("mnist", 5000, 3, screen, 15) as display:
        assert isinstance(display, BarDisplay)
        display.on_kernel("conv", "compiling")
        compiling = shown(display)
        display.on_kernel("conv", "compiled")
        progress = Progress([], 1200, 600.0, 300, 1.0)
        display.on_step(progress)
        text = shown(display)
    bar = console(width)
    bar.print(display.bar.get_renderable())
    assert "0 of 15" in compiling
    assert compiling.startswith("compiling kernels")
    assert text.startswith(begin)
    for part in parts:
        assert part in text
    assert isinstance(bar.file, io.StringIO)
    (line,) = re.sub(r"\x1b\[[0-9;]*m", "", bar.file.getvalue()).splitlines()
    assert text in line
    assert len(line.rstrip()) < width


@pytest.mark.parametrize("width", [40, 60, 80, 200])
def test_epoch_lines_are_broken_between_words(width: int) -> None:
    screen = console(width)
    LineDisplay(screen, "mnist", 5000, 3).on_epoch(Progress([RECORD]), no_evaluation())
    assert isinstance(screen.file, io.StringIO)
    lines = screen.file.getvalue().splitlines()
    whole = "Epoch 1 loss 0.6100 valid acc 15/16 (9321/10000 = 93.21%)  [100 examples/s]"
    assert " ".join(" ".join(lines).split()) == " ".join(whole.split())
    assert max(map(len, lines)) <= width


def test_a_dumb_terminal_and_a_file_have_lines() -> None:
    assert type(make_display("mnist", 1, 1, console(80, term="dumb"))) is LineDisplay
    assert type(make_display("mnist", 1, 1, console(80, terminal=False))) is LineDisplay
    screen = console(40, terminal=False)
    LineDisplay(screen, "mnist", 5000, 3).on_epoch(Progress([RECORD]), no_evaluation())
    assert isinstance(screen.file, io.StringIO)
    assert screen.file.getvalue().count("\n") == 1


def test_lines_name_the_compilation_and_long_epochs(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = console(80, terminal=False)
    display = LineDisplay(screen, "mnist", 5000, 3, 15)
    for name in ("a", "b", "c", "d"):
        display.on_kernel(name, "loaded")
    display.on_kernel("e", "compiling")
    display.on_kernel("e", "compiled")
    monkeypatch.setattr(module, "SILENCE", -1.0)
    display.on_step(Progress([], 1200, 600.0, 300, 1.0))
    assert isinstance(screen.file, io.StringIO)
    assert screen.file.getvalue().splitlines() == [
        "compiling kernels, once per machine: 4 of 15",
        "compiling kernels: 5 of 15",
        "compiled 1 kernel in 0 s",
        "epoch 1/3: 1,200 of 5,000 examples, loss 0.5000",
    ]


def test_an_epoch_with_compilations_has_no_speed() -> None:
    screen = console(80, terminal=False)
    display = LineDisplay(screen, "mnist", 5000, 3)
    display.on_kernel("a", "compiling")
    display.on_kernel("a", "compiled")
    display.on_step(Progress([], 1200, 600.0, 300, 1.0))
    for _ in range(2):
        display.on_epoch(Progress([RECORD]), no_evaluation())
    assert isinstance(screen.file, io.StringIO)
    with_compilation, without = screen.file.getvalue().splitlines()[-2:]
    assert without == f"{with_compilation}  [100 examples/s]"


def no_evaluation() -> Evaluation:
    return Evaluation(0.0, np.zeros((0, 2)), np.zeros(0, np.int64))
