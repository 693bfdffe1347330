"""Validation of the table of tasks: problems of its values, each with line and key."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path

from asv_benchmarks.workloads import GRADED
from grading.tasks.model import (
    DEVICES,
    EDITIONS,
    KINDS,
    Checks,
    Group,
    Speed,
    Table,
    Task,
    qualnames,
    split_need,
    split_selector,
)
from grading.tasks.positions import Key, Positions

ID = re.compile(r"[0-9]\.[1-9][0-9]?[a-z]?")
HOLE = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_][\w.]*")
HOLES = re.compile(rf"{HOLE.pattern}( \| {HOLE.pattern})*( @(2021|2022|2024))?")
REMOVED = re.compile(r"[A-Za-z_][\w.]*(:[A-Za-z_][\w.]*)?")
DOTTED = re.compile(r"[A-Za-z_][\w.]*")
CHECK = re.compile(r"test_\w+")
SELECTOR = re.compile(r"test_\w+(\[[^\[\]]+\])?")
UNKNOWN = re.compile(r"Object contains unknown field `(.+)`")
DOC = re.compile(r"docs/[\w./-]+\.md(#[\w-]+)?")


def located(path: Path, positions: Positions, key: Key, problem: str) -> str:
    """Return a problem with its file, line and key."""
    name = ""
    for part in key:
        name += f"[{part}]" if isinstance(part, int) else f".{part}" if name else part
    return f"{path}:{positions.line(key)}: {name or 'the table'}: {problem}"


def key_of(where: str, problem: str) -> Key:
    """Convert the path of a problem, as in "`$.task[0].points`", to a key.

    An unknown field is named by the problem and not by the path.
    """
    key: list[str | int] = [
        int(index) if index else name
        for name, index in re.findall(r"\.?([^.\[\]`$]+)|\[(\d+)\]", where.strip("`$"))
        if name or index
    ]
    unknown = UNKNOWN.fullmatch(problem)
    return (*key, unknown[1]) if unknown else tuple(key)


def with_allowed_values(problem: str, key: Key) -> str:
    """Add the allowed values to a problem with a key or an enumeration."""
    if unknown := UNKNOWN.fullmatch(problem):
        keys = {name for kind in KINDS for name in kind.__struct_encode_fields__}
        near = get_close_matches(unknown[1], sorted(keys), n=1, cutoff=0.5)
        hint = f"; did you mean {near[0]}?" if near else ""
        return f"there is no key {unknown[1]!r} here{hint}"
    if problem.startswith("Invalid enum value"):
        allowed = EDITIONS if "editions" in key else DEVICES
        return f"{problem}; allowed are {_listed(map(repr, allowed))}"
    return problem


def problems(read: Table) -> Iterable[tuple[Key, str]]:
    """Yield the problems beyond wrong types, in the order of the table."""
    numbers = [module.number for module in read.modules]
    for i, number in enumerate(numbers):
        if number in numbers[:i]:
            yield ("module", i, "number"), f"module {number} occurs twice"
    earlier: dict[str, Task] = {}
    for i, task in enumerate(read.tasks):
        for key, problem in _problems_of(task, earlier, numbers):
            yield ("task", i, *key), f"task {task.id}: {problem}"
        earlier[task.id] = task
    if not read.tasks:
        yield ("task",), "there are no tasks"


def _problems_of(
    task: Task, earlier: Mapping[str, Task], modules: Sequence[int]
) -> Iterable[tuple[Key, str]]:
    if not ID.fullmatch(task.id):
        yield ("id",), f'{task.id!r} is not a task id; write it as "4.2" or "4.4b"'
    if task.id in earlier:
        yield ("id",), f"the id {task.id!r} occurs twice"
    if task.module not in modules:
        yield ("module",), f"there is no module {task.module}; allowed are {_listed(modules)}"
    if not task.id.startswith(f"{task.module}."):
        yield (
            ("module",),
            f"task {task.id} is in module {task.module}; its id has to start with {task.module}.",
        )
    for field, text in (("title", task.title), ("asks", task.asks)):
        if not text.strip():
            yield (field,), f"{field} is empty"
    if task.points < 0:
        yield ("points",), f"points have to be at least 0, got {task.points}"
    if not 0 <= task.simulated <= 1:
        yield ("simulated",), f"the share of the points has to be from 0 to 1, got {task.simulated}"
    if task.simulated != 1 and task.device != "cuda":
        yield ("simulated",), 'only tasks with device "cuda" are simulated'
    if task.hours <= 0:
        yield ("hours",), f"the estimate has to be positive, got {task.hours} h"
    if task.seconds <= 0:
        yield ("seconds",), f"the time limit has to be positive, got {task.seconds} s"
    if task.memory_mb < 100:
        yield ("memory_mb",), f"Python and NumPy need at least 100 MB, got {task.memory_mb}"
    if not DOC.fullmatch(task.doc):
        yield ("doc",), f'{task.doc!r} is not a page; write it as "docs/…/page.md"'
    yield from _problems_of_names(task)
    for i, name in enumerate(task.prerequisites):
        if name not in earlier:
            yield (
                ("prerequisites", i),
                f"there is no task {name!r} above; prerequisites have to stand above their task",
            )
    yield from _problems_of_checks(task.checks)
    yield from _problems_of_groups(task)
    for i, group in enumerate(task.groups):
        for j, need in enumerate(group.needs):
            yield from (
                (("group", i, "needs", j), problem)
                for problem in _problems_of_need(need, i, task, earlier)
            )
    for name, reason in task.allowances.items():
        if not reason.strip():
            yield ("allowances", name), "an allowance needs a reason"
    for name, accuracy in task.accuracy.items():
        if not 0 < accuracy.least <= accuracy.of:
            yield (
                ("accuracy", name, "least"),
                f"`least` has to be from 1 to {accuracy.of}, got {accuracy.least}",
            )
    if task.speed is not None:
        yield from _problems_of_speed(task.speed, task.points)


def _problems_of_names(task: Task) -> Iterable[tuple[Key, str]]:
    hole = '"module:qualname"'
    patterns = {
        "holes": (HOLE, hole),
        "upstream": (
            HOLES,
            f'{hole}, alternatives separated by " | ", optionally followed by " @2024"',
        ),
        "also_remove": (REMOVED, f'{hole} or "module"'),
        "forbidden": (DOTTED, '"module" or "module.function"'),
    }
    for field, (pattern, form) in patterns.items():
        names: tuple[str, ...] = getattr(task, field)
        for i, name in enumerate(names):
            if not pattern.fullmatch(name):
                yield (field, i), f"{name!r} is not written as {form}"
            if name in names[:i]:
                yield (field, i), f"{name!r} occurs twice"


def _problems_of_checks(checks: Checks) -> Iterable[tuple[Key, str]]:
    if not checks.names:
        yield ("checks",), "a task needs at least one check"
    needed = "a required check needs the documentation that promises it"
    for kind, reasons, problem in (
        ("required", checks.promises, needed),
        ("advice", checks.advice, "an advice needs a reason"),
    ):
        for name, reason in reasons.items():
            key = ("checks", kind, name)
            if not CHECK.fullmatch(name):
                yield key, f"{name!r} is not a check; names of checks start with test_"
            if not reason.strip():
                yield key, problem
            if kind == "advice" and name in checks.promises:
                yield key, f"{name} is also required; a check is either required or advice"
    for name, editions in checks.editions.items():
        if name not in checks.promises:
            yield ("checks", "editions", name), f"{name} is not a required check"
        if not editions or len(set(editions)) < len(editions):
            yield ("checks", "editions", name), "the list of editions is empty or has duplicates"


def _problems_of_groups(task: Task) -> Iterable[tuple[Key, str]]:
    names = [group.name for group in task.groups]
    functions = set().union(*map(qualnames, (*task.holes, *task.upstream)))
    for i, group in enumerate(task.groups):
        yield from (
            (("group", i, *key), problem)
            for key, problem in _problems_of_group(group, task, functions)
        )
        if group.name in names[:i]:
            yield ("group", i, "name"), f"the group {group.name!r} occurs twice"
    for edition in EDITIONS:
        for i, group in enumerate(task.for_edition(edition).groups):
            if not group.checks and task.groups[i].checks:
                yield ("group", i, "checks"), f"edition {edition} promises no check of this group"
    if task.groups or task.checks.required:
        yield from _problems_about_points(task)
        yield from _problems_about_selectors(task)
        grouped = {name for group in task.groups for name in group.holes}
        for field, holes in (("holes", task.holes), ("upstream", task.upstream)):
            for i, hole in enumerate(holes):
                if grouped.isdisjoint(qualnames(hole)):
                    yield (field, i), f"{hole!r} is in no group"


def _problems_of_group(group: Group, task: Task, functions: set[str]) -> Iterable[tuple[Key, str]]:
    if not group.name.strip() or "/" in group.name:
        yield ("name",), f'a group needs a name without "/", got {group.name!r}'
    if group.points <= 0 < task.points:
        yield ("points",), f"a group needs at least 1 point, got {group.points}"
    if not group.checks:
        yield ("checks",), "a group needs at least one check"
    for i, selector in enumerate(group.checks):
        if not SELECTOR.fullmatch(selector):
            yield ("checks", i), f'{selector!r} is not written as "test_x" or "test_x[case]"'
        elif split_selector(selector)[0] not in task.checks.required:
            yield ("checks", i), f"{selector!r} is not a required check of the task"
    for i, name in enumerate(group.holes):
        if name not in functions:
            yield ("holes", i), f"{name!r} is not a function of the task's holes"


def _problems_about_points(task: Task) -> Iterable[tuple[Key, str]]:
    total = sum(group.points for group in task.groups)
    for_speed = task.speed.points if task.speed is not None else 0
    if total + for_speed != task.points:
        beside = f" and {for_speed} for speed" if for_speed else ""
        yield ("points",), f"the groups have {total} points{beside}, the task has {task.points:g}"


def _problems_about_selectors(task: Task) -> Iterable[tuple[Key, str]]:
    """Yield checks that are in no group, or completely or partly in more than one."""
    positions = [(i, j) for i, group in enumerate(task.groups) for j in range(len(group.checks))]
    selectors = [task.groups[i].checks[j] for i, j in positions]
    for name in task.checks.required:
        if not any(split_selector(selector)[0] == name for selector in selectors):
            yield ("checks", "required", name), f"{name} is in no group"
    whole = {selector for selector in selectors if "[" not in selector}
    counts = Counter(selectors)
    for (i, j), selector in zip(positions, selectors, strict=True):
        name, parameter = split_selector(selector)
        if counts[selector] > 1 or (parameter and name in whole):
            yield ("group", i, "checks", j), f"{selector!r} is in several groups"


def _problems_of_need(
    need: str, position: int, task: Task, earlier: Mapping[str, Task]
) -> Iterable[str]:
    """Yield the problems of a need; within a task, a group can need groups above it only."""
    of, name = split_need(need, task.id)
    if of == task.id:
        known = {group.name for group in task.groups[:position]}
        if name not in known:
            yield f"there is no group {name!r} above this one in the task"
    elif of not in earlier:
        yield f"there is no task {of!r} above"
    elif name not in {group.name for group in earlier[of].groups}:
        named = _listed(repr(group.name) for group in earlier[of].groups)
        yield f"task {of} has no group {name!r}; it has {named}"


def _problems_of_speed(speed: Speed, points: float) -> Iterable[tuple[Key, str]]:
    if not speed.workloads:
        yield ("speed", "fast"), "`speed` needs at least one workload"
    for name, fast in speed.fast.items():
        if name not in GRADED:
            yield (
                ("speed", "fast", name),
                f"there is no workload {name!r}; allowed are {_listed(GRADED)}",
            )
        if fast <= 0:
            yield ("speed", "fast", name), f"the ratio of times has to be positive, got {fast}"
    if speed.ratio < 1:
        yield ("speed", "ratio"), f"the allowed ratio has to be at least 1, got {speed.ratio}"
    if not 0 <= speed.points <= points:
        yield (
            ("speed", "points"),
            f"points for speed have to be from 0 to {points:g}, got {speed.points}",
        )


def _listed(values: Iterable[object]) -> str:
    return ", ".join(map(str, values))
