"""The platforms' side: gradebooks that import a file by the platforms' own rules.

These classes share no code with the exports. They read a file with Python's `csv` module alone and
follow the importers of Canvas and Moodle, so that a file that these refuse is refused here.
"""

import csv
import io
import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta


class RefusedError(Exception):
    """The platform refuses the file."""


@dataclass
class CanvasCourse:
    """A course in Canvas: users, assignments and grades.

    Attributes:
        users: The id of each user, by id, with login and names.
        assignments: Title and points by id.
        grades: The grade of each user in an assignment; absent without one.
        unassigned: Users to whom an assignment is not assigned.
    """

    users: dict[str, dict[str, str]]
    assignments: dict[str, tuple[str, float]]
    grades: dict[tuple[str, str], str] = field(default_factory=dict)
    unassigned: set[tuple[str, str]] = field(default_factory=set)
    new_assignments: list[str] = field(default_factory=list)
    missing_students: list[str] = field(default_factory=list)
    changes: list[tuple[str, str, str, str]] = field(default_factory=list)

    NEVER = (
        *(
            f"{kind} {what}"
            for kind in ("Current", "Final")
            for what in ("Score", "Points", "Grade")
        ),
        "Override Grade",
    )

    def upload(self, content: bytes) -> None:
        """Import a gradebook; the changes are kept in `changes`."""
        text = content.decode("utf-8-sig")
        first = text.splitlines()[:3]
        semicolons = sum(line.count(";") for line in first)
        delimiter = ";" if semicolons > sum(line.count(",") for line in first) else ","
        rows = [r for r in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter) if any(r)]
        header, *body = rows
        columns = self._columns(header)
        for row in body:
            first_cell = row[0]
            if "Points Possible" in first_cell:
                for at in list(columns):
                    if "read only" in row[at]:
                        del columns[at]
                continue
            others = {cell.strip() for cell in row} - {"", "Muted"}
            if all(cell.startswith("Manual Posting") for cell in others):
                continue
            self._student(header, row, columns)

    def _columns(self, header: list[str]) -> dict[int, str]:
        if len(header) < 4 or "Student" not in header[0] or "ID" not in header[1]:
            raise RefusedError("Invalid header row")
        if "Section" not in header[2:7]:
            raise RefusedError("Invalid header row")
        section = header.index("Section")
        between = header[2:section]
        allowed: tuple[list[str], ...] = (
            [],
            ["SIS Login ID"],
            ["SIS User ID", "SIS Login ID"],
            ["SIS User ID", "SIS Login ID", "Integration ID"],
            ["SIS User ID", "SIS Login ID", "Root Account"],
            ["SIS User ID", "SIS Login ID", "Integration ID", "Root Account"],
        )
        if between not in allowed or len(header) == section + 1:
            raise RefusedError("Invalid header row")
        found = {}
        for at, name in enumerate(header[section + 1 :], start=section + 1):
            if any(never in name for never in self.NEVER):
                continue
            number = re.search(r" \((\d+)\)$", name)
            titles = {title: each for each, (title, _) in self.assignments.items()}
            if number and number[1] in self.assignments:
                found[at] = number[1]
            elif name in titles:
                found[at] = titles[name]
            else:
                self.new_assignments.append(name)
        return found

    def _student(self, header: list[str], row: list[str], columns: dict[int, str]) -> None:
        user = self._user(header, row)
        if user is None:
            self.missing_students.append(row[0])
            return
        for at, assignment in columns.items():
            cell = row[at].strip()
            if cell == "N/A" or (user, assignment) in self.unassigned:
                continue
            self._grade(user, assignment, cell)

    def _user(self, header: list[str], row: list[str]) -> str | None:
        if row[1].strip() in self.users:
            return row[1].strip()
        for at, name in enumerate(header):
            if name in ("SIS User ID", "SIS Login ID"):
                for user, about in self.users.items():
                    if row[at] and about.get(name) == row[at]:
                        return user
        return next((u for u, about in self.users.items() if row[0] in about.values()), None)

    def _grade(self, user: str, assignment: str, cell: str) -> None:
        old = self.grades.get((user, assignment), "")
        if cell in ("", "-"):
            new = ""
        elif cell.upper() in ("EX", "EXCUSED"):
            new = "EX"
        else:
            try:
                new = f"{float(cell.replace(',', '.')):.2f}"
            except ValueError:
                raise RefusedError(f"the grade {cell!r} is not valid") from None
        if new != old:
            self.changes.append((user, assignment, old, new))
            self.grades[user, assignment] = new


@dataclass
class MoodleAssignment:
    """An assignment in Moodle with its participants.

    Attributes:
        maximum: The maximum grade.
        grades: The stored grade of each participant; None without one.
        modified: The time of the stored grade.
        comments: The feedback comments.
        locked: Participants whose grade is locked.
    """

    maximum: float
    grades: dict[str, float | None]
    modified: dict[str, datetime] = field(default_factory=dict)
    comments: dict[str, str] = field(default_factory=dict)
    locked: set[str] = field(default_factory=set)
    skipped: dict[str, str] = field(default_factory=dict)
    changes: list[tuple[str, float | None, float]] = field(default_factory=list)

    FORMAT = "%A, %d %B %Y, %I:%M %p"

    def upload(self, content: bytes) -> None:
        """Import a worksheet; the changes are kept in `changes`, the reasons in `skipped`."""
        rows = list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline="")))
        needed = {"Identifier", "Grade", "Last modified (grade)"}
        if not rows or not needed <= set(rows[0]):
            raise RefusedError(f"missing columns: {needed - set(rows[0] if rows else ())}")
        for row in rows:
            number = re.fullmatch(r"Participant (\d+)", row["Identifier"])
            if number is None or number[1] not in self.grades:
                raise RefusedError(f"no such participant: {row['Identifier']!r}")
            self._row(number[1], row)

    def _row(self, participant: str, row: dict[str, str]) -> None:
        # An empty cell overwrites a comment.
        if "Feedback comments" in row:
            self.comments[participant] = row["Feedback comments"]
        text = row["Grade"].strip()
        if not text:
            self.skipped[participant] = "empty"
            return
        try:
            grade = float(text)
        except ValueError:
            raise RefusedError(f"the grade {text!r} is not valid") from None
        stored = self.grades[participant]
        if grade < 0:
            self.skipped[participant] = "negative"
        elif grade > self.maximum:
            self.skipped[participant] = "above the maximum"
        elif grade == stored:
            self.skipped[participant] = "equal"
        elif participant in self.locked:
            self.skipped[participant] = "locked"
        elif self._is_newer(participant, row["Last modified (grade)"]):
            self.skipped[participant] = "modified since"
        else:
            self.changes.append((participant, stored, grade))
            self.grades[participant] = grade

    def _is_newer(self, participant: str, text: str) -> bool:
        """Return True if the stored grade is more than 60 s newer than the row's date."""
        stored = self.modified.get(participant)
        if stored is None:
            return False
        if text == "-":
            return True
        return stored - datetime.strptime(text, self.FORMAT) > timedelta(seconds=60)
