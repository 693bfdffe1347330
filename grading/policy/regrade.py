"""Marks of a graded class under a policy, written to a folder; nothing runs.

marks.csv           a row for each learner
learners/NAME.html  what the learner may see now, also as NAME.json
made.json           the policy, its checksum, the commits of the grader, the seeds, the time
policy.toml         a copy of the policy; not in reports without names
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain, count
from pathlib import Path

import msgspec

from grading.batch.find import file_name
from grading.judge.records import Mark, to_json
from grading.judge.version import grader_commit
from grading.policy.exports import canvas, moodle, plain
from grading.policy.exports.cells import FileError, parse
from grading.policy.exports.grades import Filled, Grade, Grades
from grading.policy.load import Course, PolicyError
from grading.policy.marks import Learner, Marked
from grading.policy.pseudonyms import pseudonyms, replace_names, without_names
from grading.reports import html
from grading.reports.files import replace_file

MARKS = "marks.csv"
LEARNERS = "learners"
MADE = "made.json"
POLICY = "policy.toml"

ORIGINAL = ".original"
"""Ending of the copy of a platform's file before its first change."""


class Made(msgspec.Struct, frozen=True, omit_defaults=True):
    """The origin of an export.

    Attributes:
        policy: The name of the policy.
        checksum: The checksum of its file.
        grader: The commit of the grader that applied the policy.
        graded_by: The commits of the grader that judged the submissions.
        seeds: The seeds of these runs.
        made: The time, in UTC.
        files: The written files, relative to this one.
        column: The header of the filled column of a platform's file.
        changed: The new text of each changed cell, by the platform's identifier.
        left: The reason of each cell that stays as it is, by the name of the learner.
        strangers: Learners with a mark who are not in the platform's file.
        others: Rows of the platform's file without a learner.
        original: The name of the copy of a platform's file before its first change.
        written: SHA-256 of the platform's file with the grades.
    """

    policy: str
    checksum: str
    grader: str
    graded_by: tuple[str, ...]
    seeds: tuple[int, ...]
    made: str
    files: tuple[str, ...] = ()
    column: str = ""
    changed: dict[str, str] = {}
    left: dict[str, str] = {}
    strangers: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    original: str = ""
    written: str = ""


@dataclass(frozen=True)
class Prepared:
    """A platform's file before it is written.

    Attributes:
        file: The file.
        content: Its present content.
        filled: The content with grades.
    """

    file: Path
    content: bytes
    filled: Filled


@dataclass(frozen=True)
class Output:
    """Files of the marks of a class.

    Attributes:
        course: The policy.
        marks: The marks.
    """

    course: Course
    marks: Sequence[Marked]

    def write(self, folder: Path, anonymous: bool = False) -> None:
        """Write the table, the reports of the learners and the origin to a folder.

        Args:
            folder: The folder, which is created if necessary.
            anonymous: True if the names have been replaced: without the policy, which has names.
        """
        (folder / LEARNERS).mkdir(parents=True, exist_ok=True)
        files = {MARKS: plain.write(self.marks)}
        if not anonymous:
            files[POLICY] = self.course.text.encode()
        for each in self.marks:
            if each.shown is not None:
                name = f"{LEARNERS}/{file_name(each.learner.name)}"
                files |= {
                    f"{name}.json": to_json(each.shown),
                    f"{name}.html": html.write(each.shown),
                }
        for old in _files_of(folder / MADE) - files.keys():
            (folder / old).unlink(missing_ok=True)
        for name, content in files.items():
            replace_file(folder / name, content)
        made = msgspec.structs.replace(self._made(), files=tuple(files))
        replace_file(folder / MADE, _json(made))

    def prepared(self, file: Path) -> Prepared:
        """Return a platform's file with the grades filled in; nothing is written.

        Raises:
            PolicyError: The file cannot be read, or is not that of a platform or this assignment.
        """
        try:
            content = file.read_bytes()
            return Prepared(file, content, self._filled(content))
        except OSError as error:
            raise PolicyError(f"{file} cannot be read: {error.strerror}") from None
        except FileError as error:
            raise PolicyError(f"{file}: {error}; nothing was changed") from None

    def fill(self, prepared: Prepared) -> Path:
        """Write a platform's file with grades, and their origin beside it.

        Returns:
            The copy of the export before its first change, which stays beside it. A new export of
            the same name has a copy of its own.
        """
        file, filled = prepared.file, prepared.filled
        origin = file.with_name(f"{file.name}.{MADE}")
        original = _original(prepared, origin)
        if filled.content != prepared.content and not original.exists():
            replace_file(original, prepared.content)
        made = msgspec.structs.replace(
            self._made(),
            files=(file.name,),
            column=filled.column,
            changed=dict(filled.changed),
            left=dict(filled.left),
            strangers=tuple(filled.strangers),
            others=tuple(filled.others),
            original=original.name,
            written=hashlib.sha256(filled.content).hexdigest(),
        )
        replace_file(origin, _json(made))
        if filled.content != prepared.content:
            replace_file(file, filled.content)
        return original

    def _filled(self, content: bytes) -> Filled:
        export = self.course.policy.export
        cells = parse(content)
        if canvas.is_canvas(cells):
            filled = canvas.fill(content, self._grades("canvas"), export.canvas.column)
        elif moodle.is_moodle(cells, export.moodle):
            filled = moodle.fill(content, self._grades("moodle"), export.moodle)
        else:
            raise FileError(
                f"its header {', '.join(cells.rows[0][:4])} … is neither that of Canvas' gradebook "
                "('Student', 'ID', …) nor that of Moodle's grading worksheet "
                f"({export.moodle.identifier!r}, {export.moodle.grade!r}, …); headers in another "
                'language belong into the policy: [export.moodle] identifier = "…", grade = "…"'
            )
        known = set(self._grades(filled.platform.lower()).by_id)
        if known and not known - set(filled.strangers) and filled.others:
            raise FileError("it contains no learner of the policy")
        return filled

    def _grades(self, platform: str) -> Grades:
        by_id = {each.learner.ids[platform]: each for each in self.marks}
        return Grades(
            by_id={identifier: _grade(each.mark) for identifier, each in by_id.items()},
            names={identifier: each.learner.name for identifier, each in by_id.items()},
            of=self.marks[0].mark.of if self.marks else 0.0,
            decimals=self.course.policy.export.decimals,
        )

    def _made(self) -> Made:
        reports = [each.report for each in self.marks if each.report is not None]
        return Made(
            policy=self.course.policy.name,
            checksum=self.course.checksum,
            grader=grader_commit(),
            graded_by=tuple(sorted({report.grader or "unknown" for report in reports})),
            seeds=tuple(sorted({report.seed for report in reports if report.seed is not None})),
            made=self.marks[0].mark.marked if self.marks else "",
        )


def anonymised(marks: Sequence[Marked], folder: Path) -> list[Marked]:
    """Return marks in which the names of learners, pairs and submissions are replaced.

    Args:
        marks: The marks.
        folder: The folder of the results, which stores the pseudonyms.
    """
    numbers = pseudonyms(folder, [each.learner.name for each in marks])
    pairs = sorted({each.mark.pair for each in marks if each.mark.pair})
    names = {**{pair: f"pair-{n:02}" for n, pair in enumerate(pairs, start=1)}, **numbers}
    for each in marks:
        names |= dict.fromkeys(each.learner.ids.values(), numbers[each.learner.name])
        for report in (each.report, each.shown):
            if report is not None:
                names.setdefault(report.submission.name, "submission")
        names.setdefault(each.mark.hand_in, "submission")
        # An instructor's name is not needed in a shared report.
        names |= {override.by: "instructor" for override in each.mark.overrides}
    names.pop("", None)
    found = []
    for each in marks:
        learner = Learner(numbers[each.learner.name], {})
        report = None if each.report is None else without_names(each.report, names)
        shown = None if each.shown is None else without_names(each.shown, names)
        found.append(Marked(learner, replace_names(each.mark, names), report, shown))
    return sorted(found, key=lambda each: each.learner.name)


def _grade(mark: Mark) -> Grade:
    return "excused" if mark.excused else mark.points


def _original(prepared: Prepared, origin: Path) -> Path:
    """Return the copy of an export before its first change, which may not exist yet."""
    file, made = prepared.file, _made_of(origin)
    first = file.with_name(file.name + ORIGINAL)
    is_own = made is not None and made.written in (
        hashlib.sha256(prepared.content).hexdigest(),
        # Written by a version that did not store it.
        "",
    )
    if made is not None and is_own:
        named = file.with_name(made.original or first.name)
        return named if named.parent == file.parent else first
    copies = chain([first], (file.with_name(f"{first.name}-{number}") for number in count(2)))
    return next(
        copy for copy in copies if not copy.exists() or copy.read_bytes() == prepared.content
    )


def _made_of(file: Path) -> Made | None:
    """Return the origin of an export; None if there is none."""
    try:
        return msgspec.json.decode(file.read_bytes(), type=Made)
    except (OSError, msgspec.DecodeError):
        return None


def _files_of(file: Path) -> set[str]:
    """Return the files that an earlier run has written."""
    made = _made_of(file)
    if made is None:
        return set()
    # Only plain names, so that no file elsewhere is removed.
    return {name for name in made.files if ".." not in name and not name.startswith("/")}


def _json(made: Made) -> bytes:
    return msgspec.json.format(msgspec.json.encode(made), indent=2) + b"\n"


def open_marks(marks: Iterable[Marked]) -> list[Marked]:
    """Return the learners without a mark who are not excused."""
    return [each for each in marks if each.mark.points is None and not each.mark.excused]
