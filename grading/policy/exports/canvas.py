"""Canvas' gradebook: the export of a course, with the grades of one assignment filled in.

The rules are those of Canvas' importer: the header begins with `Student` and `ID`; columns of
assignments stand after `Section` and are named "Title (123)"; a row of points may follow. A blank
cell is a value, so a cell without a grade keeps its content. `EX` excuses a learner.
"""

import re
from collections.abc import Sequence

from grading.policy.exports.cells import Cells, FileError, only_row, parse
from grading.policy.exports.grades import Filled, Grades, parsed_number

IGNORED = re.compile(
    r"(Current|Final) (Score|Points|Grade)|Override (Grade|Score|Status)", re.IGNORECASE
)
"""Columns that Canvas computes and never imports."""

ASSIGNMENT = re.compile(r".* \((\d+)\)")
POINTS_ROW = "Points Possible"
READ_ONLY = "read only"
NOT_ASSIGNED = "N/A"
EXCUSED = "EX"


def is_canvas(cells: Cells) -> bool:
    """Return True if the header is that of Canvas' gradebook."""
    header = cells.rows[0]
    return len(header) > 1 and "Student" in header[0] and "ID" in header[1]


def fill(content: bytes, grades: Grades, column: str = "") -> Filled:
    """Fill in the grades of a gradebook.

    Args:
        content: The export of the gradebook.
        grades: The grades by Canvas' `ID`.
        column: Header or id of the assignment's column; by default the only one.

    Raises:
        FileError: The file is not a gradebook, the column cannot be chosen, or its points differ.
    """
    cells = parse(content)
    header = cells.rows[0]
    if not is_canvas(cells):
        raise FileError(
            f"it is not Canvas' gradebook: its header begins with {header[:2]}, and Canvas' with "
            "'Student' and 'ID'"
        )
    at = _column(header, column)
    points = next((row for row in cells.rows[1:] if row and POINTS_ROW in row[0]), None)
    _check_points(points, at, header, grades)
    learners = [
        (i, row[1].strip())
        for i, row in enumerate(cells.rows)
        if i and len(row) > at and row is not points and row[1].strip()
    ]
    rows = only_row(learners, "ID")
    changed: dict[str, str] = {}
    left: dict[str, str] = {}
    point = _decimal_point(cells)
    for identifier, row in rows.items():
        if identifier not in grades.by_id:
            continue
        grade, old = grades.by_id[identifier], cells.rows[row][at]
        if grade is None:
            left[grades.names[identifier]] = "there is no mark"
        elif old.strip() == NOT_ASSIGNED:
            left[grades.names[identifier]] = "Canvas does not assign it to this learner"
        else:
            new = EXCUSED if grade == "excused" else grades.text(grade, point)
            if grade != "excused" and _same(old, grade):
                continue
            cells.set(row, at, new)
            if cells.changed and cells.changed[-1][:2] == (row, at):
                changed[identifier] = new
    return Filled(
        platform="Canvas",
        column=header[at],
        content=cells.encode(),
        changed=changed,
        left=left,
        strangers=[
            grades.names[each]
            for each, grade in grades.by_id.items()
            if each not in rows and grade is not None
        ],
        others=[cells.rows[row][0] for each, row in rows.items() if each not in grades.by_id],
    )


def _column(header: Sequence[str], wanted: str) -> int:
    """Return the column of an assignment, by its header or its id."""
    if "Section" not in header:
        raise FileError("it is not Canvas' gradebook: there is no column 'Section'")
    first = header.index("Section") + 1
    found = {
        i: name
        for i, name in enumerate(header)
        if i >= first and ASSIGNMENT.fullmatch(name) and not IGNORED.search(name)
    }
    named = ", ".join(map(repr, found.values())) or "none"
    if wanted:
        ids = {i: ASSIGNMENT.fullmatch(name) for i, name in found.items()}
        match = [i for i, name in found.items() if wanted in (name, (ids[i] or [""] * 2)[1])]
        if IGNORED.search(wanted):
            raise FileError(f"Canvas never imports the column {wanted!r}; choose one of {named}")
        if len(match) > 1:
            raise FileError(f"it has {len(match)} columns {wanted!r}; export it again")
        if not match:
            raise FileError(f"it has no column {wanted!r}; its assignments are {named}")
        return match[0]
    if len(found) != 1:
        raise FileError(
            f"the column of the assignment is not clear: there are {named}; "
            'set it in the policy: [export.canvas] column = "Title (123)"'
        )
    return next(iter(found))


def _check_points(
    points: Sequence[str] | None, at: int, header: Sequence[str], grades: Grades
) -> None:
    """Check that the points of the assignment are those of the marks."""
    if points is None or len(points) <= at:
        return
    if READ_ONLY in points[at]:
        raise FileError(f"Canvas marks the column {header[at]!r} as read only and does not read it")
    possible = parsed_number(points[at])
    if possible is not None and possible != grades.of:
        raise FileError(
            f"the assignment {header[at]!r} has {possible:g} points and the marks are out of "
            f"{grades.of:g}; scale them in the policy: [export] out_of = {possible:g}"
        )


def _decimal_point(cells: Cells) -> str:
    """Return the decimal separator of the numbers in the file; a point if there is none."""
    numbers = (
        cell
        for row in cells.rows[1:]
        for cell in row
        if re.fullmatch(r"\d+,\d+", cell) and cells.delimiter != ","
    )
    return "," if next(numbers, None) else "."


def _same(old: str, new: float) -> bool:
    """Return True if Canvas sees no change: it compares two decimals."""
    value = parsed_number(old)
    return value is not None and round(value, 2) == round(new, 2)
