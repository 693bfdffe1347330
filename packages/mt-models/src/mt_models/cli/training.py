"""Training runs of the command line: start, resume, display, summary."""

import shlex
import sys
from collections.abc import Mapping
from contextlib import ExitStack, nullcontext
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from mt_kernels_cpu import observe_kernels
from mt_models.cli.examples import typed_form
from mt_models.cli.folders import RUNS, check_folder, latest_folder, new_folder, saving_in
from mt_models.cli.ranks import agreeing, announce
from mt_models.files import replace_file
from mt_models.generation import generate
from mt_models.pictures import draw_run
from mt_models.problems import Examples, Problem, Text
from mt_models.recipes import Recipe, recipe_of
from mt_models.runs import SAMPLES
from mt_models.training import (
    BEST,
    LAST,
    SINGLE,
    Follower,
    Observer,
    Progress,
    Run,
    Settings,
    StopOnSignal,
    check_circumstances,
    checkpoint_of_first,
    finished,
    last_checkpoint,
    make_display,
    restore,
    run_lock,
    train,
)
from mt_nn import Checkpoint, load_checkpoint
from mt_nn.distributed import Communicator, Measured, traffic_table

PROMPT = 16
"""The number of tokens of the validation text from which the samples begin."""
SAMPLE = 400
"""The number of tokens of a sample."""

INTERRUPTED = 130
"""The exit code of a run that Ctrl-C stopped: 128 + SIGINT, as in shells."""


def start(
    recipe: Recipe,
    settings: Settings,
    out: Path | None,
    *,
    strict_batches: bool = False,
    communicator: Communicator = SINGLE,
) -> None:
    """Start a new run.

    Args:
        recipe: The options.
        settings: The settings of training.
        out: The run's folder, by default the next in `runs`.
        strict_batches: True to refuse batches that are larger than the training set.
        communicator: The ranks that train together; rank 0 writes and prints.

    Raises:
        click.UsageError: The folder contains a run or other files, it cannot be written, or the
            batches are too large.
    """
    console = _console(communicator)
    with agreeing(communicator):
        if out is not None and communicator.rank == 0:
            with saving_in(out):
                check_folder(recipe.problem, out)
        # Built first, so that an error leaves no folder behind.
        problem = _built(recipe, console)
        examples = problem.epoch_size
        if strict_batches and settings.batch_size > examples:
            raise click.UsageError(
                f"--batch-size is {settings.batch_size:,}, and there are {examples:,} training "
                f"examples; pass at most {examples}"
            )
    with ExitStack() as stack:
        with agreeing(communicator):
            _check_circumstances(communicator, problem, recipe, settings)
        with agreeing(communicator):
            folder = Path()
            if communicator.rank == 0:
                with saving_in(out or RUNS):
                    folder = new_folder(recipe.problem, out)
                    stack.enter_context(run_lock(folder))
                # Another process may have finished a run in the folder since the first check.
                check_folder(recipe.problem, folder)
        _train(console, recipe, problem, settings, folder, None, communicator)


def resume(
    problem: str,
    out: Path | None,
    options: Mapping[str, Any],
    communicator: Communicator = SINGLE,
) -> None:
    """Continue a run from its last checkpoint.

    Args:
        problem: The problem of the command.
        out: The run's folder, by default that of the unfinished run that was saved last.
        options: The options that the user typed. `epochs` and `patience` replace those of the
            run; other options must agree with it.
        communicator: The ranks that go on together, as many as before or not.
    """
    console = _console(communicator)
    changes = {name: options[name] for name in ("epochs", "patience") if name in options}
    with ExitStack() as stack:
        with agreeing(communicator):
            folder, found = Path(), None
            if communicator.rank == 0:
                folder = latest_folder(problem, out, changes)
                if not (folder / LAST).is_file():
                    last_checkpoint(folder)  # Raises the error.
                stack.enter_context(run_lock(folder))
                found = last_checkpoint(folder)
        checkpoint = checkpoint_of_first(communicator, found)
        with agreeing(communicator):
            recipe, settings = _resumed(problem, checkpoint, changes, options)
            built = _built(recipe, console)
        with agreeing(communicator):
            _check_circumstances(communicator, built, recipe, settings)
        if out is None:
            done = checkpoint.step
            console.print(f"continuing {folder} after {done} of {settings.epochs} epochs")
        _train(console, recipe, built, settings, folder, checkpoint, communicator)


def _resumed(
    problem: str, checkpoint: Checkpoint, changes: Mapping[str, Any], options: Mapping[str, Any]
) -> tuple[Recipe, Settings]:
    """Return the recipe and the settings of a run that goes on.

    Raises:
        click.UsageError: The options do not fit the run.
    """
    folder = checkpoint.path.parent
    recipe = recipe_of(checkpoint)
    if recipe.problem != problem:
        raise click.UsageError(
            f"{folder} contains a run of {recipe.problem}; resume it with "
            f"`{typed_form()} train {recipe.problem} --resume`, or choose another folder"
        )
    settings = replace(Settings(**checkpoint.meta["settings"]), **changes)
    progress = Progress.from_json(checkpoint.meta["progress"])
    if progress.examples_seen and finished(progress, settings):
        raise click.UsageError(
            f"the run in {folder} is in the middle of epoch {progress.epoch}, after the last "
            "epoch that --epochs or --patience allow; pass a larger number, or leave the "
            "option out"
        )
    kept = {**recipe.to_json(), **asdict(settings)}
    for name, value in options.items():
        if name in kept and kept[name] != value:
            raise click.UsageError(
                f"the run in {folder} has {name} = {kept[name]!r}, not {value!r}; a resumed "
                "run keeps its options (only --epochs and --patience may change): leave it "
                "out, or start a new run without --resume"
            )
    return recipe, settings


def _check_circumstances(
    communicator: Communicator, problem: Problem, recipe: Recipe, settings: Settings
) -> None:
    """Raise CommunicationError unless all ranks have equal data, code and options."""
    if communicator.size > 1:
        options = {**recipe.to_json(), **asdict(settings)}
        # The checksums compare the data; its place may differ from machine to machine.
        options.pop("data", None)
        check_circumstances(communicator, problem, options)


def _console(communicator: Communicator) -> Console:
    """Return the console of rank 0; that of the others prints nothing."""
    # Markup is off: paths and options may contain brackets and colons.
    quiet = communicator.rank > 0
    return Console(soft_wrap=True, markup=False, emoji=False, highlight=False, quiet=quiet)


def _built(recipe: Recipe, console: Console) -> Problem:
    """Build the problem; a terminal shows that data are read."""
    waiting = nullcontext() if console.is_dumb_terminal else console.status("reading the data")
    with waiting:
        return recipe.build()


def _train(
    console: Console,
    recipe: Recipe,
    problem: Problem,
    settings: Settings,
    folder: Path,
    checkpoint: Checkpoint | None,
    communicator: Communicator,
) -> None:
    """Train, display and save a run; print a summary, or the command to resume."""
    optimizer = recipe.make_optimizer(problem.network.parameters())
    schedule = recipe.make_schedule(settings.steps(problem.epoch_size))

    def run_on(observer: Observer) -> Progress:
        progress = None
        if checkpoint is not None:
            with agreeing(communicator):
                progress = restore(checkpoint, problem, optimizer)
        progress = train(
            problem, optimizer, settings, observer, progress, schedule, communicator=communicator
        )
        if isinstance(communicator, Measured):
            console.print(traffic_table(communicator.traffic()))
        return progress

    if communicator.rank > 0:
        with StopOnSignal(is_quiet=True) as stop:
            run_on(Follower(stop))
        return
    header = recipe.header(problem, settings)
    if communicator.size > 1:
        header = (*header, f"{communicator.size} ranks, each on its part of every batch")
    for line in header:
        console.print(line, soft_wrap=not console.is_terminal)
    stop = StopOnSignal()
    display = make_display(
        problem.name, problem.epoch_size, settings.epochs, console, recipe.kernels
    )
    if checkpoint is not None:
        progress = Progress.from_json(checkpoint.meta["progress"])
        display.compiled_in_epoch = progress.examples_seen > 0
    run = Run(folder, problem, optimizer, settings, recipe.to_json(), header, display, stop)
    announce(folder / LAST, _command_to_continue(run, communicator.size))
    try:
        with stop, display, observe_kernels(display.on_kernel):
            progress = run_on(run)
        if finished(progress, settings):
            _sum_up(console, problem, run, progress)
        else:
            run.save(progress)
            way_on = _way_on(run, communicator.size)
            console.print(f"\nStopped in epoch {progress.epoch}. {way_on}")
    except KeyboardInterrupt:
        console.print(f"\nStopped at once. {_way_on(run, communicator.size)}")
        if communicator.size > 1:
            raise  # Ends the other ranks.
        sys.exit(INTERRUPTED)
    if run.unsaved:
        problems = "".join(f"\n  {message}" for message in run.unsaved.values())
        way_on = _way_on(run, communicator.size)
        raise click.ClickException(f"not all results are saved:{problems}\n{way_on}")
    if stop.received is not None:
        sys.exit(128 + stop.received)


def _way_on(run: Run, ranks: int) -> str:
    """Return how to continue a run."""
    if not (run.folder / LAST).is_file():
        return "No state is saved: start the run again."
    return _command_to_continue(run, ranks)


def _command_to_continue(run: Run, ranks: int) -> str:
    folder = shlex.quote(str(run.folder))
    return (
        f"Continue from the last saved state with:\n"
        f"  {typed_form()} train {run.problem.name} --resume --out {folder}"
        + (f" --ranks {ranks}" if ranks > 1 else "")
    )


def _sum_up(console: Console, problem: Problem, run: Run, progress: Progress) -> None:
    """Print the last and the best epoch, evaluate the test split, and draw the pictures."""
    last, best = progress.records[-1], progress.best
    assert best is not None
    if progress.metric == "loss":
        summary = [
            f"last epoch {last.epoch}: loss {last.validation_loss:.4f} of "
            f"{last.validation_total:,} validation tokens, {last.validation_accuracy:.2%} right",
            f"best epoch {best.epoch}: loss {best.validation_loss:.4f}",
        ]
    else:
        summary = [
            f"last epoch {last.epoch}: {last.validation_accuracy:.2%} of "
            f"{last.validation_total:,} validation examples",
            f"best epoch {best.epoch}: {best.validation_accuracy:.2%}",
        ]
    # A terminal breaks lines between words; a file or a pipe has whole lines.
    wraps = console.is_terminal
    console.print()
    for line in summary:
        console.print(line, soft_wrap=not wraps)
    if LAST in run.unsaved:
        run.save(progress)
    # A finished run that is resumed has no evaluation in this process.
    evaluation = run.evaluation or problem.evaluate(problem.validation)
    pictures: list[Path] = []
    run.attempt(
        "pictures",
        lambda: pictures.extend(draw_run(run.folder, problem, progress.records, evaluation)),
    )
    written = [path.name for path in pictures]
    if isinstance(problem, Text) and run.attempt(SAMPLES, lambda: _write_samples(run, problem)):
        written.insert(0, SAMPLES)
    if problem.test is not None or run.unsaved_best is not None:
        _restore_best(run, progress)
    if problem.test is not None:
        summary.append(_test_line(problem, problem.test, best.epoch))
        console.print(summary[-1])
    run.write_log(progress, tuple(summary))
    names = ", ".join([f"{problem.name}.txt", f"{problem.name}.jsonl", BEST, *written])
    files = f"{run.folder}/: {names}"
    console.print(files, soft_wrap=not wraps)
    if isinstance(problem, Text):
        console.print(f"Continue a text with:\n  {typed_form()} generate --run {run.folder}")


def _write_samples(run: Run, problem: Text) -> None:
    """Write how the network continues the beginning of the validation text, in three ways."""
    start = problem.tokenizer.decode(problem.validation_start(PROMPT))
    parts = []
    for temperature in (0.0, 0.8, 1.0):
        continued = "".join(
            generate(
                problem.network,
                problem.tokenizer,
                start,
                length=SAMPLE,
                temperature=temperature,
                seed=0,
            )
        )
        parts.append(f"--- temperature {temperature:g}, seed 0 ---\n{start}{continued}\n")
    replace_file(run.folder / SAMPLES, "\n".join(parts).encode())


def _restore_best(run: Run, progress: Progress) -> None:
    """Load the network of the best epoch; save it if that has failed before."""
    if run.unsaved_best is None:
        load_checkpoint(run.folder / BEST).restore(run.problem.network)
        return
    run.problem.network.load_state_dict(run.unsaved_best)
    run.save_best(progress)


def _test_line(problem: Problem, test: Examples, epoch: int) -> str:
    """Evaluate the test examples, and return the line."""
    result = problem.evaluate(test)
    return f"test split, at the best epoch {epoch}: {result.accuracy:.2%} of {len(result.labels):,}"
