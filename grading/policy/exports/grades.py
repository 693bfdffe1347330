"""Grades that go into a platform's file, and the result of filling it in."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

Grade: TypeAlias = "float | Literal['excused'] | None"
"""A mark; "excused"; None if there is no mark, so that the cell stays as it is."""


@dataclass(frozen=True)
class Grades:
    """The grades of a class.

    Attributes:
        by_id: The grade by the identifier of the platform, of all learners.
        names: The name of each learner in the policy, by the same identifier.
        of: The best possible mark.
        decimals: Number of decimals.
    """

    by_id: Mapping[str, Grade]
    names: Mapping[str, str]
    of: float
    decimals: int

    def text(self, value: float, point: str = ".") -> str:
        """Return a mark as text, with at most two decimals and without trailing zeros."""
        text = f"{value:.{self.decimals}f}"
        return (text.rstrip("0").rstrip(".") if "." in text else text).replace(".", point)


@dataclass(frozen=True)
class Filled:
    """The result of filling in a platform's file.

    Attributes:
        platform: "Canvas" or "Moodle".
        column: The header of the column with the grades.
        content: The new content of the file.
        changed: The new text of each changed cell, by the platform's identifier.
        left: The reason of each cell that stays as it is, by the name of the learner.
        strangers: Learners with a mark or an excuse who are not in the file.
        others: Rows of the file without a learner of the policy.
    """

    platform: str
    column: str
    content: bytes
    changed: Mapping[str, str]
    left: Mapping[str, str]
    strangers: Sequence[str]
    others: Sequence[str]


def parsed_number(text: str) -> float | None:
    """Return a number with a decimal point or a decimal comma; None for other texts."""
    try:
        return float(text.strip().replace(",", "."))
    except ValueError:
        return None
