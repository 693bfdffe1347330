"""Hand-ins of a graded class: their evidence, learners and times."""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import TypeAlias
from zoneinfo import ZoneInfo

from grading.batch.store import REPORT, Grade, Store
from grading.judge.records import RecordError, Report, from_json
from grading.policy.delimiters import delimiter_of
from grading.policy.load import Course, PolicyError
from grading.policy.model import Policy


@dataclass(frozen=True)
class HandIn:
    """One hand-in.

    Attributes:
        submission: The name of the submission.
        learners: The learners who handed it in.
        at: The time; None if the policy names no source of times.
        report: The stored report; None if it was not graded.
        problem: Reason why it was not graded; empty otherwise.
    """

    submission: str
    learners: tuple[str, ...]
    at: datetime | None
    report: Report | None
    problem: str = ""


Names: TypeAlias = Mapping[tuple[str, str], str]
"""The name of each learner by platform ("canvas", "moodle") and id."""


def find_hand_ins(course: Course, store: Store, names: Names | None = None) -> list[HandIn]:
    """Return the hand-ins of a class, the earliest first.

    Args:
        course: The policy.
        store: The results of the class.
        names: The learners by their ids, after which submissions of a download are named.

    Raises:
        PolicyError: A time is missing or not readable, or a file does not have the columns that the
            policy names.
    """
    hand_ins = course.policy.hand_ins
    grades = store.grades()
    if not grades:
        raise PolicyError(
            f"{store.folder} has no results; `hatch run grade --batch DIR --out {store.folder}` "
            "grades a class"
        )
    if course.policy.deadline is not None and hand_ins.times is None:
        raise course.error(
            ("deadline",),
            'a deadline needs the times of hand-ins: [hand_ins] with times = "csv", "platform" '
            'or "commit"',
        )
    found = list(
        _from_csv(course, store, grades) if hand_ins.file else _named(course, store, names or {})
    )
    return sorted(
        found, key=lambda each: (each.at.timestamp() if each.at else 0.0, each.submission)
    )


def members_of(policy: Policy, name: str) -> tuple[str, ...]:
    """Return the learners who hand in together with a learner, or as a pair of this name."""
    for pair in policy.pairs:
        if name == pair.name or name in pair.members:
            return pair.members
    return (name,)


def _named(course: Course, store: Store, known: Names) -> Iterator[HandIn]:
    """Yield the hand-ins of submissions that are named after their learner, id or pair."""
    policy = course.policy
    for key, grade in store.grades().items():
        # Only Gradescope lists the submitters; other downloads are named after ids.
        listed = policy.hand_ins.times == "platform" and not grade.platform
        names = grade.who.split() if listed else []
        own = known.get((grade.platform.lower(), grade.name), grade.name)
        learners = (each for name in names or [own] for each in members_of(policy, name))
        at = _stored_time(course, grade)
        yield _hand_in(store, key, grade, tuple(dict.fromkeys(learners)), at)


def _from_csv(course: Course, store: Store, grades: Mapping[str, Grade]) -> Iterator[HandIn]:
    """Yield the hand-ins in the rows of a CSV file."""
    policy, settings = course.policy, course.policy.hand_ins
    path = course.file(settings.file, ("hand_ins", "file"))
    columns = {"submission": settings.submission, "learner": settings.learner}
    if settings.times == "csv":
        columns["time"] = settings.time
    by_name = {grade.name: (key, grade) for key, grade in grades.items()}
    seen: dict[str, int] = {}
    for line, row in read_rows(course, path, "hand_ins", columns):
        name = row["submission"]
        if name in seen:
            raise PolicyError(f"{path}:{line}: {name!r} is in line {seen[name]}, too")
        seen[name] = line
        if not row["learner"]:
            raise PolicyError(f"{path}:{line}: the learner of {name!r} is empty")
        learners = members_of(policy, row["learner"])
        key, grade = by_name.get(name, ("", None))
        at = None
        if settings.times == "csv":
            at = parsed_time(row["time"], settings.zone, f"{path}:{line}: {settings.time}")
        elif grade is not None:
            at = _stored_time(course, grade)
        if grade is None:
            yield HandIn(name, learners, at, None, "was not graded")
        else:
            yield _hand_in(store, key, grade, learners, at)
    missing = [name for name in by_name if name not in seen]
    if missing:
        raise PolicyError(
            f"{path} has no row for {_some(missing)}; add their rows, or move their results out "
            f"of {store.folder}"
        )


def _hand_in(
    store: Store, key: str, grade: Grade, learners: tuple[str, ...], at: datetime | None
) -> HandIn:
    report = None
    problem = "" if grade.outcome == "graded" else f"{grade.outcome}: {grade.reason}"
    if not problem:
        try:
            report = from_json(store.file(key, REPORT).read_bytes())
        except (OSError, RecordError) as error:
            problem = f"its report cannot be read: {error}"
    return HandIn(grade.name, learners, at, report, problem)


def _stored_time(course: Course, grade: Grade) -> datetime | None:
    """Return the time that was stored when a submission was graded."""
    settings = course.policy.hand_ins
    if settings.times not in ("platform", "commit"):
        return None
    text = grade.handed_in if settings.times == "platform" else grade.committed
    if not text:
        source = {
            "platform": "no time in the platform's metadata",
            "commit": "no git commit",
        }[settings.times]
        raise course.error(
            ("hand_ins", "times"),
            f'{grade.name} has {source}; use times = "csv" with a file of hand-ins',
        )
    return parsed_time(text, settings.zone, f"{grade.name}: time of the {settings.times}")


def parsed_time(text: str, zone: str, where: str) -> datetime:
    """Return a time in ISO 8601.

    Args:
        text: The text.
        zone: The time zone of texts without an offset.
        where: The place of the text, for errors.

    Raises:
        PolicyError: The text is not a time or a day only, or has no offset and there is no zone.
    """
    try:
        at = datetime.fromisoformat(text.strip())
        if _is_day(text):
            raise ValueError
    except ValueError:
        raise PolicyError(
            f"{where}: {text!r} is not a time; write it as 2030-10-08T23:59:00+02:00"
        ) from None
    if at.tzinfo is None:
        if not zone:
            raise PolicyError(
                f"{where}: {text!r} has no offset from UTC; add it (+02:00), or set the time zone "
                'of the file: [hand_ins] zone = "Europe/Berlin"'
            )
        at = at.replace(tzinfo=ZoneInfo(zone))
    return at


def _is_day(text: str) -> bool:
    """Return True for a day without a time, which does not show whether a hand-in is late."""
    try:
        date.fromisoformat(text.strip())
    except ValueError:
        return False
    return True


def read_rows(
    course: Course, path: Path, table: str, columns: Mapping[str, str]
) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield the rows of a CSV file: the line, and the cells by the keys of `columns`.

    The delimiter is a comma, a semicolon or a tab. Blank rows are left out.

    Args:
        course: The policy.
        path: The file.
        table: The table of the policy that names the file and its columns.
        columns: The headers by key of the policy.

    Raises:
        PolicyError: The file is not UTF-8, lacks a column, or has a column twice.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise PolicyError(
            f"{path} is not UTF-8 ({error.reason} at byte {error.start}); save it as CSV in UTF-8"
        ) from None
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter_of(text))
    headers = [header.strip() for header in next(reader, [])]
    at: dict[str, int] = {}
    for name, header in columns.items():
        number, key = headers.count(header), (table, name)
        if not number:
            listed = _some(headers) or "no columns"
            raise course.error(key, f"{path} has no column {header!r}; it has {listed}")
        if number > 1:
            raise course.error(key, f"{path} has {number} columns {header!r}; rename the others")
        at[name] = headers.index(header)
    for row in reader:
        cells = [cell.strip() for cell in row]
        if any(cells):
            yield reader.line_num, {key: (cells[i : i + 1] or [""])[0] for key, i in at.items()}


def _some(names: Iterable[str]) -> str:
    """Return up to five names as text."""
    listed = [repr(name) for name in names]
    more = f" and {len(listed) - 5} more" if len(listed) > 5 else ""
    return ", ".join(listed[:5]) + more
