"""Decision of a stored report under a policy: the evidence is that of the run, and nothing runs.

The policy changes which checks count, and the points; `grading.judge.decide` decides again. An
excuse of the run stays an excuse. A group that fails only under the policy excuses others, too.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import msgspec

from grading.judge.decide import (
    Evidence,
    GroupEvidence,
    all_or_nothing,
    decide,
    points,
    reason,
    total,
)
from grading.judge.excuses import START, UNUSABLE, excuse_text
from grading.judge.records import CheckResult, GroupResult, Report, Status, TaskResult
from grading.judge.speed import speed_group
from grading.policy.load import REFUSALS, group_of, joined_group, joining
from grading.policy.model import CheckRow, GroupRow, Part, Policy, TaskRow, Use
from grading.tasks.model import Group, Table, Task, split_selector, title_of

NO_EVIDENCE = "the stored evidence does not contain it; grade the submission again"


@dataclass(frozen=True)
class Rules:
    """The rules of a policy for one task.

    Args:
        policy: The policy.
        task: The task of the table.
    """

    policy: Policy
    task: Task

    @property
    def row(self) -> TaskRow | None:
        """The policy's row of the task."""
        named = (self.task.id, self.task.marker)
        return next((row for row in self.policy.task_rows if row.id in named), None)

    @property
    def whole(self) -> bool:
        """True if the task earns all of its points or none."""
        return self.row is not None and self.row.all_or_nothing

    @property
    def thresholds(self) -> dict[float, float]:
        """The points for speed by the allowed ratio."""
        named = (self.task.id, self.task.marker)
        rows = {row.at_most: row.points for row in self.policy.speed_rows if row.task in named}
        speed = self.task.speed
        if not rows and speed is not None and speed.points:
            return {speed.ratio: speed.points}
        return rows

    def group_row(self, name: str) -> GroupRow | None:
        """Return the policy's row of a group."""
        named = (self.task.id, self.task.marker)
        rows = (row for row in self.policy.group_rows if row.task in named and row.name == name)
        return next(rows, None)

    def check_row(self, name: str) -> CheckRow | None:
        """Return the policy's row of a check: of its selector, or of its name."""
        named = (self.task.id, self.task.marker)
        rows = {row.name: row for row in self.policy.check_rows if row.task in named}
        return rows.get(name) or rows.get(split_selector(name)[0])

    def group_of(self, check: str) -> Group | None:
        """Return the group of a check; None for advice that joins none."""
        row = self.check_row(check)
        if row is not None and row.group:
            return joined_group(self.task, row)
        return group_of(self.task, check)

    def use_of_group(self, name: str) -> Use:
        """Return the use of a group."""
        row = self.group_row(name)
        if row is not None and row.use is not None:
            return row.use
        if self.row is not None and self.row.use is not None:
            return self.row.use
        return "required"

    def use(self, check: str, required: bool) -> Use:
        """Return the use of a check.

        Args:
            check: The name of the check in reports.
            required: True if it is required without a policy.
        """
        row, group = self.check_row(check), self.group_of(check)
        of_group = self.use_of_group("" if group is None else group.name)
        if row is not None and row.use is not None and of_group == "required":
            return row.use
        if of_group != "required":
            return of_group
        return "required" if required else "advice"

    def worth(self, group: Group) -> float:
        """Return the points of a group."""
        row = self.group_row(group.name)
        own = [
            each.points
            for name in (*group.checks, *joining(self.policy, self.task, group))
            if (each := self.check_row(name)) is not None and each.points is not None
        ]
        if own:
            return sum(own)
        return float(group.points if row is None or row.points is None else row.points)

    def split(self, group: Group) -> bool:
        """Return True if each check of a group earns its own points."""
        row = self.group_row(group.name)
        return row is not None and not row.all_or_nothing

    def feedback(self, check: str) -> frozenset[Part]:
        """Return the parts of the results of a check that learners see before the deadline."""
        row, group = self.check_row(check), self.group_of(check)
        if row is not None and row.feedback is not None:
            return frozenset(row.feedback)
        return self.feedback_of_group(None if group is None else group.name)

    def feedback_of_group(self, name: str | None) -> frozenset[Part]:
        """Return these parts of a group; of the task without a name."""
        row = None if name is None else self.group_row(name)
        if row is not None and row.feedback is not None:
            return frozenset(row.feedback)
        if self.row is not None and self.row.feedback is not None:
            return frozenset(self.row.feedback)
        return frozenset(self.policy.feedback)


def counted_tasks(policy: Policy, table: Table) -> frozenset[str]:
    """Return the ids of the tasks that count."""
    return frozenset(task.id for task in table.select(policy.tasks))


def without_effect(policy: Policy, table: Table) -> list[str]:
    """Return a line for each task that has rules but does not count."""
    counted = counted_tasks(policy, table)
    rows = {
        "[[task]]": [row.id for row in policy.task_rows],
        "[[group]]": [row.task for row in policy.group_rows],
        "[[check]]": [row.task for row in policy.check_rows],
        "[[speed]]": [row.task for row in policy.speed_rows],
    }
    off = {row.id for row in policy.task_rows if row.use == "off"}
    lines = []
    for task in table.tasks:
        named = {task.id, task.marker}
        kinds = [kind for kind, tasks in rows.items() if named & set(tasks)]
        why = "" if task.id in counted else "it is not in `tasks`"
        if named & off:
            why = 'it has use = "off"'
            kinds = [kind for kind in kinds if kind != "[[task]]"]
        if why and kinds:
            lines.append(
                f"task {task.id} does not count, because {why}; its rules in {', '.join(kinds)} "
                "have no effect"
            )
    return lines


def apply(report: Report, policy: Policy, table: Table) -> Report:
    """Return a report with the results and points of a policy."""
    counted = counted_tasks(policy, table)
    decided: dict[tuple[str, str], Status] = {}
    tasks: list[TaskResult] = []
    for result in report.tasks:
        task = next((each for each in table.tasks if each.id == result.id), None)
        if task is None or result.id not in counted:
            continue
        rules = Rules(policy, task)
        if rules.row is not None and rules.row.use == "off":
            continue
        tasks.append(_task(result, rules, table, decided))
    return msgspec.structs.replace(report, tasks=tuple(tasks))


def _task(
    result: TaskResult, rules: Rules, table: Table, decided: dict[tuple[str, str], Status]
) -> TaskResult:
    """Return the result of a task under a policy; add the statuses of its groups to `decided`."""
    checks = tuple(
        msgspec.structs.replace(check, required=use == "required")
        for check in result.checks
        if (use := rules.use(check.name, check.required)) != "off"
    )
    groups: list[GroupResult] = []
    for group in rules.task.groups:
        groups += _group(result, checks, group, rules, table, decided)
    if rules.whole and groups:
        groups = [_whole(groups)]
    absent = {group.status for group in result.groups} == {Status.NOT_THERE}
    if rules.thresholds and not absent:
        groups.append(speed_group(result.speed, rules.thresholds))
    evidence = Evidence(
        harness_error=result.reason if result.status is Status.ERROR and not result.checks else "",
        groups=tuple(groups),
        advice=tuple(check.status for check in checks if not check.required),
    )
    status = decide(evidence)
    return msgspec.structs.replace(
        result,
        status=status,
        points=total(each.points for each in groups) if groups else points(status, 0.0),
        max_points=sum(each.max_points for each in groups),
        reason=reason(evidence),
        checks=checks,
        groups=tuple(groups),
    )


def _group(
    result: TaskResult,
    checks: Sequence[CheckResult],
    group: Group,
    rules: Rules,
    table: Table,
    decided: dict[tuple[str, str], Status],
) -> list[GroupResult]:
    """Return the results of a group: one, one for each check if it is split, none if it is off.

    Args:
        result: The stored result of the task.
        checks: The checks of the task under the policy.
        group: The group.
        rules: The rules of the task.
        table: The table of tasks.
        decided: The statuses of earlier groups, to which that of this group is added.
    """
    own = tuple(
        check
        for check in checks
        if check.required and not is_refusal(check) and rules.group_of(check.name) is group
    )
    own += _without_evidence(result, group, rules)
    if rules.use_of_group(group.name) != "required" or (result.checks and not own):
        return []
    excuse = _excuse(rules.task, group, table, decided)
    evidence = _evidence(result, checks, own, group, excuse)
    status = decide(evidence)
    decided[rules.task.id, group.name] = status
    share = rules.task.simulated if result.simulated else 1.0
    worth = rules.worth(group)
    if not rules.split(group) or not own:
        earned = points(status, worth, share)
        return [GroupResult(group.name, status, earned, worth, reason(evidence))]
    pieces = []
    for check, value in zip(own, _worths(own, rules, worth), strict=True):
        piece = replace(evidence, checks=(check,))
        status = decide(piece)
        name = f"{group.name}: {title_of(check.name)}"
        earned = points(status, value, share)
        pieces.append(GroupResult(name, status, earned, value, reason(piece)))
    return pieces


def _worths(checks: Sequence[CheckResult], rules: Rules, worth: float) -> list[float]:
    """Return the points of the checks of a split group: their own, or equal shares."""
    rows = [rules.check_row(check.name) for check in checks]
    own = [None if row is None else row.points for row in rows]
    if all(value is None for value in own):
        return [worth / len(checks)] * len(checks)
    return [value or 0.0 for value in own]


def _evidence(
    result: TaskResult,
    checks: Sequence[CheckResult],
    own: tuple[CheckResult, ...],
    group: Group,
    excuse: str,
) -> GroupEvidence:
    """Return the evidence of a group: the facts of the run, and the checks under the policy."""
    stored = next((each for each in result.groups if each.name == group.name), None)
    status = None if stored is None else stored.status
    why = "" if stored is None else stored.reason
    is_harness = status is Status.ERROR and not any(c.status is Status.ERROR for c in own)
    holes = [hole for hole in result.holes if group.judges(hole.name)]
    return GroupEvidence(
        missing=why if status is Status.NOT_THERE else "",
        harness_error=(why or "error of the grader") if is_harness else "",
        open=status is Status.UNIMPLEMENTED or any(hole.open for hole in holes),
        excuse=why if status is Status.NOT_JUDGED and why.startswith(START) else excuse,
        refused=any(
            check.status.bad and check.required and _refuses(check, result, group)
            for check in checks
        ),
        checks=own,
    )


def _without_evidence(result: TaskResult, group: Group, rules: Rules) -> tuple[CheckResult, ...]:
    """Return required checks of a group that the report does not contain, as not judged."""
    if not result.checks:
        return ()
    stored = {check.name for check in result.checks}
    return tuple(
        CheckResult(selector, Status.NOT_JUDGED, reason=NO_EVIDENCE)
        for selector in group.checks
        if rules.use(selector, required=True) == "required"
        and stored.isdisjoint({selector, split_selector(selector)[0]})
    )


def _excuse(
    task: Task, group: Group, table: Table, decided: Mapping[tuple[str, str], Status]
) -> str:
    """Return the first needed group that fails under the policy; empty if there is none."""
    for of, needed in table.needs(task, group):
        status = decided.get((of.id, needed.name))
        if status in UNUSABLE:
            return excuse_text(task, of, needed, UNUSABLE[status])
    return ""


def is_refusal(check: CheckResult) -> bool:
    """Return True for a check beside the table, such as the search for forbidden calls."""
    return split_selector(check.name)[0] in REFUSALS


def _refuses(check: CheckResult, result: TaskResult, group: Group) -> bool:
    """Return True if a check refuses the points of a group: it is named "NAME[group]"."""
    name, of = split_selector(check.name)
    return name in REFUSALS and (of == group.name or len(result.groups) == 1)


def _whole(groups: Sequence[GroupResult]) -> GroupResult:
    """Return the group of a task that earns all of its points or none."""
    evidence = all_or_nothing(groups)
    status = decide(evidence)
    # On a simulator, a passed group may earn a part of its points.
    share = sum(group.points or 0.0 for group in groups)
    earned = points(status, share)
    worth = sum(group.max_points for group in groups)
    return GroupResult("all or nothing", status, earned, worth, reason(evidence))
