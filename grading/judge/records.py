"""What a run of the grader found out: plain records, written as JSON and read back.

Every text in a record is printable already (`grading.judge.text`); a report only has to escape
what its own format gives a meaning.
"""

from enum import StrEnum
from typing import Any, Literal

import msgspec

VERSION: Literal[1] = 1
"""The version of the records; another one is refused when they are read."""


class Status(StrEnum):
    """What became of a check, of a task or of a measurement."""

    PASSED = "passed"
    FAILED = "failed"
    UNIMPLEMENTED = "not implemented"
    """Its hole is still open; counts as failed."""
    PARTLY = "partly judged"
    """Some groups of a task passed, and the others were not judged."""
    NOT_JUDGED = "not judged"
    """Nothing was found out, and nothing is charged: no GPU, or a function that is needed fails."""
    NOT_THERE = "not there"
    """The submission ends before this task."""
    ERROR = "error"
    """The harness failed; nothing is charged."""

    @property
    def bad(self) -> bool:
        """Whether this costs the points."""
        return self in (Status.FAILED, Status.UNIMPLEMENTED)

    @property
    def judged(self) -> bool:
        """Whether anything was found out."""
        return self in (Status.PASSED, Status.PARTLY) or self.bad


class Record(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The base of all records."""


class Fault(Record, frozen=True):
    """What is wrong, in parts that a report can lay out.

    Attributes:
        sentence: What is wrong, without a full stop.
        request: The smallest input that goes wrong.
        name: Which part of the answer is wrong.
        expected: What that part should be; empty where only a property was demanded.
        received: What it is.
        index: The first index that is wrong.
        cause: What it looks like, if a known mistake explains the answer.
        function: The function to look at, if one stands out.
        place: Where it stands, or the line that an exception came from, as "file:line".
        excerpt: That line of the submission, for faults that name one.
        details: What the code under test said itself, shortened.
    """

    sentence: str
    request: str = ""
    name: str = ""
    expected: str = ""
    received: str = ""
    index: tuple[int, ...] | None = None
    cause: str = ""
    function: str = ""
    place: str = ""
    excerpt: str = ""
    details: str = ""


class Hole(Record, frozen=True):
    """A function that a task asks for.

    Attributes:
        name: Its module and name, as "minitorch.nn:avgpool2d".
        place: Where it stands, as "file:line"; empty if it is not there.
        open: Whether it is still to be written.
    """

    name: str
    place: str = ""
    open: bool = False

    @property
    def function(self) -> str:
        """Its name alone."""
        return self.name.partition(":")[2]


class CheckResult(Record, frozen=True):
    """What became of one check: one function of `grading/checks`, with all its parameters.

    Attributes:
        name: The name of the function; with a parameter where its cases belong to several groups:
            "test_functions_of_two_numbers[mul]".
        status: The worst of its cases.
        required: Whether it counts; an advice does not.
        reason: Why it is only an advice, or why it was not judged.
        seconds: How long it took.
        cases: How many sets of parameters it was called with.
        case: The set of parameters that went wrong, if there are several.
        fault: What is wrong.
        again: What the same check said when it was repeated with the same seed.
    """

    name: str
    status: Status
    required: bool = True
    reason: str = ""
    seconds: float = 0.0
    cases: int = 1
    case: str = ""
    fault: Fault | None = None
    again: str = ""

    @property
    def title(self) -> str:
        """The name as words."""
        return self.name.removeprefix("test_").replace("_", " ").replace("[", " [")


class GroupResult(Record, frozen=True):
    """What became of the required checks of one function, or of a few that belong together.

    Attributes:
        name: The name of the group, as "max".
        status: Whether all of its checks pass.
        points: What it earns; None if it was not judged.
        max_points: What it is worth.
        reason: Why it was not judged.
        checks: The names of its checks.
    """

    name: str
    status: Status
    points: float | None
    max_points: float
    reason: str = ""
    checks: tuple[str, ...] = ()


class SpeedResult(Record, frozen=True):
    """How fast one workload ran.

    Attributes:
        workload: Its name.
        status: Whether it is fast enough.
        seconds: The time of one call; None if it could not be measured.
        ratio: That time over the time of our fast kernels, both through the baseline.
        low: The least ratio that the measurements allow.
        high: The largest.
        allowed: The largest ratio that passes.
        reference: The ratio to the reference solution, where it is at hand.
        remark: What else there is to say.
    """

    workload: str
    status: Status
    seconds: float | None = None
    ratio: float | None = None
    low: float | None = None
    high: float | None = None
    allowed: float | None = None
    reference: float | None = None
    remark: str = ""


class Measurement(Record, frozen=True):
    """A number that a check measured: how many digits a network read right, for example.

    Attributes:
        name: What was measured.
        value: How much it was.
        of: The largest possible value; None if there is none.
        least: What is demanded; None if nothing is.
        claimed: What the submission's own log claims.
        remark: What else there is to say.
    """

    name: str
    value: float
    of: float | None = None
    least: float | None = None
    claimed: str = ""
    remark: str = ""


class TaskResult(Record, frozen=True):
    """What became of one task.

    Attributes:
        id: The task.
        title: Its title.
        module: Its module.
        status: Whether it is done.
        points: What its groups earn; None if none of them was judged.
        max_points: What it is worth.
        judged_points: What the groups are worth that were judged; None in records of versions
            without groups.
        groups: What became of each group of required checks.
        seconds: How long judging took.
        reason: Why it was not judged.
        simulated: Whether kernels of a GPU were judged on numba's simulator.
        checks: Every check of the table.
        speed: The workloads, if they were measured.
        measurements: Numbers that checks measured.
        holes: The functions to write.
        remarks: What the learner should know and is not charged for.
        doc: The page that explains the task.
    """

    id: str
    title: str
    module: int
    status: Status
    points: float | None
    max_points: float
    seconds: float = 0.0
    reason: str = ""
    simulated: bool = False
    checks: tuple[CheckResult, ...] = ()
    speed: tuple[SpeedResult, ...] = ()
    measurements: tuple[Measurement, ...] = ()
    holes: tuple[Hole, ...] = ()
    remarks: tuple[str, ...] = ()
    doc: str = ""
    judged_points: float | None = None
    groups: tuple[GroupResult, ...] = ()

    @property
    def judged(self) -> float:
        """What of the task was judged, in points; all or nothing in records without groups."""
        if self.judged_points is not None:
            return self.judged_points
        return 0.0 if self.points is None else self.max_points

    @property
    def marker(self) -> str:
        """The name of the task on the command line."""
        return "task" + self.id.replace(".", "_")

    @property
    def required(self) -> tuple[CheckResult, ...]:
        """The checks that count."""
        return tuple(check for check in self.checks if check.required)

    @property
    def advice(self) -> tuple[CheckResult, ...]:
        """The checks that cost nothing."""
        return tuple(check for check in self.checks if not check.required)

    @property
    def failures(self) -> tuple[CheckResult, ...]:
        """The checks that went wrong, required ones first."""
        both = (*self.required, *self.advice)
        return tuple(check for check in both if check.status.bad)


class SubmissionRecord(Record, frozen=True):
    """What was judged.

    Attributes:
        name: The name of its folder.
        path: Where it is.
        layout: "packages" for this repository's, "upstream" for the course's.
        edition: The edition of the course that it follows, if that could be told.
    """

    name: str
    path: str
    layout: str = ""
    edition: str = ""


class IsolationRecord(Record, frozen=True):
    """How well the code under test was kept away from the judge.

    Attributes:
        level: The name of the level.
        missing: What this machine could not do.
    """

    level: str
    missing: tuple[str, ...] = ()


class MachineRecord(Record, frozen=True):
    """Where the run took place."""

    python: str
    platform: str
    cores: int
    packages: dict[str, str] = {}


class Report(Record, frozen=True):
    """One run of the grader on one submission.

    Attributes:
        version: The version of the records.
        created: When the run began, in UTC.
        seconds: How long it took.
        seed: Where every drawn input came from.
        submission: What was judged.
        machine: Where.
        isolation: How.
        tasks: The tasks, in the table's order.
        modules: The titles of the modules.
        errors: What the harness could not do, in its own words.
    """

    version: Literal[1]
    created: str
    seconds: float
    seed: int
    submission: SubmissionRecord
    machine: MachineRecord
    isolation: IsolationRecord
    tasks: tuple[TaskResult, ...]
    modules: dict[int, str] = {}
    errors: tuple[str, ...] = ()

    @property
    def points(self) -> float:
        """What all tasks earn together."""
        return sum(task.points or 0.0 for task in self.tasks)

    @property
    def judged_points(self) -> float:
        """What the groups of all tasks are worth that were judged."""
        return sum(task.judged for task in self.tasks)

    @property
    def max_points(self) -> float:
        """What all tasks are worth."""
        return sum(task.max_points for task in self.tasks)

    def counting(self, status: Status) -> int:
        """Return how many tasks have a status."""
        return sum(task.status is status for task in self.tasks)

    def in_module(self, number: int) -> tuple[TaskResult, ...]:
        """Return the tasks of a module."""
        return tuple(task for task in self.tasks if task.module == number)


class RecordError(ValueError):
    """What should be a report is none; the message says why."""


def to_json(report: Report) -> bytes:
    """Return a report as JSON, indented."""
    return msgspec.json.format(msgspec.json.encode(report), indent=2) + b"\n"


def from_json(content: bytes | str) -> Report:
    """Return the report that was written as JSON.

    Raises:
        RecordError: It is none, or one of another version.
    """
    try:
        return msgspec.json.decode(content, type=Report)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise RecordError(f"this is no report of version {VERSION}: {error}") from None


def schema() -> dict[str, Any]:
    """Return the JSON schema of a report."""
    return msgspec.json.schema(Report)
