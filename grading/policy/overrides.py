"""Points that an instructor sets by hand, in a log beside the results of a class.

The log `overrides.jsonl` has one line for each change and is only extended. The last line for a
learner, task and group counts.
"""

from collections.abc import Sequence
from pathlib import Path

import msgspec

from grading.judge.decide import Evidence as TaskEvidence
from grading.judge.decide import decide, reason, set_by_hand, total
from grading.judge.records import GroupResult, Override, Report, TaskResult
from grading.judge.text import clean_line
from grading.policy.load import PolicyError

LOG = "overrides.jsonl"


class Change(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One line of the log.

    Attributes:
        learner: The learner.
        override: The points, with reason, instructor and time.
        withdrawn: True if an earlier override of the same points ends.
    """

    learner: str
    override: Override
    withdrawn: bool = False


def read_log(folder: Path) -> list[Change]:
    """Return all changes, the first first; none without a log.

    Raises:
        PolicyError: A line is not a change; the message names file and line.
    """
    path = folder / LOG
    try:
        lines = path.read_bytes().splitlines()
    except FileNotFoundError:
        return []
    changes = []
    for number, line in enumerate(lines, start=1):
        try:
            changes.append(msgspec.json.decode(line, type=Change))
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise PolicyError(f"{path}:{number}: this is not an override: {error}") from None
    return changes


def append_to_log(folder: Path, change: Change) -> None:
    """Add a change to the log.

    Raises:
        PolicyError: There is nothing to withdraw.
    """
    if change.withdrawn and _target(change) not in overrides_by_target(read_log(folder)):
        raise PolicyError(
            f"{change.learner} has no such override; {folder / LOG} lists all of them"
        )
    with (folder / LOG).open("ab") as file:
        file.write(msgspec.json.encode(change) + b"\n")


def overrides_by_target(changes: Sequence[Change]) -> dict[tuple[str, str, str], Override]:
    """Return the overrides that count, by learner, task and group."""
    found: dict[tuple[str, str, str], Override] = {}
    for change in changes:
        found.pop(_target(change), None)
        if not change.withdrawn:
            found[_target(change)] = change.override
    return found


def of_learner(changes: Sequence[Change], learner: str) -> tuple[Override, ...]:
    """Return the overrides of a learner that count."""
    found = overrides_by_target(changes)
    return tuple(override for (who, _, _), override in found.items() if who == learner)


def with_overrides(report: Report, overrides: Sequence[Override]) -> Report:
    """Return a report with the points of tasks and groups that were set by hand."""
    of_tasks = [each for each in overrides if each.task]
    if not of_tasks:
        return report
    tasks = tuple(
        _with_overrides(task, [each for each in of_tasks if each.task == task.id])
        for task in report.tasks
    )
    return msgspec.structs.replace(report, tasks=tasks)


def _with_overrides(task: TaskResult, overrides: Sequence[Override]) -> TaskResult:
    """Return a task with its overrides; one of the whole task replaces its groups."""
    groups = task.groups
    for each in sorted(overrides, key=lambda override: bool(override.group)):
        groups = _with_override(groups, each)
    if groups == task.groups:
        return task
    advice = tuple(check.status for check in task.advice)
    evidence = TaskEvidence(groups=groups, advice=advice)
    return msgspec.structs.replace(
        task,
        groups=groups,
        status=decide(evidence),
        reason=reason(evidence),
        points=total(group.points for group in groups),
    )


def without_effect(report: Report, overrides: Sequence[Override]) -> list[Override]:
    """Return the overrides of tasks and groups that a report under a policy does not have."""
    groups = {task.id: task.groups for task in report.tasks}
    return [
        each
        for each in overrides
        if each.task and not any(_matches(group, each) for group in groups.get(each.task, ()))
    ]


def _with_override(groups: tuple[GroupResult, ...], override: Override) -> tuple[GroupResult, ...]:
    """Return groups in which those of an override are one group, with the points set by hand."""
    own = [group for group in groups if _matches(group, override)]
    if not own:
        return groups
    name = override.group or "all groups"
    worth = sum(group.max_points for group in own)
    whole = GroupResult(name, own[0].status, None, worth)
    at = groups.index(own[0])
    rest = [group for group in groups if group not in own]
    rest.insert(at, set_by_hand(whole, override.points, clean_line(override.reason)))
    return tuple(rest)


def _matches(group: GroupResult, override: Override) -> bool:
    """Return True if a group, or a check of a split group, belongs to an override."""
    name = override.group
    return not name or group.name == name or group.name.startswith(f"{name}: ")


def _target(change: Change) -> tuple[str, str, str]:
    return change.learner, change.override.task, change.override.group
