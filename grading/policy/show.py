"""The effective rules of a policy as text: those of the file, and the defaults of the rest."""

from collections.abc import Iterable

from grading.policy.apply import Rules, counted_tasks
from grading.policy.model import PARTS as ALL_PARTS
from grading.policy.model import Export, HandIns, Late, Part, Policy
from grading.reports import words
from grading.tasks.model import Table, Task, title_of


def rules_of(policy: Policy, table: Table, verbose: bool = False) -> Iterable[str]:
    """Yield the lines of the effective rules.

    Args:
        policy: The policy.
        table: The table of tasks.
        verbose: True to list every check.
    """
    counted = counted_tasks(policy, table)
    total = 0.0
    lines: list[str] = []
    for task in table.tasks:
        if task.id in counted:
            rules = Rules(policy, task)
            worth, text = _task(rules, verbose)
            total += worth
            lines += text
    yield f"policy    {policy.name}"
    yield f"points    {words.points(total)} in {words.plural(len(counted), 'task')}"
    yield f"feedback  before the deadline: {_parts(policy.feedback)}"
    yield from _time(policy)
    yield from _hand_ins(policy.hand_ins)
    yield from (f"pair      {pair.name}: {', '.join(pair.members)}" for pair in policy.pairs)
    yield from _export(policy.export)
    yield ""
    yield from lines


def _task(rules: Rules, verbose: bool) -> tuple[float, list[str]]:
    """Return the points of a task, and the lines of its rules."""
    task, total = rules.task, 0.0
    lines = []
    for group in task.groups:
        use = rules.use_of_group(group.name)
        worth = rules.worth(group) if use == "required" else 0.0
        selected = [name for name in group.checks if rules.use(name, True) == "required"]
        if use == "required" and not selected:
            use, worth = "advice", 0.0
        total += worth
        parts = _differs(frozenset(rules.feedback_of_group(group.name)), rules.policy)
        kind = "each check earns its share" if rules.split(group) else "all or nothing"
        value = f"{_worth(worth)}, {kind}" if use == "required" else use
        lines.append(f"    {group.name}: {value}{parts}")
        lines += _checks(rules, group.checks, verbose)
    advice = [name for name in task.checks.advice if name not in _grouped(task)]
    lines += _checks(rules, advice, verbose, required=False)
    for ratio, points in sorted(rules.thresholds.items()):
        lines.append(f"    speed: {_worth(points)} up to a ratio of {ratio:g}")
    total += max(rules.thresholds.values(), default=0.0)
    whole = ", all or nothing" if rules.whole else ""
    heading = f"{task.id:<6}{task.title}: {_worth(total)}{whole}"
    if rules.row is not None and rules.row.use is not None and rules.row.use != "required":
        heading, total = f"{task.id:<6}{task.title}: {rules.row.use}", 0.0
    return total, [heading, *lines]


def _checks(
    rules: Rules, names: Iterable[str], verbose: bool, required: bool = True
) -> Iterable[str]:
    """Yield the checks with rules of their own; all checks if the output is verbose."""
    for name in names:
        row = rules.check_row(name)
        if row is None and not verbose:
            continue
        use = rules.use(name, required)
        worth = f"{_worth(row.points, ', ')}" if row and row.points is not None else ""
        joined = f" in the group {row.group}" if row and row.group else ""
        parts = _differs(rules.feedback(name), rules.policy)
        yield f"        {title_of(name)}: {use}{joined}{worth}{parts}"


def _worth(points: float, before: str = "") -> str:
    return f"{before}{words.points(points)} {'point' if points == 1 else 'points'}"


def _grouped(task: Task) -> set[str]:
    return {name for group in task.groups for name in group.checks}


def _parts(parts: Iterable[Part]) -> str:
    shown = [part for part in ALL_PARTS if part in set(parts)]
    return ", ".join(shown) or "nothing"


def _differs(parts: frozenset[Part], policy: Policy) -> str:
    """Return the visible parts in words, if they differ from those of the policy."""
    return "" if parts == frozenset(policy.feedback) else f"; shows {_parts(parts)}"


def _time(policy: Policy) -> Iterable[str]:
    if policy.deadline is None:
        yield "deadline  none"
        return
    grace = policy.deadline.grace_minutes
    yield f"deadline  {policy.deadline.at.isoformat()}" + (
        f", {grace:g} min grace" if grace else ""
    )
    yield f"late      {_late(policy.late)}"
    for each in policy.extensions:
        yield f"extended  {each.who}: {each.until.isoformat()}"


def _late(late: Late | None) -> str:
    if late is None:
        return "is shown and costs nothing"
    if late.points is not None:
        lost = _worth(late.points)
    else:
        lost = f"{late.percent:g} % of the {late.of} points"
    text = f"{lost} for each started {late.per}"
    if late.at_most_percent < 100:
        text += f", at most {late.at_most_percent:g} %"
    if late.until is not None:
        text += f"; the last hand-in counts at {late.until.isoformat()}"
    return text


def _hand_ins(settings: HandIns) -> Iterable[str]:
    source = {
        None: "no times",
        "csv": f"times of the column {settings.time!r} of {settings.file}",
        "platform": "times of the platform's metadata",
        "commit": "times of git commits, which their authors set",
    }[settings.times]
    nothing = "0 points" if settings.nothing == "zero" else "no mark"
    yield f"hand-ins  the {settings.count} one counts; {source}; without a hand-in: {nothing}"


def _export(export: Export) -> Iterable[str]:
    scale = "" if export.out_of is None else f"scaled to {export.out_of:g} points, "
    missing = {
        "scale": "earned points of the judged ones",
        "open": "no mark while points were not judged",
    }[export.not_judged]
    yield f"mark      {scale}{missing}, {words.plural(export.decimals, 'decimal')}"
