"""The part of a report that a learner may see before the deadline.

Hidden parts are removed from the records, so that no format of a report contains them. Texts of a
submission, such as the message of an exception, can repeat the inputs of a check. Therefore a
sentence without its counterexample consists of words of the grader only.
"""

import builtins
import re
from dataclasses import dataclass
from datetime import datetime

import msgspec

from grading.judge.explain import WORKER_LOST
from grading.judge.forbidden_calls import NAME as FORBIDDEN
from grading.judge.records import (
    CheckResult,
    Fault,
    GroupResult,
    Hole,
    Mark,
    Override,
    Report,
    Status,
    TaskResult,
)
from grading.policy.apply import Rules, is_refusal
from grading.policy.load import ALL, REFUSALS
from grading.policy.model import Part, Policy
from grading.tasks.model import Group, Table, split_selector

PART_OF_ANSWER = re.compile(
    r"(the result|result \d+|the gradient of operand \d+|the exception|"
    r"(?:the buffer|the weight vector|gradient \d+) of rank \d+) "
    r"(is missing|is wrong|has shape)"
)
RAISED = re.compile(r"(?:.*: )?(\w+) was raised")
PLAIN = re.compile(r"[A-Za-z ,;–-]+")
"""A sentence without values: no digits, quotes or brackets."""

LOST = frozenset(f"the code {problem}" for problem in WORKER_LOST.values())
"""Sentences about a lost worker."""

ENDINGS = {"has shape": "has the wrong shape"}

EXCEPTIONS = frozenset(
    name
    for name, value in vars(builtins).items()
    if isinstance(value, type) and issubclass(value, Exception)
)
"""Built-in exceptions; a submission chooses the names of all others."""


def visible(report: Report, policy: Policy, table: Table, until: datetime) -> Report:
    """Return a report with the parts that a learner sees before the deadline.

    A group shows its verdict only if all of its checks do, and all groups that it needs, because an
    excuse reveals their results. A task and the whole report show points only if all groups do.

    Args:
        report: The report under the policy.
        policy: The policy.
        table: The table of tasks.
        until: The deadline of the learner.
    """
    views = [
        _View(task, Rules(policy, table.task(task.id)), table, policy) for task in report.tasks
    ]
    tasks = tuple(view.task() for view in views)
    parts = [view.parts for view in views]
    everything = all(each == ALL for each in parts)
    if everything:
        return report
    verdicts = all("verdict" in each for each in parts)
    counterexamples = all("counterexample" in each for each in parts)
    mark = report.mark
    if mark is not None:
        mark = msgspec.structs.replace(mark, hidden_until=until.isoformat())
        mark = mark if verdicts else _without_points(mark)
    return msgspec.structs.replace(
        report,
        tasks=tasks,
        # The duration shows whether checks failed, because failed checks run twice. With the seed,
        # a learner could draw the same inputs.
        seconds=report.seconds if verdicts else 0.0,
        seed=report.seed if counterexamples else None,
        errors=report.errors if counterexamples else ("error of the grader",) * bool(report.errors),
        mark=mark,
    )


def shows_verdicts(report: Report) -> bool:
    """Return True if no result of a report is hidden."""
    return all(task.status is not Status.HIDDEN for task in report.tasks)


@dataclass(frozen=True)
class _View:
    """A learner's view of a task.

    Attributes:
        result: The result of the task under the policy.
        rules: The rules of the task.
        table: The table of tasks.
        policy: The policy.
    """

    result: TaskResult
    rules: Rules
    table: Table
    policy: Policy

    @property
    def parts(self) -> frozenset[Part]:
        """The parts that are visible of all checks and groups of the task."""
        shown = self.rules.feedback_of_group(None)
        for check in self.result.checks:
            shown &= self.rules.feedback(check.name)
        for group in self.rules.task.groups:
            shown &= self.of_group(group)
        return shown

    def of_group(self, group: Group) -> frozenset[Part]:
        """Return the parts that are visible of a group."""
        shown = self._own(self.rules, group)
        for task, needed in self.table.needs(self.rules.task, group):
            if "verdict" not in self._own(Rules(self.policy, task), needed):
                return frozenset()
        return shown

    def task(self) -> TaskResult:
        """Return the result of the task with its visible parts."""
        result, parts = self.result, self.parts
        checks = tuple(
            dict.fromkeys(check for each in result.checks if (check := self._check(each)))
        )
        groups = tuple(self._group(group) for group in result.groups)
        changed = msgspec.structs.replace(result, checks=checks, groups=groups)
        if "sentence" not in parts:
            changed = msgspec.structs.replace(changed, measurements=(), remarks=(), speed=())
        if "counterexample" not in parts:
            changed = msgspec.structs.replace(changed, reason=_reason_of_task(result))
        if "verdict" in parts:
            return changed
        return msgspec.structs.replace(
            changed,
            status=Status.HIDDEN,
            points=None,
            seconds=0.0,
            reason="",
            simulated=False,
            holes=tuple(Hole(hole.name) for hole in result.holes),
        )

    def _own(self, rules: Rules, group: Group) -> frozenset[Part]:
        """Return the parts that a policy shows of a group, without the groups that it needs."""
        shown = rules.feedback_of_group(group.name)
        for check in group.checks:
            shown &= rules.feedback(check)
        joined = (row.name for row in self.policy.check_rows if row.group == group.name)
        for check in joined:
            shown &= rules.feedback(check)
        for check in REFUSALS:
            shown &= rules.feedback(check)
        return shown

    def _group(self, result: GroupResult) -> GroupResult:
        group = self._table_group(result.name)
        parts = self.parts if group is None else self.of_group(group)
        if "verdict" not in parts:
            return GroupResult(result.name, Status.HIDDEN, None, result.max_points)
        if "counterexample" not in parts and result.status is Status.ERROR:
            return msgspec.structs.replace(result, reason="")
        return result

    def _table_group(self, name: str) -> Group | None:
        """Return the group of a result, which is "max", or "max: values" of a split group."""
        by_name = {group.name: group for group in self.rules.task.groups}
        return by_name.get(name) or by_name.get(name.partition(": ")[0])

    def _check(self, check: CheckResult) -> CheckResult | None:
        """Return the visible parts of a check; None if its presence would reveal its result."""
        group = self.rules.group_of(check.name)
        parts = self.rules.feedback(check.name)
        if group is not None and "verdict" not in self.of_group(group):
            parts = frozenset()
        if is_refusal(check) and "verdict" not in self.parts:
            # There is one of these checks for each group that failed, with the group in its name.
            name = split_selector(check.name)[0]
            return CheckResult(name, Status.HIDDEN) if name == FORBIDDEN else None
        if parts == ALL:
            return check
        if "verdict" not in parts:
            return CheckResult(check.name, Status.HIDDEN, check.required)
        shown = "counterexample" in parts
        keep = shown or check.status is Status.NOT_JUDGED or not check.required
        advice = self.rules.task.checks.advice.get(split_selector(check.name)[0], "")
        reason = advice if not check.required and not shown else check.reason
        return msgspec.structs.replace(
            check,
            reason=reason if keep else "",
            case=check.case if shown else "",
            again=check.again if shown else "",
            fault=None if check.fault is None else _fault(check, check.fault, parts),
        )


def _fault(check: CheckResult, fault: Fault, parts: frozenset[Part]) -> Fault | None:
    """Return the visible parts of a fault; None if only the verdict is visible."""
    if parts == {"verdict"}:
        return None
    if "counterexample" in parts:
        return fault if "cause" in parts else msgspec.structs.replace(fault, cause="", known="")
    # A refusal names lines of the source, and no input.
    sentence = fault.sentence if is_refusal(check) else plain_sentence(fault)
    located = "cause" in parts and fault.name != "the exception"
    return Fault(
        sentence=sentence if "sentence" in parts else "a check failed",
        cause=fault.cause if "cause" in parts else "",
        known=fault.known if "cause" in parts else "",
        # The submission chooses the names in its tracebacks.
        function=fault.function if located else "",
        place=fault.place if located else "",
    )


def plain_sentence(fault: Fault) -> str:
    """Return the sentence of a fault without values and without text of the submission."""
    if fault.name == "the exception":
        if fault.sentence in LOST:
            return fault.sentence
        if "did not return" in fault.sentence:
            return "a call did not return"
        raised = RAISED.match(fault.sentence)
        known = raised[1] if raised is not None and raised[1] in EXCEPTIONS else "an exception"
        return f"{known} was raised"
    if part := PART_OF_ANSWER.match(fault.sentence):
        return f"{part[1]} {ENDINGS.get(part[2], part[2])}"
    for end in (":", ","):
        sentence = fault.sentence.partition(end)[0]
        if PLAIN.fullmatch(sentence):
            return sentence
    return "a required property does not hold"


def _reason_of_task(result: TaskResult) -> str:
    """Return the reason of a task, unless it is the text of an error."""
    return "" if result.status is Status.ERROR else result.reason


def _without_points(mark: Mark) -> Mark:
    """Return a mark without its points, and without a remark that could contain them."""
    return msgspec.structs.replace(
        mark,
        points=None,
        excused=False,
        reason="",
        deducted=0.0,
        overrides=tuple(
            Override(each.reason, each.by, each.at, each.task, each.group)
            for each in mark.overrides
        ),
    )
