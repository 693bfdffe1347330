"""One run of the autograder of Classroom 50, started by `autograder.py` in the learner's checkout.

`python -m grading.deployment.classroom50 SETTINGS CHECKOUT` grades the checkout with `grade`
and writes the files of the release. All of them are made from the report that the learner may see,
because Classroom 50 publishes them.
"""

import json
import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import Any

import click
import msgspec

from grading.cli import main as grading
from grading.cli.files import write_reports
from grading.cli.policy import loaded
from grading.cli.under_policy import show_to_learner
from grading.judge.exit_codes import FAILED, HARNESS, OK, USAGE
from grading.judge.records import (
    VERSION,
    GroupResult,
    IsolationRecord,
    Report,
    Status,
    SubmissionRecord,
    TaskResult,
    from_json,
)
from grading.judge.run import machine_record
from grading.judge.text import clean_line
from grading.judge.version import grader_commit
from grading.reports.classroom50 import (
    Identity,
    ScoreError,
    refusal,
    release_body,
    result,
    scores_of,
)
from grading.reports.files import replace_file
from grading.submissions.submission import Submission, SubmissionError
from grading.tasks.model import Task
from grading.tasks.selection import chosen_tasks
from grading.tasks.table import table

POLICY = "policy.toml"
"""The policy of the course, beside the settings."""

PAGE = "report.html"
"""The release asset with the complete report."""

IDENTITY = {
    "classroom": "CLASSROOM",
    "assignment": "ASSIGNMENT",
    "submission": "SUBMISSION_TAG",
    "commit": "COMMIT_URL",
    "release": "RELEASE_URL",
    "review": "REVIEW_URL",
}
"""The environment variable of each field of the identity."""


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The settings of an assignment, `settings.json`.

    Attributes:
        grader: URL of the repository with the grader.
        tag: The tag of the grader.
        tasks: The tasks.
        options: Options of `grade`.
        factor: Number by which points are multiplied, so that scores are whole numbers.
    """

    grader: str
    tag: str
    tasks: tuple[str, ...]
    options: tuple[str, ...] = ()
    factor: int = 1


class MissingVariableError(ValueError):
    """A variable of Classroom 50 is missing; the message names it."""


def identity_of(environment: Mapping[str, str]) -> Identity:
    """Return the identity of the submission from the variables of Classroom 50.

    The URL of the commit stands for an empty `REVIEW_URL`.

    Raises:
        MissingVariableError: Another variable is missing or empty.
    """
    values = {field: environment.get(name, "") for field, name in IDENTITY.items()}
    values["review"] = values["review"] or values["commit"]
    missing = [IDENTITY[field] for field, value in values.items() if not value]
    if missing:
        raise MissingVariableError(
            f"missing environment variables: {', '.join(missing)}; Classroom 50 sets them. To "
            "grade a folder elsewhere, use `hatch run grade --submission PATH`"
        )
    return Identity(**values)


def time_of_push(environment: Mapping[str, str]) -> datetime | None:
    """Return the time of the push, which GitHub sets; None if the event has none.

    The time of a commit is set by its author, and the present time is too late if the run is
    repeated.
    """
    try:
        event: Any = json.loads(Path(environment["GITHUB_EVENT_PATH"]).read_bytes())
        # In the events of pushes it is a number of seconds.
        return datetime.fromtimestamp(int(event["repository"]["pushed_at"]), UTC)
    except (KeyError, OSError, ValueError, TypeError, OverflowError):
        return None


def main(arguments: Sequence[str], environment: Mapping[str, str], now: datetime) -> int:
    """Grade a checkout and return the exit code: 0, or that of an error without a result.

    Args:
        arguments: The paths of the settings and of the checkout.
        environment: The environment variables.
        now: The present time.
    """
    file, checkout = map(Path, arguments)
    rules: dict[str, str] = {}
    try:
        settings = msgspec.json.decode(file.read_bytes(), type=Settings)
        identity = identity_of(environment)
        tasks = chosen_tasks(settings.tasks)
    except (OSError, msgspec.DecodeError, MissingVariableError, click.UsageError) as error:
        print(f"{file}: {error}", file=sys.stderr)
        return USAGE
    if (policy := file.with_name(POLICY)).exists():
        at = time_of_push(environment) or now
        rules = {"--policy": str(policy), "--handed-in": at.isoformat()}
        rules |= {"--learner": environment["USERNAME"]} if environment.get("USERNAME") else {}
    with tempfile.TemporaryDirectory() as folder:
        files = {"json": Path(folder) / "report.json", "html": checkout / PAGE}
        refused = _refused(checkout)
        if refused:
            try:
                _report_refusal(refused, checkout, tasks, rules, files, now)
            except click.UsageError as error:
                error.show()
                return USAGE
        else:
            given = {**rules, "--submission": str(checkout)}
            given |= {f"--{name}": str(path) for name, path in files.items()}
            command = ["grade", *(task.marker for task in tasks), *settings.options]
            code = grading([*command, *chain.from_iterable(given.items())])
            if code not in (OK, FAILED):
                return code
        shown = from_json(files["json"].read_bytes())
    try:
        if refused:
            tests = refusal(shown.max_points, settings.factor)
        else:
            tests = scores_of(shown, settings.factor)
    except ScoreError as error:
        print(error, file=sys.stderr)
        return HARNESS
    body = release_body(shown, settings.factor, PAGE, refused)
    replace_file(checkout / "release-body.md", body)
    replace_file(checkout / "result.json", result(tests, identity, now))
    return OK


def _refused(checkout: Path) -> str:
    """Return the reason why a folder is not a submission; empty if it is one."""
    try:
        Submission.at(checkout)
    except SubmissionError as error:
        return clean_line(str(error))
    return ""


def _report_refusal(
    reason: str,
    checkout: Path,
    tasks: Sequence[Task],
    rules: Mapping[str, str],
    files: Mapping[str, Path],
    now: datetime,
) -> None:
    """Write the report of a folder that is not a submission: no task is there."""
    report = Report(
        version=VERSION,
        created=now.isoformat(timespec="seconds"),
        seconds=0.0,
        seed=None,
        submission=SubmissionRecord(clean_line(checkout.name), clean_line(str(checkout))),
        machine=machine_record(),
        isolation=IsolationRecord("not needed"),
        tasks=tuple(_absent(task, reason) for task in tasks),
        modules={module.number: module.title for module in table().modules},
        grader=grader_commit(),
    )
    if not rules:
        write_reports(report, files)
        return
    course, learner = loaded(Path(rules["--policy"])), rules.get("--learner")
    at = rules["--handed-in"]
    show_to_learner(report, course, files, learner, at, None, require_all=False, verbose=False)


def _absent(task: Task, reason: str) -> TaskResult:
    groups = tuple(
        GroupResult(group.name, Status.NOT_THERE, None, group.points, reason)
        for group in task.groups
    )
    return TaskResult(
        id=task.id,
        title=task.title,
        module=task.module,
        status=Status.NOT_THERE,
        points=None,
        max_points=task.points,
        reason=reason,
        doc=task.doc,
        groups=groups,
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ, datetime.now(UTC)))
