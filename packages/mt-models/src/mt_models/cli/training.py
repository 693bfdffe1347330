"""Training runs of the command line: start, resume, display, summary."""

import os
import shlex
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from mt_models.cli.folders import latest_folder, new_folder
from mt_models.pictures import draw_run
from mt_models.problems import Examples, Problem
from mt_models.recipes import Recipe, recipe_of
from mt_models.training import (
    BEST,
    Progress,
    Run,
    Settings,
    StopOnSignal,
    finished,
    last_checkpoint,
    make_display,
    train,
    write_logs,
)
from mt_nn import Checkpoint, load_checkpoint

INTERRUPTED = 130
"""The exit code of a run that Ctrl-C stopped: 128 + SIGINT, as in shells."""


def start(recipe: Recipe, settings: Settings, out: Path | None) -> None:
    """Start a new run."""
    # Built first, so that an error leaves no folder behind.
    problem = recipe.build()
    _train(recipe, problem, settings, new_folder(recipe.problem, out), None)


def resume(problem: str, out: Path | None, options: Mapping[str, Any]) -> None:
    """Continue a run from its last checkpoint.

    Args:
        problem: The problem of the command.
        out: The run's folder, by default the latest.
        options: The options that the user typed. `epochs` and `patience` replace those of the
            run; other options must agree with it.
    """
    folder = latest_folder(problem, out)
    checkpoint = last_checkpoint(folder)
    recipe = recipe_of(checkpoint)
    if recipe.problem != problem:
        raise click.UsageError(
            f"{folder} contains a run of {recipe.problem}; resume it with "
            f"`train {recipe.problem}`, or choose another folder"
        )
    settings = Settings(**checkpoint.meta["settings"])
    for name in ("epochs", "patience"):
        if name in options:
            settings = replace(settings, **{name: options[name]})
    progress = Progress.from_json(checkpoint.meta["progress"])
    if progress.examples_seen and finished(progress, settings):
        raise click.UsageError(
            f"the run in {folder} is in the middle of epoch {progress.epoch}, after the last epoch "
            "that --epochs or --patience allow; pass a larger number, or leave the option out"
        )
    kept = {**recipe.to_json(), "batch_size": settings.batch_size}
    for name, value in options.items():
        if name in kept and kept[name] != value:
            raise click.UsageError(
                f"the run in {folder} has {name} = {kept[name]!r}, not {value!r}; a resumed run "
                "keeps its options (only --epochs and --patience may change): leave it out, or "
                "start a new run without --resume"
            )
    _train(recipe, recipe.build(), settings, folder, checkpoint)


def _train(
    recipe: Recipe,
    problem: Problem,
    settings: Settings,
    folder: Path,
    checkpoint: Checkpoint | None,
) -> None:
    """Train, display and save a run; print a summary, or after Ctrl-C the command to resume."""
    # Markup is off: paths and options may contain brackets and colons.
    console = Console(soft_wrap=True, markup=False, emoji=False, highlight=False)
    optimizer = recipe.make_optimizer(problem.network.parameters())
    header = recipe.header(problem, settings)
    for line in header:
        console.print(line)
    with (
        StopOnSignal() as stop,
        make_display(problem.name, len(problem.train), settings.epochs, console) as display,
    ):
        run = Run(folder, problem, optimizer, settings, recipe.to_json(), header, display, stop)
        progress = None if checkpoint is None else run.resume(checkpoint)
        schedule = recipe.make_schedule(settings.steps(len(problem.train)))
        progress = train(problem, optimizer, settings, run, progress, schedule)
    if not finished(progress, settings):
        run.save(progress)
        console.print(
            f"\nStopped in epoch {progress.epoch}. Continue with:\n"
            f"  {_program()} train {recipe.problem} --resume --out {shlex.quote(str(folder))}"
        )
        sys.exit(INTERRUPTED)
    _sum_up(console, problem, run, progress)


def _program() -> str:
    """Return the command that started this program. Hatch sets a variable for its commands."""
    return "hatch run" if "HATCH_ENV_ACTIVE" in os.environ else "python -m mt_models"


def _sum_up(console: Console, problem: Problem, run: Run, progress: Progress) -> None:
    """Print the last and the best epoch, evaluate the test split, and draw the pictures."""
    last, best = progress.records[-1], progress.best
    assert best is not None
    summary = [
        f"last epoch {last.epoch}: {last.validation_accuracy:.2%} of "
        f"{last.validation_total:,} validation examples",
        f"best epoch {best.epoch}: {best.validation_accuracy:.2%}",
    ]
    # A finished run that is resumed has no evaluation in this process.
    evaluation = run.evaluation or problem.evaluate(problem.validation)
    pictures = draw_run(run.folder, problem, progress.records, evaluation)
    if problem.test is not None:
        summary.append(_test_line(problem, problem.test, run))
    write_logs(run.folder, problem.name, (*run.header, *summary), progress.records)
    console.print()
    for line in summary:
        console.print(line)
    names = ", ".join(path.name for path in pictures)
    console.print(f"{run.folder}/: {problem.name}.txt, {problem.name}.jsonl, {BEST}, {names}")


def _test_line(problem: Problem, test: Examples, run: Run) -> str:
    """Evaluate the test examples with the network of the best epoch, and return the line."""
    checkpoint = load_checkpoint(run.folder / BEST)
    checkpoint.restore(problem.network)
    result = problem.evaluate(test)
    return (
        f"test split, at the best epoch {checkpoint.step}: {result.accuracy:.2%} of "
        f"{len(result.labels):,}"
    )
