"""The mark of each learner of a class under a policy, from the stored reports."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from difflib import get_close_matches

import msgspec

from grading.batch.store import Store
from grading.judge.records import Mark, Override, Report
from grading.judge.version import grader_commit
from grading.policy.apply import apply
from grading.policy.deadlines import Lateness, deadline_of, deduction, lateness
from grading.policy.hand_ins import HandIn, find_hand_ins, read_rows
from grading.policy.load import Course, PolicyError
from grading.policy.overrides import (
    LOG,
    of_learner,
    overrides_by_target,
    read_log,
    with_overrides,
    without_effect,
)
from grading.policy.visibility import shows_verdicts, visible
from grading.tasks.model import Table
from grading.tasks.positions import Key

ROSTER_COLUMNS = ("canvas", "moodle")


@dataclass(frozen=True)
class Learner:
    """A learner of the class.

    Attributes:
        name: The name in the policy.
        ids: The names on the platforms, by platform; the name itself without a roster.
    """

    name: str
    ids: Mapping[str, str]


@dataclass(frozen=True)
class Marked:
    """A learner with mark and reports.

    Attributes:
        learner: The learner.
        mark: The mark.
        report: The report of the hand-in that counts, with the mark; None if there is none.
        shown: The part of a report that the learner may see now; None if there is no report.
    """

    learner: Learner
    mark: Mark
    report: Report | None
    shown: Report | None


def mark_class(course: Course, store: Store, table: Table, now: datetime) -> list[Marked]:
    """Return the marks of all learners; nothing runs.

    Args:
        course: The policy.
        store: The results of the class.
        table: The table of tasks.
        now: The time; learners whose deadline is later see a part of their report.

    Raises:
        PolicyError: The policy does not fit to the results, or a file cannot be read.
    """
    hand_ins, learners = hand_ins_and_learners(course, store)
    _check_names(course, learners, hand_ins)
    _check_tasks(course, table, hand_ins)
    changes = read_log(store.folder)
    known = {learner.name for learner in learners}
    for name, _, _ in overrides_by_target(changes):
        if name not in known:
            raise PolicyError(
                f"{store.folder / LOG}: there is no learner {name!r}; add the learner to the "
                f"roster or to the hand-ins, or end the override: grade --override {name} "
                "--points withdrawn"
            )
    applied = {
        each.submission: apply(each.report, course.policy, table)
        for each in hand_ins
        if each.report is not None
    }
    possible = max((report.max_points for report in applied.values()), default=0.0)
    marker = _Marker(course, table, applied, possible, now)
    return [
        marker.mark(learner, hand_ins, of_learner(changes, learner.name)) for learner in learners
    ]


def hand_ins_and_learners(course: Course, store: Store) -> tuple[list[HandIn], list[Learner]]:
    """Return the hand-ins of a class, and its learners.

    The learners are those of the roster; without one, those of hand-ins and pairs.

    Raises:
        PolicyError: The policy does not fit to the results, or a file cannot be read.
    """
    roster = _roster(course)
    ids = {(key, id): each.name for each in roster or () for key, id in each.ids.items()}
    hand_ins = find_hand_ins(course, store, ids)
    if roster is not None:
        return hand_ins, roster
    names = {name for each in hand_ins for name in each.learners}
    names |= {name for pair in course.policy.pairs for name in pair.members}
    learners = [Learner(name, dict.fromkeys(ROSTER_COLUMNS, name)) for name in sorted(names)]
    return hand_ins, learners


def _roster(course: Course) -> list[Learner] | None:
    """Return the learners of the roster; None if there is none."""
    roster = course.policy.roster
    if roster is None:
        return None
    columns = {"learner": roster.learner}
    columns |= {key: header for key in ROSTER_COLUMNS if (header := getattr(roster, key))}
    path = course.file(roster.file, ("roster", "file"))
    found: dict[str, Learner] = {}
    taken: dict[tuple[str, str], str] = {}
    for line, row in read_rows(course, path, "roster", columns):
        name = row["learner"]
        if not name or name in found:
            what = "the name is empty" if not name else f"{name!r} occurs twice"
            raise PolicyError(f"{path}:{line}: {what}")
        ids = {key: row.get(key, "") or name for key in ROSTER_COLUMNS}
        for key, identifier in ids.items():
            if (key, identifier) in taken:
                other = taken[key, identifier]
                raise PolicyError(f"{path}:{line}: {identifier!r} is also the id of {other!r}")
            taken[key, identifier] = name
        found[name] = Learner(name, ids)
    return [*found.values()]


def mark_one(
    course: Course, table: Table, report: Report, learner: str, at: datetime | None, now: datetime
) -> Marked:
    """Return the mark of a single submission, without earlier hand-ins and overrides.

    Args:
        course: The policy.
        table: The table of tasks.
        report: The report without a policy.
        learner: The learner; may be empty.
        at: The time of the hand-in; None if it is unknown.
        now: The time.
    """
    name = report.submission.name
    applied = apply(report, course.policy, table)
    hand_in = HandIn(name, (learner,), at, report)
    marker = _Marker(course, table, {name: applied}, applied.max_points, now)
    return marker.mark(Learner(learner, {}), [hand_in], ())


@dataclass(frozen=True)
class _Candidate:
    """A hand-in of a learner with its points.

    Attributes:
        hand_in: The hand-in.
        lateness: Its delay.
        report: Its report under the policy, with overrides; None if it was not graded.
        points: The mark, scaled; None if there is none.
        deducted: The scaled deduction.
        reason: Reason why there is no mark.
    """

    hand_in: HandIn
    lateness: Lateness
    report: Report | None
    points: float | None
    deducted: float
    reason: str


@dataclass(frozen=True)
class _Marker:
    """Marks learners.

    Attributes:
        course: The policy.
        table: The table of tasks.
        applied: The reports under the policy, by submission.
        possible: The possible points of the policy.
        now: The time that decides what learners see.
        marked: The time of this computation, in UTC.
    """

    course: Course
    table: Table
    applied: Mapping[str, Report]
    possible: float
    now: datetime
    marked: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))

    @property
    def of(self) -> float:
        """The best possible mark."""
        out_of = self.course.policy.export.out_of
        return self.possible if out_of is None else out_of

    def mark(
        self, learner: Learner, hand_ins: Sequence[HandIn], overrides: tuple[Override, ...]
    ) -> Marked:
        """Return the mark and the reports of a learner."""
        own = [each for each in hand_ins if learner.name in each.learners]
        candidates = [self._candidate(each, learner.name, overrides) for each in own]
        counted = [each for each in candidates if each.lateness.counts]
        chosen = self._chosen(counted)
        mark = self._with_override(self._mark(learner.name, candidates, chosen, overrides))
        report = None if chosen is None else _with_mark(chosen.report, mark)
        return Marked(learner, mark, report, self._shown(learner.name, counted, report, mark))

    def _candidate(
        self, hand_in: HandIn, learner: str, overrides: Sequence[Override]
    ) -> _Candidate:
        late = lateness(self.course.policy, learner, hand_in.at)
        stored = self.applied.get(hand_in.submission)
        if stored is None:
            return _Candidate(hand_in, late, None, None, 0.0, f"not graded: {hand_in.problem}")
        report = with_overrides(stored, overrides)
        earned, judged = report.points, report.judged_points
        left = report.max_points - judged
        if not judged:
            reason = "no group was judged"
        elif left and self.course.policy.export.not_judged == "open":
            reason = f"{left:g} of {report.max_points:g} points were not judged"
        else:
            full = earned / judged * self.possible
            lost = deduction(self.course.policy.late, late, full, self.possible)
            scale = self.of / self.possible
            points = round((full - lost) * scale, self.course.policy.export.decimals)
            return _Candidate(hand_in, late, report, points, round(lost * scale, 2), "")
        return _Candidate(hand_in, late, report, None, 0.0, reason)

    def _chosen(self, counted: Sequence[_Candidate]) -> _Candidate | None:
        """Return the hand-in that counts: the latest or the best one; of equal ones the latest."""
        if not counted:
            return None
        if self.course.policy.hand_ins.count == "latest":
            return counted[-1]
        marked = [each for each in counted if each.points is not None]
        return max(reversed(marked), key=lambda each: each.points or 0.0) if marked else counted[-1]

    def _mark(
        self,
        learner: str,
        candidates: Sequence[_Candidate],
        chosen: _Candidate | None,
        overrides: tuple[Override, ...],
    ) -> Mark:
        policy = self.course.policy
        deadline = deadline_of(policy, learner)
        mark = Mark(
            policy=policy.name,
            checksum=self.course.checksum,
            grader=grader_commit(),
            marked=self.marked,
            of=self.of,
            learner=learner,
            pair=next((pair.name for pair in policy.pairs if learner in pair.members), ""),
            deadline="" if deadline is None else deadline.isoformat(),
            overrides=overrides,
        )
        if chosen is None:
            reason = "every hand-in was too late" if candidates else "nothing was handed in"
            points = 0.0 if policy.hand_ins.nothing == "zero" else None
            return msgspec.structs.replace(mark, points=points, reason=reason)
        at = chosen.hand_in.at
        unused = without_effect(chosen.report, overrides) if chosen.report is not None else []
        remarks = [chosen.reason] if chosen.reason else []
        remarks += [
            f"the points set by hand for {each.task} {each.group}".rstrip()
            + " have no effect under this policy"
            for each in unused
        ]
        return msgspec.structs.replace(
            mark,
            points=chosen.points,
            reason="; ".join(remarks),
            hand_in=chosen.hand_in.submission,
            handed_in="" if at is None else at.isoformat(),
            late=chosen.lateness.text,
            deducted=chosen.deducted,
        )

    def _with_override(self, mark: Mark) -> Mark:
        """Return a mark with the points set by hand for the whole assignment."""
        whole = next((each for each in mark.overrides if not each.task), None)
        if whole is None:
            return mark
        reason = f"set by hand: {whole.reason}"
        return msgspec.structs.replace(
            mark, points=whole.points, excused=whole.excused, reason=reason, deducted=0.0
        )

    def _shown(
        self, learner: str, counted: Sequence[_Candidate], report: Report | None, mark: Mark
    ) -> Report | None:
        """Return the part of a report that a learner may see now."""
        deadline = deadline_of(self.course.policy, learner)
        if report is None or deadline is None or self.now >= deadline:
            return report
        shown = visible(report, self.course.policy, self.table, deadline)
        if shows_verdicts(shown) or self.course.policy.hand_ins.count == "latest":
            return shown
        # The choice of the best hand-in would reveal which one is better.
        latest = counted[-1]
        at = latest.hand_in.at
        neutral = msgspec.structs.replace(
            mark,
            hand_in=latest.hand_in.submission,
            handed_in="" if at is None else at.isoformat(),
            late=latest.lateness.text,
        )
        of_latest = _with_mark(latest.report, neutral)
        if of_latest is None:
            return None
        return visible(of_latest, self.course.policy, self.table, deadline)


def _with_mark(report: Report | None, mark: Mark) -> Report | None:
    return None if report is None else msgspec.structs.replace(report, mark=mark)


def _check_names(course: Course, learners: Sequence[Learner], hand_ins: Sequence[HandIn]) -> None:
    """Check that all names of the policy and of the hand-ins are known.

    Raises:
        PolicyError: A name is unknown.
    """
    policy = course.policy
    known = [learner.name for learner in learners]
    named: list[tuple[Key, str, list[str]]] = [
        (("extension", i, "who"), each.who, [*known, *(pair.name for pair in policy.pairs)])
        for i, each in enumerate(policy.extensions)
    ]
    named += [
        (("pair", i, "members", j), name, known)
        for i, pair in enumerate(policy.pairs)
        for j, name in enumerate(pair.members)
    ]
    for key, name, allowed in named:
        if name not in allowed:
            near = get_close_matches(name, allowed, n=1, cutoff=0.6)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise course.error(key, f"there is no learner {name!r}{hint}")
    for each in hand_ins:
        for name in each.learners:
            if name not in known:
                near = get_close_matches(name, known, n=1, cutoff=0.6)
                hint = f"; did you mean {near[0]!r}?" if near else ""
                raise PolicyError(
                    f"{each.submission} was handed in by {name!r}, who is not in the roster; "
                    "add a row to the roster, or move the hand-in out of the results"
                    + (f" and of {policy.hand_ins.file}" if policy.hand_ins.file else "")
                    + hint
                )


def _check_tasks(course: Course, table: Table, hand_ins: Sequence[HandIn]) -> None:
    """Check that the reports contain all tasks that the policy names.

    Raises:
        PolicyError: A report lacks a task.
    """
    for i, name in enumerate(course.policy.tasks):
        for each in hand_ins:
            stored = {task.id for task in each.report.tasks} if each.report else None
            for task in table.select([name]):
                if stored is not None and task.id not in stored:
                    raise course.error(
                        ("tasks", i),
                        f"the report of {each.submission} does not contain task {task.id}; "
                        f"grade the class with {task.marker}",
                    )
