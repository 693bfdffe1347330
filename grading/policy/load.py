"""Loading and validation of a course's policy; errors name file, line and key."""

import hashlib
import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from math import isfinite
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from grading.judge.forbidden_calls import NAME as FORBIDDEN
from grading.judge.replays import NAME as REPLAYED
from grading.policy.model import ALLOWED, PARTS, TABLES, CheckRow, Part, Policy
from grading.tasks.model import Group, Table, Task, UnknownTaskError, split_selector
from grading.tasks.positions import Key, Positions
from grading.tasks.validation import UNKNOWN, key_of, located

REFUSALS = (FORBIDDEN, REPLAYED)
"""Checks beside the table that refuse the points of a group, and name it: "NAME[group]"."""


MAX_GRACE = 7 * 24 * 60
"""Longest grace in minutes."""

MOST_POINTS = 10_000
"""Largest mark: reports show six digits, two of them decimals."""

MISSING = re.compile(r"Object missing required field `(.+)`")
SYNTAX = re.compile(r"(.+) \(at line (\d+), column \d+\)")
WRONG_TYPE = re.compile(r"Expected `(.+)`, got `(.+)`")
EXAMPLE_TIME = "2030-10-08T23:59:00+02:00"

TYPES = {
    "str": "a text in quotes",
    "float": "a number",
    "int": "a whole number",
    "bool": "true or false without quotes",
    "array": "a list in brackets",
    "object": "a table",
    "datetime": f"a time ({EXAMPLE_TIME})",
    "date": "a day without a time",
    "time": "a time without a day",
}
"""The types of values in words."""


class PolicyError(ValueError):
    """A policy, or a file that it names, is invalid; the message names file, line and key."""


@dataclass(frozen=True)
class Course:
    """A valid policy with its file.

    Attributes:
        policy: The rules.
        path: The file.
        text: The content of the file.
    """

    policy: Policy
    path: Path
    text: str

    @property
    def checksum(self) -> str:
        """The first 12 hexadecimal digits of the SHA-256 checksum of the file."""
        return hashlib.sha256(self.text.encode()).hexdigest()[:12]

    def error(self, key: Key, problem: str) -> PolicyError:
        """Return an error with the file, the line of a key, and the key."""
        return PolicyError(located(self.path, Positions(self.text), key, problem))

    def file(self, name: str, key: Key) -> Path:
        """Return the path of a file that the policy names.

        Raises:
            PolicyError: The file does not exist.
        """
        path = self.path.parent / name
        if not path.is_file():
            raise self.error(key, f"there is no file {path}")
        return path


def load(path: Path, table: Table) -> Course:
    """Read a policy.

    Args:
        path: The file.
        table: The table of tasks that it refers to.

    Raises:
        PolicyError: The file cannot be read, is not TOML, or is invalid.
    """
    try:
        text = path.read_bytes().decode()
        # Editors on Windows write a byte order mark, which TOML does not know.
        content = tomllib.loads(text.removeprefix("\ufeff"))
    except OSError as error:
        raise PolicyError(f"{path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise PolicyError(
            f"{path} is not UTF-8 ({error.reason} at byte {error.start}); save it as UTF-8"
        ) from None
    except tomllib.TOMLDecodeError as error:
        raise PolicyError(f"{path}{_place(str(error), text)}") from None
    try:
        policy = msgspec.convert(content, Policy)
    except msgspec.ValidationError as error:
        problem, _, where = str(error).partition(" - at ")
        key = key_of(where, problem)
        explained = _with_allowed_values(problem, key)
        raise PolicyError(located(path, Positions(text), key, explained)) from None
    course = Course(policy, path, text)
    for key, problem in _problems(policy, table):
        raise course.error(key, problem)
    return course


def task_of(name: str, table: Table) -> Task | None:
    """Return the task "4.2" or "task4_2"; None if there is no such task."""
    return next((task for task in table.tasks if name in (task.id, task.marker)), None)


def _place(problem: str, text: str) -> str:
    """Return a problem of the TOML syntax with its line, as in ":3: name = = 1: Invalid value"."""
    found = SYNTAX.fullmatch(problem)
    if found is None:
        return f": {problem}"
    line = text.splitlines()[int(found[2]) - 1].strip()
    what = "this key occurs twice" if found[1] == "Cannot overwrite a value" else found[1]
    return f":{found[2]}: {line}: {what}"


def _with_allowed_values(problem: str, key: Key) -> str:
    if unknown := UNKNOWN.fullmatch(problem):
        return f"there is no key {unknown[1]!r} here{_other_key(unknown[1], key[:-1])}"
    if missing := MISSING.fullmatch(problem):
        return f"the key {missing[1]!r} is missing"
    if problem.startswith("Invalid enum value"):
        name = next((part for part in reversed(key) if part in ALLOWED), "")
        if name:
            return f"{problem}; allowed are {_listed(map(repr, ALLOWED[str(name)]))}"
        return f"{problem}; allowed is 1" if key == ("version",) else problem
    if "timezone component" in problem:
        return f"a time needs its offset from UTC: {EXAMPLE_TIME}"
    if "RFC3339" in problem:
        return f"it is not a time; write it as {EXAMPLE_TIME}"
    if wrong := WRONG_TYPE.fullmatch(problem):
        wanted = wrong[1].removesuffix(" | null")
        return f"expected {TYPES.get(wanted, wanted)}, got {TYPES.get(wrong[2], wrong[2])}"
    return problem


def _other_key(name: str, table: Key) -> str:
    """Return the nearest key of a table, or the tables that have an unknown key."""
    names = [part for part in table if isinstance(part, str)]
    allowed = (TABLES[names[-1]] if names else Policy).__struct_encode_fields__
    elsewhere = [
        f"[{each}]" for each, kind in TABLES.items() if name in kind.__struct_encode_fields__
    ]
    if name in Policy.__struct_encode_fields__:
        elsewhere.insert(0, "the file, before its first table")
    if elsewhere:
        return f"; it is a key of {_listed(elsewhere)}"
    return _near(name, allowed) or f"; allowed are {_listed(sorted(allowed))}"


def _problems(policy: Policy, table: Table) -> Iterable[tuple[Key, str]]:
    """Yield the problems beyond wrong types."""
    if not policy.name.strip():
        yield ("name",), "a policy needs a name, which reports show"
    yield from _feedback(policy.feedback, ())
    yield from _hidden_without_deadline(policy)
    for i, name in enumerate(policy.tasks):
        try:
            table.select([name])
        except UnknownTaskError as error:
            yield ("tasks", i), str(error).partition("\n")[0]
    yield from _problems_of_tasks(policy, table)
    yield from _problems_of_groups(policy, table)
    yield from _problems_of_checks(policy, table)
    yield from _problems_of_speed(policy, table)
    yield from _problems_of_time(policy)
    yield from _problems_of_people(policy)
    if policy.export.out_of is not None and not 0 < policy.export.out_of <= MOST_POINTS:
        yield (
            ("export", "out_of"),
            f"the maximum is above 0 and at most {MOST_POINTS}, got {policy.export.out_of:g}",
        )
    if not 0 <= policy.export.decimals <= 2:
        yield (
            ("export", "decimals"),
            f"platforms compare 2 decimals; allowed are 0 to 2, got {policy.export.decimals}",
        )


def _problems_of_tasks(policy: Policy, table: Table) -> Iterable[tuple[Key, str]]:
    seen: set[str] = set()
    for i, row in enumerate(policy.task_rows):
        task = task_of(row.id, table)
        if task is None:
            yield ("task", i, "id"), _no_task(row.id, table)
            continue
        if task.id in seen:
            yield ("task", i, "id"), f"task {task.id} occurs twice"
        seen.add(task.id)
        yield from _feedback(row.feedback, ("task", i))


def _problems_of_groups(policy: Policy, table: Table) -> Iterable[tuple[Key, str]]:
    whole = {row.id for row in policy.task_rows if row.all_or_nothing}
    seen: set[tuple[str, str]] = set()
    for i, row in enumerate(policy.group_rows):
        task = task_of(row.task, table)
        if task is None:
            yield ("group", i, "task"), _no_task(row.task, table)
            continue
        names = [group.name for group in task.groups]
        if row.name not in names:
            yield ("group", i, "name"), _no_group(row.name, task)
        if (task.id, row.name) in seen:
            yield ("group", i, "name"), f"the group {row.name!r} of task {task.id} occurs twice"
        seen.add((task.id, row.name))
        if not row.all_or_nothing and whole & {task.id, task.marker}:
            yield (
                ("group", i, "all_or_nothing"),
                f"task {task.id} is all or nothing, so its groups cannot earn partial points",
            )
        if row.points is not None and row.use in ("advice", "off"):
            yield ("group", i, "points"), f'a group with use = "{row.use}" has no points'
        yield from _points(row.points, ("group", i, "points"))
        yield from _feedback(row.feedback, ("group", i))


def _problems_of_checks(policy: Policy, table: Table) -> Iterable[tuple[Key, str]]:
    seen: set[tuple[str, str]] = set()
    for i, row in enumerate(policy.check_rows):
        task = task_of(row.task, table)
        if task is None:
            yield ("check", i, "task"), _no_task(row.task, table)
            continue
        names = _names_of_checks(task)
        if row.name not in names:
            near = _near(row.name, names) or f"; it has {_listed(map(repr, names))}"
            yield ("check", i, "name"), f"task {task.id} has no check {row.name!r}{near}"
        if (task.id, row.name) in seen:
            yield ("check", i, "name"), f"the check {row.name} of task {task.id} occurs twice"
        seen.add((task.id, row.name))
        if row.group and row.group not in {group.name for group in task.groups}:
            yield ("check", i, "group"), _no_group(row.group, task)
        own = group_of(task, row.name)
        if row.group and own is not None:
            yield ("check", i, "group"), f"the check belongs to the group {own.name!r} already"
        if row.use == "required" and row.name in task.checks.advice and not row.group:
            named = _listed(repr(group.name) for group in task.groups)
            yield (
                ("check", i, "use"),
                f"{row.name} is advice in the table of tasks; to require it, name the group "
                f"that it joins: group = …; task {task.id} has {named}",
            )
        of_group = own or joined_group(task, row)
        if row.points is not None and (of_group is None or not _is_split(policy, task, of_group)):
            yield (
                ("check", i, "points"),
                "a check has own points only in a group with all_or_nothing = false",
            )
        elif row.points is not None and own is None and row.use != "required":
            yield (
                ("check", i, "points"),
                f'a check that joins a group earns points with use = "required"; {row.name} has '
                f"{'none' if row.use is None else repr(row.use)}",
            )
        yield from _points(row.points, ("check", i, "points"))
        yield from _feedback(row.feedback, ("check", i))
    for i, group_row in enumerate(policy.group_rows):
        task = task_of(group_row.task, table)
        if task is None or group_row.all_or_nothing:
            continue
        group = next((each for each in task.groups if each.name == group_row.name), None)
        if group is None:
            continue
        checks = (*group.checks, *joining(policy, task, group))
        of_task = [row for row in policy.check_rows if row.task in (task.id, task.marker)]
        given = {
            row.name: row.points for row in of_task if row.points is not None and row.name in checks
        }
        off = {row.name for row in of_task if row.use in ("advice", "off")}
        missing = [name for name in checks if name not in given and name not in off]
        if given and missing:
            yield (
                ("group", i, "name"),
                f"some checks have points, but not {_listed(missing)}; give all of them or none",
            )
        if given and group_row.points is not None and group_row.points != sum(given.values()):
            yield (
                ("group", i, "points"),
                f"the points of its checks add up to {sum(given.values()):g}, "
                f"got {group_row.points:g}",
            )


def _problems_of_speed(policy: Policy, table: Table) -> Iterable[tuple[Key, str]]:
    seen: set[tuple[str, float]] = set()
    for i, row in enumerate(policy.speed_rows):
        task = task_of(row.task, table)
        if task is None:
            yield ("speed", i, "task"), _no_task(row.task, table)
            continue
        if task.speed is None:
            measured = _listed(each.id for each in table.tasks if each.speed is not None)
            yield (
                ("speed", i, "task"),
                f"the speed of task {task.id} is not measured; it is measured of {measured}",
            )
        if not row.at_most > 0:
            yield ("speed", i, "at_most"), f"the ratio has to be positive, got {row.at_most:g}"
        if (task.id, row.at_most) in seen:
            yield ("speed", i, "at_most"), f"the threshold {row.at_most:g} occurs twice"
        for other in policy.speed_rows:
            same = other.task in (task.id, task.marker)
            slower = same and other.at_most > row.at_most
            if slower and other.points > row.points:
                yield (
                    ("speed", i, "points"),
                    f"a ratio of {row.at_most:g} earns {row.points:g} points and the slower "
                    f"{other.at_most:g} earns {other.points:g}",
                )
        seen.add((task.id, row.at_most))
        yield from _points(row.points, ("speed", i, "points"))


def _problems_of_time(policy: Policy) -> Iterable[tuple[Key, str]]:
    late, deadline, hand_ins = policy.late, policy.deadline, policy.hand_ins
    if deadline is None:
        if late is not None:
            yield ("late",), "a rule for late hand-ins needs [deadline]"
        if policy.extensions:
            yield ("extension", 0), "an extension needs [deadline]"
    elif not 0 <= deadline.grace_minutes <= MAX_GRACE:
        yield (
            ("deadline", "grace_minutes"),
            f"allowed are 0 to {MAX_GRACE} minutes, got {deadline.grace_minutes:g}; "
            "a longer delay needs an extension or [late]",
        )
    if late is not None:
        if (late.percent is None) == (late.points is None):
            yield ("late",), "a rule for late hand-ins has either `percent` or `points`"
        if late.percent is not None and not 0 <= late.percent <= 100:
            yield ("late", "percent"), f"allowed are 0 to 100 percent, got {late.percent:g}"
        if not 0 <= late.at_most_percent <= 100:
            yield (
                ("late", "at_most_percent"),
                f"allowed are 0 to 100 percent, got {late.at_most_percent:g}",
            )
        yield from _points(late.points, ("late", "points"))
        if deadline is not None and late.until is not None and late.until < deadline.at:
            yield ("late", "until"), "no hand-in counts: `until` is before the deadline"
    for i, extension in enumerate(policy.extensions):
        if deadline is not None and extension.until < deadline.at:
            yield ("extension", i, "until"), "the extension ends before the deadline"
        if any(each.who == extension.who for each in policy.extensions[:i]):
            yield ("extension", i, "who"), f"{extension.who!r} has two extensions"
    if hand_ins.times == "csv" and not hand_ins.file:
        yield ("hand_ins", "times"), 'times = "csv" needs a file: file = "hand-ins.csv"'
    if hand_ins.zone:
        try:
            ZoneInfo(hand_ins.zone)
        except (ZoneInfoNotFoundError, ValueError):
            yield (
                ("hand_ins", "zone"),
                f'there is no time zone {hand_ins.zone!r}; write it as "Europe/Berlin"',
            )


def _problems_of_people(policy: Policy) -> Iterable[tuple[Key, str]]:
    members: dict[str, str] = {}
    for i, pair in enumerate(policy.pairs):
        if not pair.name.strip():
            yield ("pair", i, "name"), "a pair needs a name"
        if any(each.name == pair.name for each in policy.pairs[:i]):
            yield ("pair", i, "name"), f"the pair {pair.name!r} occurs twice"
        if len(set(pair.members)) < 2:
            yield ("pair", i, "members"), "a pair has at least two different members"
        for j, member in enumerate(pair.members):
            if member in members:
                both = f"in two pairs: {members[member]!r} and {pair.name!r}"
                what = "twice in this pair" if members[member] == pair.name else both
                yield ("pair", i, "members", j), f"{member!r} is {what}"
            members[member] = pair.name
    for i, pair in enumerate(policy.pairs):
        if pair.name in members:
            yield ("pair", i, "name"), f"{pair.name!r} is the name of a learner, too"


def _is_split(policy: Policy, task: Task, group: Group) -> bool:
    """Return True if each check of a group earns its own points."""
    return any(
        row.name == group.name and row.task in (task.id, task.marker) and not row.all_or_nothing
        for row in policy.group_rows
    )


def joined_group(task: Task, row: CheckRow) -> Group | None:
    """Return the group that a check joins by a row of the policy; None if it joins none."""
    return next((group for group in task.groups if group.name == row.group), None)


def joining(policy: Policy, task: Task, group: Group) -> tuple[str, ...]:
    """Return the checks that a policy adds to a group: advice that it requires."""
    return tuple(
        row.name
        for row in policy.check_rows
        if row.task in (task.id, task.marker) and row.group == group.name and row.use == "required"
    )


def group_of(task: Task, check: str) -> Group | None:
    """Return the group of a check, by its selector or its name; None for advice."""
    exact = (group for group in task.groups if check in group.checks)
    by_name = (
        group
        for group in task.groups
        if any(split_selector(entry)[0] == check for entry in group.checks)
    )
    return next(exact, None) or next(by_name, None)


def _names_of_checks(task: Task) -> tuple[str, ...]:
    """Return the names and selectors of all checks of a task."""
    selectors = (entry for group in task.groups for entry in group.checks)
    return tuple(dict.fromkeys((*selectors, *task.checks.names, *REFUSALS)))


def _feedback(parts: tuple[Part, ...] | None, key: Key) -> Iterable[tuple[Key, str]]:
    if parts and "verdict" not in parts:
        yield (
            (*key, "feedback"),
            f'{_listed(parts)} shows that a check failed; add "verdict", or write [] for nothing',
        )
    if parts and "counterexample" in parts and "sentence" not in parts:
        yield (*key, "feedback"), 'a counterexample needs its "sentence"'


def _hidden_without_deadline(policy: Policy) -> Iterable[tuple[Key, str]]:
    """Yield the first rule that hides something, if no deadline says until when."""
    given: list[tuple[Key, tuple[Part, ...] | None]] = [(("feedback",), policy.feedback)]
    given += [(("task", i, "feedback"), row.feedback) for i, row in enumerate(policy.task_rows)]
    given += [(("group", i, "feedback"), row.feedback) for i, row in enumerate(policy.group_rows)]
    given += [(("check", i, "feedback"), row.feedback) for i, row in enumerate(policy.check_rows)]
    for key, parts in given:
        if policy.deadline is None and parts is not None and set(parts) != ALL:
            yield (
                key,
                "without [deadline], this hides nothing; add the deadline until which it counts",
            )


def _points(points: float | None, key: Key) -> Iterable[tuple[Key, str]]:
    if points is not None and not (points >= 0 and isfinite(points)):
        yield key, f"points have to be at least 0, got {points}"


def _no_task(name: str, table: Table) -> str:
    return str(UnknownTaskError(name, table)).partition("\n")[0]


def _no_group(name: str, task: Task) -> str:
    named = _listed(repr(group.name) for group in task.groups)
    return f"task {task.id} has no group {name!r}; it has {named}"


def _near(name: str, names: Iterable[str]) -> str:
    near = get_close_matches(name, list(names), n=1, cutoff=0.6)
    return f"; did you mean {near[0]}?" if near else ""


def _listed(values: Iterable[object]) -> str:
    return ", ".join(map(str, values))


ALL: frozenset[Part] = frozenset(PARTS)
