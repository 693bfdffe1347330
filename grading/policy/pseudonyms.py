"""Reports without names: each learner gets a random number, and names in texts are replaced."""

import re
import secrets
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from grading.judge.records import Record, Report
from grading.policy.load import PolicyError
from grading.reports.files import replace_file

R = TypeVar("R", bound=Record)

FILE = "pseudonyms.json"
"""File with the numbers, in the folder of the results, so that they are the same every time."""

SHORTEST = 2
"""Length of the shortest name that is replaced inside texts; one letter is no name."""

FIELDS = ("name", "hand_in", "learner", "pair", "by")
"""Fields of records that contain nothing but a name."""

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

    Single letters and ids of few digits are replaced only in fields of names.
    """
    known = {name.lower(): other for name, other in names.items()}
    inside = [
        name for name in known if len(name) >= (SHORTEST_NUMBER if name.isdecimal() else SHORTEST)
    ]
    alternatives = "|".join(map(re.escape, sorted(inside, key=len, reverse=True)))
    # The point excludes the digits of measured values.
    pattern = re.compile(rf"(?<!\w)(?<!\d\.)(?:{alternatives or '(?!)'})(?!\w)", re.IGNORECASE)

    def replaced(value: Any, field: str = "") -> Any:
        if isinstance(value, str):
            if field in FIELDS and value.lower() in known:
                return known[value.lower()]
            return pattern.sub(lambda found: known.get(found[0].lower(), "person"), value)
        if isinstance(value, dict):
            return {key: replaced(each, key) for key, each in value.items()}
        return [replaced(each) for each in value] if isinstance(value, list | tuple) else value

    return msgspec.convert(replaced(msgspec.to_builtins(record)), type(record))
