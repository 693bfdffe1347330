"""Moodle's offline grading worksheet, with the grades filled in.

Moodle matches rows by `Identifier` and compares `Last modified (grade)` with the stored grade, so
this cell stays as it is. A blank grade leaves the stored grade alone; an empty cell of feedback
would overwrite a comment, so that these cells stay, too.
"""

import re

from grading.policy.exports.cells import Cells, FileError, only_row, parse
from grading.policy.exports.grades import Filled, Grades, parsed_number
from grading.policy.model import Moodle

PARTICIPANT = re.compile(r"(?:\D*\s)?(\d+)")


def is_moodle(cells: Cells, headers: Moodle) -> bool:
    """Return True if the file has the columns that Moodle needs."""
    return {headers.identifier, headers.grade} <= set(cells.rows[0])


def fill(content: bytes, grades: Grades, headers: Moodle) -> Filled:
    """Fill in the grades of a worksheet.

    Args:
        content: The worksheet.
        grades: The grades by the number of the participant.
        headers: The headers of the columns, in the language of the site.

    Raises:
        FileError: The file is not a worksheet, or its maximum is not that of the marks.
    """
    cells = parse(content)
    header = cells.rows[0]
    at: dict[str, int] = {}
    for key in ("identifier", "grade", "modified", "maximum"):
        name: str = getattr(headers, key)
        names = (name, "Maximum grade") if name == "Maximum Grade" else (name,)
        found = [i for i, each in enumerate(header) if each in names]
        if not found:
            raise FileError(
                f"it is not Moodle's grading worksheet: there is no column {name!r}; on a site in "
                f'another language, name it in the policy: [export.moodle] {key} = "…"'
            )
        if len(found) > 1:
            raise FileError(f"it has {len(found)} columns {name!r}; export it again")
        at[key] = found[0]
    rows = only_row(list(_participants(cells, at["identifier"])), "participant")
    changed: dict[str, str] = {}
    left: dict[str, str] = {}
    for identifier, row in rows.items():
        if identifier not in grades.by_id:
            continue
        grade = grades.by_id[identifier]
        most = cells.rows[row][at["maximum"]]
        if (possible := parsed_number(most)) != grades.of:
            raise FileError(
                f"the maximum grade in row {row + 1} is {most!r} and the marks are out of "
                f"{grades.of:g}"
                + (
                    f"; scale them in the policy: [export] out_of = {possible:g}"
                    if possible
                    else "; Moodle's worksheet needs a numeric grade"
                )
            )
        if grade is None:
            left[grades.names[identifier]] = "there is no mark"
        elif grade == "excused":
            left[grades.names[identifier]] = "excused; Moodle's worksheet has no sign for it"
        elif grade > grades.of:
            left[grades.names[identifier]] = f"Moodle skips grades above {grades.of:g}"
        elif _same(cells.rows[row][at["grade"]], grade):
            continue
        else:
            new = grades.text(grade, "," if "," in most else ".")
            cells.set(row, at["grade"], new)
            changed[identifier] = new
    return Filled(
        platform="Moodle",
        column=headers.grade,
        content=cells.encode(),
        changed=changed,
        left=left,
        strangers=[
            grades.names[each]
            for each, grade in grades.by_id.items()
            if each not in rows and grade is not None
        ],
        others=[each for each in rows if each not in grades.by_id],
    )


def _participants(cells: Cells, column: int) -> "list[tuple[int, str]]":
    """Return the rows of participants with their numbers: "Participant 4711" has 4711."""
    found = []
    for i, row in enumerate(cells.rows[1:], start=1):
        if not any(cell.strip() for cell in row):
            continue
        match = PARTICIPANT.fullmatch(row[column].strip()) if len(row) > column else None
        if match is None:
            raise FileError(f"row {i + 1} has no participant: {row[column : column + 1]}")
        found.append((i, match[1]))
    return found


def _same(old: str, new: float) -> bool:
    value = parsed_number(old)
    return value is not None and round(value, 5) == round(new, 5)
