"""The records of a course's policy, `course.toml`."""

from datetime import datetime
from typing import Annotated, Literal, get_args

import msgspec

Use = Literal["required", "advice", "off"]
Part = Literal["verdict", "sentence", "counterexample", "cause"]
Count = Literal["latest", "best"]
Times = Literal["platform", "csv", "commit"]
Unit = Literal["hour", "day"]
Basis = Literal["earned", "possible"]
NotJudged = Literal["scale", "open"]
Nothing = Literal["open", "zero"]

PARTS: tuple[Part, ...] = get_args(Part)
"""The parts of a result, from the least to the most detailed."""

ALLOWED: dict[str, tuple[str, ...]] = {
    "use": get_args(Use),
    "feedback": PARTS,
    "count": get_args(Count),
    "times": get_args(Times),
    "per": get_args(Unit),
    "of": get_args(Basis),
    "not_judged": get_args(NotJudged),
    "nothing": get_args(Nothing),
}
"""The allowed values of keys with an enumeration."""

Moment = Annotated[datetime, msgspec.Meta(tz=True)]
"""A time with its offset from UTC, such as 2030-10-08T23:59:00+02:00."""


class Row(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True
):
    """Base class of all records of a policy."""


class TaskRow(Row, frozen=True):
    """Rules of a task.

    Attributes:
        id: The task: "4.4" or "task4_4".
        use: "required"; "advice" if its groups cost no points; "off" to leave it out.
        all_or_nothing: True if the task earns points only if all of its groups pass.
        feedback: The parts of its results that learners see before the deadline.
    """

    id: str
    use: Use | None = None
    all_or_nothing: bool = False
    feedback: tuple[Part, ...] | None = None


class GroupRow(Row, frozen=True):
    """Rules of a group of checks.

    Attributes:
        task: The task of the group.
        name: The name of the group in the table of tasks.
        points: The points of the group.
        use: "required", "advice" or "off".
        all_or_nothing: False if each check of the group earns its own points.
        feedback: The parts of its results that learners see before the deadline.
    """

    task: str
    name: str
    points: float | None = None
    use: Use | None = None
    all_or_nothing: bool = True
    feedback: tuple[Part, ...] | None = None


class CheckRow(Row, frozen=True):
    """Rules of a check.

    Attributes:
        task: The task of the check.
        name: "test_x", or "test_x[mul]" for its cases with the parameter `mul`.
        points: The points of the check, in a group with `all_or_nothing = false`.
        use: "required", "advice" or "off".
        group: The group that it joins, for a check that is advice in the table of tasks.
        feedback: The parts of its results that learners see before the deadline.
    """

    task: str
    name: str
    points: float | None = None
    use: Use | None = None
    group: str = ""
    feedback: tuple[Part, ...] | None = None


class SpeedRow(Row, frozen=True):
    """One threshold of a task's points for speed.

    Attributes:
        task: The task.
        at_most: Largest ratio to the time of our fast kernels, for the slowest workload.
        points: The points up to this ratio.
    """

    task: str
    at_most: float
    points: float


class Deadline(Row, frozen=True):
    """The deadline of the assignment.

    Attributes:
        at: The deadline.
        grace_minutes: Minutes after the deadline that do not count as late.
    """

    at: Moment
    grace_minutes: float = 0.0


class Late(Row, frozen=True):
    """The deduction for a late hand-in.

    Attributes:
        per: The unit; each started hour or day counts.
        percent: Deduction for each unit, in percent.
        points: Deduction for each unit in points, instead of `percent`.
        of: Basis of the percentage: the earned or the possible points.
        at_most_percent: Largest deduction in percent of the basis; 100 by default.
        until: The last moment at which a hand-in counts; extensions move it, too.
    """

    per: Unit
    percent: float | None = None
    points: float | None = None
    of: Basis = "earned"
    at_most_percent: float = 100.0
    until: Moment | None = None


class Extension(Row, frozen=True):
    """A later deadline of a learner or a pair.

    Attributes:
        who: The learner or the pair.
        until: The deadline instead of the general one.
        reason: The reason, for the instructor's table only.
    """

    who: str
    until: Moment
    reason: str = ""


class HandIns(Row, frozen=True):
    """Learners and times of hand-ins.

    Attributes:
        times: "platform" for the metadata of a Gradescope export; "csv" for a column of `file`;
            "commit" for the time of the last git commit, which its author sets.
        file: A CSV file with a row for each hand-in, relative to the policy.
        submission: Its column with the name of the submission's folder.
        learner: Its column with the learner or the pair; without it, the submission's name counts.
        time: Its column with the time, in ISO 8601.
        zone: Time zone of times without an offset, such as "Europe/Berlin".
        count: The hand-in that counts: the latest one, or the one with the best mark.
        nothing: The mark without a hand-in that counts: "open" for none, or "zero".
    """

    times: Times | None = None
    file: str = ""
    submission: str = "submission"
    learner: str = "learner"
    time: str = "time"
    zone: str = ""
    count: Count = "latest"
    nothing: Nothing = "open"


class Pair(Row, frozen=True):
    """Learners who hand in together.

    Attributes:
        name: The name of the pair.
        members: Its learners.
    """

    name: str
    members: tuple[str, ...]


class Roster(Row, frozen=True):
    """The list of all learners, and their names on the platforms.

    Attributes:
        file: A CSV file with a row for each learner, relative to the policy.
        learner: Its column with the name in this policy and in `hand_ins`.
        canvas: Its column with Canvas' `ID`; without it, the learner's name counts.
        moodle: Its column with the number of Moodle's `Identifier`.
    """

    file: str
    learner: str = "learner"
    canvas: str = ""
    moodle: str = ""


class Canvas(Row, frozen=True):
    """The gradebook of Canvas.

    Attributes:
        column: Header or id of the assignment's column; needed if the file has several.
    """

    column: str = ""


class Moodle(Row, frozen=True):
    """The headers of Moodle's worksheet, which are in the language of the site."""

    identifier: str = "Identifier"
    grade: str = "Grade"
    maximum: str = "Maximum Grade"
    modified: str = "Last modified (grade)"


class Export(Row, frozen=True):
    """The marks in exports.

    Attributes:
        out_of: Marks are scaled to this maximum; by default the points of the policy.
        decimals: Number of decimals.
        not_judged: Marks with groups that were not judged: "scale" for earned points of judged
            ones, "open" for no mark.
        canvas: The gradebook of Canvas.
        moodle: The worksheet of Moodle.
    """

    out_of: float | None = None
    decimals: int = 2
    not_judged: NotJudged = "scale"
    canvas: Canvas = Canvas()
    moodle: Moodle = Moodle()


class Policy(Row, frozen=True):
    """The rules of a course for one assignment.

    Attributes:
        version: The version of the format.
        name: The name of the policy in reports.
        tasks: The tasks and modules that count; by default all tasks of the reports.
        feedback: The parts of results that learners see before the deadline.
    """

    version: Literal[1]
    name: str
    tasks: tuple[str, ...] = ()
    feedback: tuple[Part, ...] = PARTS
    task_rows: tuple[TaskRow, ...] = msgspec.field(name="task", default=())
    group_rows: tuple[GroupRow, ...] = msgspec.field(name="group", default=())
    check_rows: tuple[CheckRow, ...] = msgspec.field(name="check", default=())
    speed_rows: tuple[SpeedRow, ...] = msgspec.field(name="speed", default=())
    deadline: Deadline | None = None
    late: Late | None = None
    extensions: tuple[Extension, ...] = msgspec.field(name="extension", default=())
    hand_ins: HandIns = HandIns()
    pairs: tuple[Pair, ...] = msgspec.field(name="pair", default=())
    roster: Roster | None = None
    export: Export = Export()


TABLES: dict[str, type[Row]] = {
    "task": TaskRow,
    "group": GroupRow,
    "check": CheckRow,
    "speed": SpeedRow,
    "deadline": Deadline,
    "late": Late,
    "extension": Extension,
    "hand_ins": HandIns,
    "pair": Pair,
    "roster": Roster,
    "export": Export,
    "canvas": Canvas,
    "moodle": Moodle,
}
"""The type of the rows of each table; of subtables by their last name."""
