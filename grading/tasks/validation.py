"""Validation of the table of tasks: complaints about its values, each with line and key."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path

from asv_benchmarks.workloads import BY_NAME
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
SPOIL = re.compile(r"[A-Za-z_][\w.]*(:[A-Za-z_][\w.]*)?")
DOTTED = re.compile(r"[A-Za-z_][\w.]*")
CHECK = re.compile(r"test_\w+")
SELECTOR = re.compile(r"test_\w+(\[[^\[\]]+\])?")
UNKNOWN = re.compile(r"Object contains unknown field `(.+)`")
DOC = re.compile(r"docs/[\w./-]+\.md(#[\w-]+)?")


def located(path: Path, positions: Positions, key: Key, complaint: str) -> str:
    """Return a complaint with the file, the line and the key that it is about."""
    name = ""
    for part in key:
        name += f"[{part}]" if isinstance(part, int) else f".{part}" if name else part
    return f"{path}:{positions.line(key)}: {name or 'the table'}: {complaint}"


def key_of(where: str, complaint: str) -> Key:
    """Turn the path of a complaint, as in "`$.task[0].points`", into a key.

    A field that must not be there is named by the complaint and not by the path.
    """
    key: list[str | int] = [
        int(index) if index else name
        for name, index in re.findall(r"\.?([^.\[\]`$]+)|\[(\d+)\]", where.strip("`$"))
        if name or index
    ]
    unknown = UNKNOWN.fullmatch(complaint)
    return (*key, unknown[1]) if unknown else tuple(key)


def in_words(complaint: str, key: Key) -> str:
    """Add what is allowed to a complaint about a key or a choice."""
    if unknown := UNKNOWN.fullmatch(complaint):
        keys = {name for kind in KINDS for name in kind.__struct_encode_fields__}
        near = get_close_matches(unknown[1], sorted(keys), n=1, cutoff=0.5)
        hint = f"; did you mean {near[0]}?" if near else ""
        return f"there is no key {unknown[1]!r} here{hint}"
    if complaint.startswith("Invalid enum value"):
        allowed = EDITIONS if "editions" in key else DEVICES
        return f"{complaint}; allowed are {_listed(map(repr, allowed))}"
    return complaint


def complaints(read: Table) -> Iterable[tuple[Key, str]]:
    """Go through what is wrong beyond the types of the values, in the order of the table."""
    numbers = [module.number for module in read.modules]
    for i, number in enumerate(numbers):
        if number in numbers[:i]:
            yield ("module", i, "number"), f"module {number} is there twice"
    earlier: dict[str, Task] = {}
    for i, task in enumerate(read.tasks):
        for key, complaint in _complaints_of(task, earlier, numbers):
            yield ("task", i, *key), f"task {task.id}: {complaint}"
        earlier[task.id] = task
    if not read.tasks:
        yield ("task",), "there are no tasks"


def _complaints_of(
    task: Task, earlier: Mapping[str, Task], modules: Sequence[int]
) -> Iterable[tuple[Key, str]]:
    if not ID.fullmatch(task.id):
        yield ("id",), f'{task.id!r} is no id; ids are written as "4.2" or "4.4b"'
    if task.id in earlier:
        yield ("id",), "the id is there twice"
    if task.module not in modules:
        yield ("module",), f"there is no module {task.module}, only {_listed(modules)}"
    if not task.id.startswith(f"{task.module}."):
        yield ("module",), f"a task of module {task.module} has an id that starts with it"
    for field, text in (("title", task.title), ("asks", task.asks)):
        if not text.strip():
            yield (field,), f"{field} is empty"
    if task.points < 0:
        yield ("points",), f"{task.points} points are less than none"
    if not 0 <= task.simulated <= 1:
        yield ("simulated",), f"{task.simulated} is no share of the points, from 0 to 1"
    if task.simulated != 1 and task.device != "cuda":
        yield ("simulated",), "a task on the processor is never simulated"
    if task.seconds <= 0:
        yield ("seconds",), f"{task.seconds} seconds are no time"
    if task.memory_mb < 100:
        yield ("memory_mb",), f"{task.memory_mb} MB are less than Python and NumPy need"
    if not DOC.fullmatch(task.doc):
        yield ("doc",), f'{task.doc!r} is no page; write it as "docs/…/page.md"'
    yield from _complaints_of_names(task)
    for i, name in enumerate(task.prerequisites):
        if name not in earlier:
            yield (
                ("prerequisites", i),
                f"there is no task {name!r} above; a task stands below those that it builds on",
            )
    yield from _complaints_of_checks(task.checks)
    yield from _complaints_of_groups(task)
    for i, group in enumerate(task.groups):
        for j, need in enumerate(group.needs):
            yield from (
                (("group", i, "needs", j), complaint)
                for complaint in _complaints_of_need(need, i, task, earlier)
            )
    for name, reason in task.allowances.items():
        if not reason.strip():
            yield ("allowances", name), "an allowance needs a reason"
    for name, accuracy in task.accuracy.items():
        if not 0 < accuracy.least <= accuracy.of:
            yield (
                ("accuracy", name, "least"),
                f"{accuracy.least} right of {accuracy.of} cannot be demanded",
            )
    if task.speed is not None:
        yield from _complaints_of_speed(task.speed, task.points)


def _complaints_of_names(task: Task) -> Iterable[tuple[Key, str]]:
    hole = '"module:qualname"'
    patterns = {
        "holes": (HOLE, hole),
        "upstream": (HOLES, f'{hole}, several with " | " between them, perhaps " @2024" behind'),
        "spoils": (SPOIL, f'{hole} or "module"'),
        "forbidden": (DOTTED, '"module" or "module.function"'),
    }
    for field, (pattern, form) in patterns.items():
        names: tuple[str, ...] = getattr(task, field)
        for i, name in enumerate(names):
            if not pattern.fullmatch(name):
                yield (field, i), f"{name!r} is not written as {form}"
            if name in names[:i]:
                yield (field, i), f"{name!r} is there twice"


def _complaints_of_checks(checks: Checks) -> Iterable[tuple[Key, str]]:
    if not checks.names:
        yield ("checks",), "a task without checks cannot be judged"
    for name, promise in checks.promises.items():
        if not CHECK.fullmatch(name):
            key = ("checks", "required", name)
            yield key, f"{name!r} is no check; their names start with test_"
        if not promise.strip():
            yield ("checks", "required", name), "a required check needs the place that promises it"
        if name in checks.advice:
            yield ("checks", "advice", name), f"{name} is required, too"
    for name, editions in checks.editions.items():
        if name not in checks.promises:
            yield ("checks", "editions", name), f"{name} is not among the required checks"
        if not editions or len(set(editions)) < len(editions):
            yield ("checks", "editions", name), "editions are named once each, and at least one"
    for name, reason in checks.advice.items():
        if not CHECK.fullmatch(name):
            yield ("checks", "advice", name), f"{name!r} is no check; their names start with test_"
        if not reason.strip():
            yield ("checks", "advice", name), "an advice needs a reason"


def _complaints_of_groups(task: Task) -> Iterable[tuple[Key, str]]:
    names = [group.name for group in task.groups]
    functions = set().union(*map(qualnames, (*task.holes, *task.upstream)))
    for i, group in enumerate(task.groups):
        yield from (
            (("group", i, *key), complaint)
            for key, complaint in _complaints_of_group(group, task, functions)
        )
        if group.name in names[:i]:
            yield ("group", i, "name"), f"there are two groups {group.name!r}"
    for edition in EDITIONS:
        for i, group in enumerate(task.for_edition(edition).groups):
            if not group.checks and task.groups[i].checks:
                yield ("group", i, "checks"), f"{edition} promises no check of this group"
    if task.groups or task.checks.required:
        yield from _complaints_about_points(task)
        yield from _complaints_about_selectors(task)
        grouped = {name for group in task.groups for name in group.holes}
        for field, holes in (("holes", task.holes), ("upstream", task.upstream)):
            for i, hole in enumerate(holes):
                if grouped.isdisjoint(qualnames(hole)):
                    yield (field, i), f"{hole!r} is in no group"


def _complaints_of_group(
    group: Group, task: Task, functions: set[str]
) -> Iterable[tuple[Key, str]]:
    if not group.name.strip() or "/" in group.name:
        yield ("name",), f"{group.name!r} is no name of a group"
    if group.points <= 0 < task.points:
        yield ("points",), f"{group.points} points are no points"
    if not group.checks:
        yield ("checks",), "a group without checks cannot be judged"
    for i, selector in enumerate(group.checks):
        if not SELECTOR.fullmatch(selector):
            yield ("checks", i), f'{selector!r} is not written as "test_x" or "test_x[case]"'
        elif split_selector(selector)[0] not in task.checks.required:
            yield ("checks", i), f"{selector!r} is no required check of the task"
    for i, name in enumerate(group.holes):
        if name not in functions:
            yield ("holes", i), f"{name!r} is no function of the task's holes"


def _complaints_about_points(task: Task) -> Iterable[tuple[Key, str]]:
    total = sum(group.points for group in task.groups)
    for_speed = task.speed.points if task.speed is not None else 0
    if total + for_speed != task.points:
        beside = f" and {for_speed} for speed" if for_speed else ""
        yield ("points",), f"the groups have {total} points{beside}, the task {task.points:g}"


def _complaints_about_selectors(task: Task) -> Iterable[tuple[Key, str]]:
    """Go through checks that are in no group, or wholly or partly in more than one."""
    places = [(i, j) for i, group in enumerate(task.groups) for j in range(len(group.checks))]
    selectors = [task.groups[i].checks[j] for i, j in places]
    for name in task.checks.required:
        if not any(split_selector(selector)[0] == name for selector in selectors):
            yield ("checks", "required", name), f"{name} is in no group"
    whole = {selector for selector in selectors if "[" not in selector}
    counts = Counter(selectors)
    for (i, j), selector in zip(places, selectors, strict=True):
        name, parameter = split_selector(selector)
        if counts[selector] > 1 or (parameter and name in whole):
            yield ("group", i, "checks", j), f"{selector!r} is in several groups"


def _complaints_of_need(
    need: str, place: int, task: Task, earlier: Mapping[str, Task]
) -> Iterable[str]:
    """Go through what is wrong with a need; in its own task, only a group above can be needed."""
    of, name = split_need(need, task.id)
    if of == task.id:
        known = {group.name for group in task.groups[:place]}
        if name not in known:
            yield f"there is no group {name!r} above this one in the task"
    elif of not in earlier:
        yield f"there is no task {of!r} above"
    elif name not in {group.name for group in earlier[of].groups}:
        named = _listed(repr(group.name) for group in earlier[of].groups)
        yield f"task {of} has no group {name!r}, only {named}"


def _complaints_of_speed(speed: Speed, points: float) -> Iterable[tuple[Key, str]]:
    if not speed.workloads:
        yield ("speed", "fast"), "a speed is measured with at least one workload"
    for name, fast in speed.fast.items():
        if name not in BY_NAME:
            yield ("speed", "fast", name), f"no such workload; there are {_listed(BY_NAME)}"
        if fast <= 0:
            yield ("speed", "fast", name), f"a ratio of times is positive: {fast}"
    if speed.ratio < 1:
        yield ("speed", "ratio"), f"nobody has to be faster than the fast kernels: {speed.ratio}"
    if not 0 <= speed.points <= points:
        yield ("speed", "points"), f"{speed.points} of the task's {points} points are impossible"


def _listed(values: Iterable[object]) -> str:
    return ", ".join(map(str, values))
