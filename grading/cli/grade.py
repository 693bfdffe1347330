"""`grade`: judge a submission, show the report and write it in other formats."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import click
from rich.status import Status as Spinner

from grading.cli.choosing import opened_hand_in
from grading.cli.files import FORMATS, GivenPath, check_paths, write_reports
from grading.cli.policy import loaded
from grading.cli.stored_results import store_results
from grading.judge.exit_codes import exit_code
from grading.judge.records import Report
from grading.judge.run import Plan, draw_seed, judge
from grading.paths import ROOT
from grading.reports import terminal
from grading.reports.files import replace_file
from grading.scaffold.earlier import with_ways
from grading.submissions.submission import Submission, SubmissionError
from grading.tasks.model import Task
from grading.tasks.selection import chosen_tasks
from grading.tasks.table import table


def with_formats(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add an option for each format of a report."""
    for name, (description, _) in reversed(FORMATS.items()):
        command = click.option(
            f"--{name}",
            type=GivenPath(dir_okay=False, path_type=Path),
            metavar="FILE",
            help=f"Write {description}.",
        )(command)
    return command


@click.command()
@click.argument("names", nargs=-1, metavar="[TASK | MODULE]...")
@click.option(
    "--submission",
    multiple=True,
    type=GivenPath(path_type=Path),
    metavar="PATH",
    help="The folder or archive to judge, in this repository's layout or the course's; here by "
    "default. Repeat it for several archives of one hand-in.",
)
@click.option(
    "--unpacked",
    type=GivenPath(exists=True, file_okay=False, path_type=Path),
    metavar="DIR",
    help="The folder in which archives are unpacked for the run; a temporary one by default.",
)
@click.option(
    "--batch",
    type=GivenPath(path_type=Path),
    metavar="DIR",
    help="Judge every submission in a folder: folders, archives, or the unpacked download of "
    "Canvas, Moodle or Blackboard.",
)
@click.option(
    "--jobs",
    type=click.IntRange(min=1),
    metavar="N",
    help="Judge N submissions of a batch at the same time.",
)
@click.option("--scheduler", metavar="ADDRESS", help="Judge a batch on a Dask cluster.")
@click.option(
    "--out",
    type=GivenPath(file_okay=False, path_type=Path),
    metavar="DIR",
    help="The folder for the results of a batch.",
)
@click.option("--similar", is_flag=True, help="With --batch: list similar functions.")
@click.option(
    "--earlier",
    multiple=True,
    type=GivenPath(exists=True, file_okay=False, path_type=Path),
    metavar="DIR",
    help="With --similar: compare with the submissions of an earlier year, too. Can be repeated.",
)
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    metavar="N",
    help="Use the inputs of the run with this seed.",
)
@click.option("--no-speed", is_flag=True, help="Do not measure speed.")
@click.option(
    "--policy",
    type=GivenPath(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Apply the rules of a course, such as course.toml; reports are those for learners.",
)
@click.option("--learner", metavar="NAME", help="With --policy: the learner of the submission.")
@click.option("--handed-in", metavar="TIME", help="With --policy: the time of the hand-in.")
@click.option(
    "--metadata",
    type=GivenPath(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="With --policy: learner and time in Gradescope's submission_metadata.json.",
)
@click.option(
    "--into",
    multiple=True,
    type=GivenPath(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="With --batch and --policy: fill in the grades of an export of Canvas or Moodle.",
)
@click.option("--override", metavar="LEARNER", help="Set points of a learner in --out by hand.")
@click.option("--group", metavar="NAME", help="With --override: the group of the task.")
@click.option("--points", metavar="N", help='With --override: a number, "excused" or "withdrawn".')
@click.option("--reason", metavar="TEXT", help="With --override: the reason.")
@click.option("--by", metavar="NAME", help="With --override: the instructor; you by default.")
@click.option("--simulate", is_flag=True, help="Run CUDA tasks on numba's simulator.")
@click.option("--watch", is_flag=True, help="Judge again on every save.")
@click.option("--require-all", is_flag=True, help="Count tasks that were not judged as failed.")
@click.option("--strict-isolation", is_flag=True, help="Refuse to judge without a sandbox.")
@click.option(
    "--progress",
    type=GivenPath(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Keep the current task and check in FILE, as JSON.",
)
@click.option("-v", "--verbose", is_flag=True, help="Show every check, explain every failure.")
@with_formats
def grade(
    names: tuple[str, ...],
    submission: tuple[Path, ...],
    unpacked: Path | None,
    batch: Path | None,
    jobs: int | None,
    scheduler: str | None,
    out: Path | None,
    similar: bool,
    earlier: tuple[Path, ...],
    seed: int | None,
    no_speed: bool,
    policy: Path | None,
    learner: str | None,
    handed_in: str | None,
    metadata: Path | None,
    into: tuple[Path, ...],
    override: str | None,
    group: str | None,
    points: str | None,
    reason: str | None,
    by: str | None,
    simulate: bool,
    watch: bool,
    require_all: bool,
    strict_isolation: bool,
    progress: Path | None,
    verbose: bool,
    **files: Path | None,
) -> int:
    """Judge solutions of the course's tasks.

    TASK is written as task4_2, MODULE as module4; without any, everything is judged.
    """
    by_hand = {"--group": group, "--points": points, "--reason": reason, "--by": by}
    hand_in = {"--learner": learner, "--handed-in": handed_in, "--metadata": metadata}
    if not similar:
        _refuse({"--earlier": earlier or None}, "needs --similar")
    if override is None:
        _refuse(by_hand, "needs --override LEARNER")
    if policy is None:
        _refuse({**hand_in, "--into": into or None}, "needs --policy FILE")
    course = None if policy is None else loaded(policy)
    if override is not None:
        from grading.cli.override import set_points

        return set_points(
            override,
            chosen_tasks(names) if names else (),
            out=out,
            course=course,
            group=group,
            points=points,
            reason=reason,
            by=by,
        )
    tasks = chosen_tasks(names or (() if course is None else course.policy.tasks))
    check_paths({**files, "progress": progress})
    if batch is not None:
        _refuse_with_batch(submission, watch, verbose, files)
        _refuse(hand_in, "cannot be combined with --batch; the policy says it for a class")
        _refuse({"--unpacked": unpacked, "--progress": progress}, "cannot be combined with --batch")
        from grading.cli.batch import grade_class

        flags = {
            "--no-speed": no_speed,
            "--simulate": simulate,
            "--require-all": require_all,
            "--strict-isolation": strict_isolation,
        }
        return grade_class(
            batch,
            tasks,
            [flag for flag, is_set in flags.items() if is_set],
            seed=seed,
            jobs=jobs,
            scheduler=scheduler,
            out=out,
            csv=files["csv"],
            course=course,
            into=into,
            similar=similar,
            earlier=earlier,
        )
    of_batch = {"--jobs": jobs, "--scheduler": scheduler, "--out": out, "--into": into or None}
    of_batch["--similar"] = similar or None
    _refuse(of_batch, "needs --batch DIR")
    with opened_hand_in(submission or (ROOT,), tasks, unpacked) as opened:
        found = opened.submission
        plan = Plan(
            submission=found,
            tasks=tasks,
            seed=draw_seed() if seed is None else seed,
            simulate=simulate,
            speed=not no_speed,
            isolation="required" if strict_isolation else "best",
            reference=_reference(found, tasks),
        )

        def once() -> int:
            judged = with_ways(judge_visibly(plan, progress), found, tasks, table())
            report = opened.named(judged)
            if course is not None:
                from grading.cli.under_policy import show_to_learner

                return show_to_learner(
                    report, course, files, learner, handed_in, metadata, require_all, verbose
                )
            terminal.show(report, terminal.console(), verbose)
            write_reports(report, files)
            if not opened.is_unpacked:
                store_results(report, found)
            return exit_code(report, require_all)

        if watch:
            if opened.is_unpacked:
                raise click.UsageError("--watch needs a folder; unpack the archive first")
            from grading.cli.watching import watch_and

            return watch_and(once, found.root)
        return once()


def judge_visibly(plan: Plan, file: Path | None = None) -> Report:
    """Judge a submission; show the current task and check in a terminal, and keep them in a file.

    Args:
        plan: The options of the run.
        file: A file that is replaced by a JSON object at each check; None for no file.
    """
    console = terminal.console()
    with Spinner("", console=console) as spinner:

        def progress(task: Task, check: str) -> None:
            title = f"{task.id}  {task.title}"
            spinner.update(f"judging {title}" + (f": {check}" if check else ""))
            if file is not None:
                replace_file(file, json.dumps({"task": title, "check": check}).encode())

        return judge(plan, table(), progress)


def _refuse(options: Mapping[str, object], why: str) -> None:
    """Refuse options that have a value.

    Raises:
        click.UsageError: One of the options is set.
    """
    for option, value in options.items():
        if value is not None:
            raise click.UsageError(f"{option} {why}")


def _refuse_with_batch(
    submission: tuple[Path, ...], watch: bool, verbose: bool, files: Mapping[str, Path | None]
) -> None:
    """Refuse options for a single submission.

    Raises:
        click.UsageError: One of these options is set.
    """
    options: dict[str, object] = {
        "--submission": submission or None,
        "--watch": watch or None,
        "--verbose": verbose or None,
    }
    options |= {f"--{name}": path for name, path in files.items() if name != "csv"}
    for option, value in options.items():
        if value is not None:
            raise click.UsageError(
                f"{option} cannot be combined with --batch; the results of a batch contain "
                "report.json and report.html of each submission"
            )


def _reference(submission: Submission, tasks: Sequence[Task]) -> Submission | None:
    """Return the reference solution; None if it is judged itself or incomplete."""
    if submission.root == ROOT:
        return None
    try:
        here = Submission.at(ROOT)
    except SubmissionError:
        return None
    return None if any(here.open(task.holes) for task in tasks) else here
