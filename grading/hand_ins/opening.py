"""The submission in a hand-in: a folder, an archive, or several files of one learner."""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

import msgspec

from grading.hand_ins.archives import (
    ALLOWED,
    MAX_BYTES,
    MAX_FILES,
    OTHER_SUFFIXES,
    ArchiveError,
    is_archive,
    unpack,
)
from grading.hand_ins.choosing import Homework, choose
from grading.hand_ins.contents import describe
from grading.judge.records import Report
from grading.judge.text import clean_line
from grading.submissions.submission import DEEPEST, Submission, SubmissionError
from grading.tasks.model import Table, Task

MAX_ARCHIVES = 20
"""Largest number of archives of a hand-in that are unpacked."""

MAX_SECONDS = 30.0
"""Time after which no further archive of a hand-in is unpacked, in seconds."""

NESTED = 2
"""Number of archives that may be inside each other."""


@dataclass(frozen=True)
class HandIn:
    """A hand-in with the submission that was chosen.

    Attributes:
        paths: The files or folders that were handed in.
        submission: The submission.
        folder: Its path in the hand-in; empty if it is the only one in a folder.
        others: What else the hand-in holds.
        is_unpacked: True if the submission is in a temporary folder.
    """

    paths: tuple[Path, ...]
    submission: Submission
    folder: str = ""
    others: tuple[str, ...] = ()
    is_unpacked: bool = False

    def named(self, report: Report) -> Report:
        """Return a report that names the hand-in instead of a temporary folder."""
        record = msgspec.structs.replace(
            report.submission, folder=clean_line(self.folder), others=self.others
        )
        if self.is_unpacked:
            first = self.folder.partition("/")[0]
            path = next((each for each in self.paths if each.name == first), self.paths[0])
            record = msgspec.structs.replace(
                record, name=clean_line(path.name), path=clean_line(str(path.absolute()))
            )
        return msgspec.structs.replace(report, submission=record)


@contextmanager
def opened(
    paths: Sequence[Path], tasks: Sequence[Task], table: Table, unpacked: Path | None = None
) -> Iterator[HandIn]:
    """Provide the submission of a hand-in; unpacked files are removed at the end.

    Args:
        paths: A folder, an archive, or several archives of one learner.
        tasks: The tasks, which decide between several homeworks.
        table: The table of tasks.
        unpacked: The folder in which archives are unpacked; a temporary folder by default.

    Raises:
        SubmissionError: There is no submission for the tasks, or several fit equally well.
    """
    with tempfile.TemporaryDirectory(prefix="mt-hand-in-", dir=unpacked) as folder:
        yield _Search(tuple(paths), tasks, table, Path(folder).resolve()).found()


@dataclass(frozen=True)
class _Place:
    """A folder with its name in the hand-in.

    Attributes:
        name: The name, with a slash at its end unless it is empty.
        folder: The folder.
    """

    name: str
    folder: Path


class _Search:
    """The search for a submission, which unpacks archives if no folder has the tasks' files."""

    def __init__(
        self, paths: tuple[Path, ...], tasks: Sequence[Task], table: Table, temporary: Path
    ) -> None:
        self._paths = paths
        self._tasks = tasks
        self._table = table
        self._temporary = temporary
        self._homeworks: list[Homework] = []
        self._refused: list[str] = []
        self._searched: list[_Place] = []
        self._bytes_left = MAX_BYTES
        self._files_left = MAX_FILES
        self._began = monotonic()

    def found(self) -> HandIn:
        """Return the submission."""
        for path in self._paths:
            if not path.exists():
                raise SubmissionError(f"{path} does not exist; a submission is {ALLOWED}")
            if not path.is_dir() and not is_archive(path.name):
                raise SubmissionError(f"{path} is a file; a submission is {ALLOWED}")
        several = len(self._paths) > 1
        places = [
            _Place(f"{path.name}/" if several else "", path)
            for path in self._paths
            if path.is_dir()
        ]
        archives = [_Place(path.name, path) for path in self._paths if not path.is_dir()]
        for level in range(NESTED + 1):
            self._search(places)
            if self._has_tasks():
                break
            archives += [each for place in places for each in self._archives_in(place)]
            if level == NESTED:
                self._refused += [
                    f"{clean_line(each.name)} is refused: it is inside {NESTED} other archives"
                    for each in archives
                ]
                break
            places = [
                unpacked
                for archive in archives
                if (unpacked := self._unpacked(archive)) is not None
            ]
            archives = []
            if not places:
                break
        if not self._homeworks:
            raise self._nothing()
        best = choose(self._homeworks, self._tasks, self._table)
        others = [each.name or "." for each in self._homeworks if each is not best]
        is_unpacked = best.submission.root.is_relative_to(self._temporary)
        return HandIn(
            self._paths,
            best.submission,
            best.name if is_unpacked or others else "",
            tuple(clean_line(each) for each in (*others, *self._refused)),
            is_unpacked,
        )

    def _search(self, places: Sequence[_Place]) -> None:
        """Add the submissions in some folders."""
        self._searched += places
        for place in places:
            root = place.folder.resolve()
            for each in Submission.all_in(place.folder):
                inner = each.root.relative_to(root).as_posix()
                name = (place.name + ("" if inner == "." else inner)).rstrip("/")
                self._homeworks.append(Homework(name, each))

    def _has_tasks(self) -> bool:
        """Return True if one of the submissions has the files of the tasks, and work in them."""
        tasks = self._tasks or self._table.tasks
        return any(
            not any(map(each.lacks, tasks)) and any(map(each.begun, tasks))
            for each in self._homeworks
        )

    def _archives_in(self, place: _Place) -> Iterator[_Place]:
        """Yield the archives in a folder and its subfolders, but not those in a submission."""
        roots = [each.submission.root for each in self._homeworks]
        level = [place.folder.resolve()]
        for _ in range(DEEPEST + 1):
            below = []
            for folder in level:
                if folder in roots:
                    continue
                for path in sorted(folder.iterdir()):
                    if path.is_symlink() or path.name.startswith((".", "__")):
                        continue
                    if path.is_dir():
                        below.append(path)
                    elif is_archive(path.name) and path.is_file():
                        inner = path.relative_to(place.folder.resolve()).as_posix()
                        yield _Place(place.name + inner, path)
            level = below

    def _unpacked(self, archive: _Place) -> _Place | None:
        """Unpack an archive; return None if it is refused."""
        number = len(list(self._temporary.iterdir()))
        if number >= MAX_ARCHIVES or monotonic() - self._began > MAX_SECONDS:
            what = "are too many archives" if number >= MAX_ARCHIVES else "was no time left"
            self._refused.append(f"{clean_line(archive.name)} is refused: there {what}")
            return None
        folder = self._temporary / str(number)
        folder.mkdir()
        try:
            unpack(archive.folder, folder, max(self._bytes_left, 1), max(self._files_left, 1))
        except ArchiveError as error:
            self._refused.append(str(error))
            return None
        files = [path for path in folder.rglob("*") if path.is_file()]
        self._files_left -= len(files)
        self._bytes_left -= sum(path.stat().st_size for path in files)
        # The name of a single archive is known; it is not repeated.
        whole = len(self._paths) == 1 and archive.folder == self._paths[0]
        return _Place("" if whole else f"{archive.name}/", folder)

    def _nothing(self) -> SubmissionError:
        """Return the error that states what was found."""
        what = ", ".join(clean_line(str(path)) for path in self._paths)
        found = "; ".join(
            f"{f'inside {name}: ' if name else ''}{describe(place.folder)}"
            for place in self._searched[:3]
            for name in [clean_line(place.name.rstrip("/"))]
        )
        if self._refused:
            return SubmissionError("; ".join([*self._refused[:3], *filter(None, [found])]))
        hint = ""
        if any(
            path.name.lower().endswith(OTHER_SUFFIXES) and not is_archive(path.name)
            for place in self._searched
            for path in place.folder.iterdir()
        ):
            hint = f"; an archive has to be {ALLOWED.partition(', ')[2]}"
        return SubmissionError(
            f"{what} is not a submission: there is neither packages/minitorch/src/minitorch/ (this "
            f"repository's layout) nor minitorch/__init__.py (the course's); {found}{hint}"
        )
