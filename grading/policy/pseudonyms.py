"""Reports without names: each learner gets a random number, and names in texts are replaced."""

import re
import secrets
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from grading.judge.records import Record, Report
from grading.policy.load import PolicyError
from grading.reports.files import replace_file
from grading.tasks.table import PATH

R = TypeVar("R", bound=Record)

FILE = "pseudonyms.json"
"""File with the numbers, in the folder of the results, so that they are the same every time."""

SHORTEST = 2
"""Length of the shortest name that is replaced inside texts; one letter is no name."""

FIELDS = ("name", "hand_in", "learner", "pair", "by")
"""Fields of records that contain nothing but a name."""

JUDGED = ("tasks", "modules")
"""Fields of a report that the grader has written about the code."""

SHORTEST_NUMBER = 6
"""Length of the shortest number that is replaced inside texts.

Shorter numbers are years, lines and measured values, too. To replace them would show the id of the
learner whose number stands there.
"""


def pseudonyms(folder: Path, learners: Iterable[str]) -> dict[str, str]:
    """Return a pseudonym for each learner, and store those of new learners.

    Args:
        folder: The folder of the results of a class.
        learners: The names of all learners.

    Raises:
        PolicyError: The file with the numbers is damaged.
    """
    path = folder / FILE
    try:
        known = msgspec.json.decode(path.read_bytes(), type=dict[str, str])
    except FileNotFoundError:
        known = {}
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise PolicyError(
            f"{path} is damaged ({error}); restore it, or remove it to draw new numbers"
        ) from None
    new = [learner for learner in learners if learner not in known]
    # In random order, because numbers in the order of the names would reveal them.
    secrets.SystemRandom().shuffle(new)
    numbers = range(len(known) + 1, len(known) + len(new) + 1)
    known |= {name: f"person-{number:03}" for name, number in zip(new, numbers, strict=True)}
    replace_file(path, msgspec.json.format(msgspec.json.encode(known)))
    return known


def without_names(report: Report, names: Mapping[str, str]) -> Report:
    """Return a report in which names are replaced, in all texts, and without the path.

    Args:
        report: The report.
        names: The replacement of each name: of learners, pairs, submissions and addresses.
    """
    path = report.submission.path
    # The names of folders in a hand-in often contain the learner's name.
    submission = msgspec.structs.replace(report.submission, path="", folder="", others=())
    anonymous = msgspec.structs.replace(report, submission=submission)
    return replace_names(anonymous, {**names, **({path: "submission"} if path else {})})


def replace_names(record: R, names: Mapping[str, str]) -> R:
    """Return a record in which names are replaced, in all texts.

    Single letters and ids of few digits are replaced only in fields of names. A name that is a word
    of the course, such as "Max" or "Sum", stays in texts about the code, except in paths: otherwise
    each function of this name would show the learner's number.
    """
    known = {name.lower(): other for name, other in names.items()}
    inside = [
        name for name in known if len(name) >= (SHORTEST_NUMBER if name.isdecimal() else SHORTEST)
    ]
    common = course_words()
    anywhere = _pattern(inside)
    about_code = _pattern([name for name in inside if name not in common])
    in_paths = re.compile(
        rf"(?<=[/\\])(?:{_alternatives(common.intersection(inside))})(?=[/\\])", re.IGNORECASE
    )

    def number(found: re.Match[str]) -> str:
        return known.get(found[0].lower(), "person")

    def replaced(value: Any, field: str = "", judged: bool = False) -> Any:
        if isinstance(value, str):
            if judged:
                return in_paths.sub(number, about_code.sub(number, value))
            if field in FIELDS and value.lower() in known:
                return known[value.lower()]
            return anywhere.sub(number, value)
        if isinstance(value, dict):
            return {
                key: replaced(each, key, judged or key in JUDGED) for key, each in value.items()
            }
        if isinstance(value, list | tuple):
            return [replaced(each, judged=judged) for each in value]
        return value

    return msgspec.convert(replaced(msgspec.to_builtins(record)), type(record))


def _pattern(names: Iterable[str]) -> re.Pattern[str]:
    # The point excludes the digits of measured values.
    return re.compile(rf"(?<!\w)(?<!\d\.)(?:{_alternatives(names)})(?!\w)", re.IGNORECASE)


def _alternatives(names: Iterable[str]) -> str:
    """Return a regular expression of names, the longest first; it matches nothing without any."""
    return "|".join(map(re.escape, sorted(names, key=len, reverse=True))) or "(?!)"


@cache
def course_words() -> frozenset[str]:
    """Return the words of the table of tasks in lower case: functions, checks, explanations."""
    text = PATH.read_text(encoding="utf-8")
    return frozenset(re.findall(r"[^\W\d_]+", text.lower()))
