"""Records of a run of the grader, which can be written as JSON and read back.

All texts in records are printable (`grading.judge.text`); a report has to escape the special
characters of its format only.
"""

from enum import StrEnum
from typing import Any, Literal

import msgspec

from asv_benchmarks.workloads import LAYERS
from grading.tasks.model import marker_of, title_of

VERSION: Literal[1] = 1
"""Version of the records; reading another version is an error."""


class Status(StrEnum):
    """Status of a check, a group, a task or a measurement."""

    PASSED = "passed"
    FAILED = "failed"
    UNIMPLEMENTED = "not implemented"
    """The function is not implemented yet; counts as failed."""
    PARTLY = "partly judged"
    """Some groups of a task passed; the others were not judged."""
    NOT_JUDGED = "not judged"
    """No result and no lost points: there is no GPU, or a required function fails."""
    NOT_THERE = "not there"
    """The submission does not contain the files of this task."""
    ERROR = "error"
    """Error of the grader; no points are lost."""
    HIDDEN = "hidden"
    """The policy of the course shows the result after the deadline."""

    @property
    def bad(self) -> bool:
        """True if this status costs the points."""
        return self in (Status.FAILED, Status.UNIMPLEMENTED)

    @property
    def judged(self) -> bool:
        """True if there is a result."""
        return self in (Status.PASSED, Status.PARTLY) or self.bad


class Record(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Base class of all records."""


class Fault(Record, frozen=True):
    """A fault of the code under test.

    Attributes:
        sentence: The fault in one sentence, without a full stop.
        request: The reported input.
        name: The wrong part of the response.
        expected: Expected value of this part; empty if only a property is required.
        received: Received value of this part.
        index: The first wrong index.
        cause: Likely cause, if a known mistake explains the wrong answers.
        known: What the wrong answers have in common, if no known mistake explains them.
        function: The most likely function, if there is one.
        place: Location of the function or of the exception, as "file:line".
        excerpt: Source of this line, for exceptions.
        details: Message and output of the code under test, shortened.
    """

    sentence: str
    request: str = ""
    name: str = ""
    expected: str = ""
    received: str = ""
    index: tuple[int, ...] | None = None
    cause: str = ""
    known: str = ""
    function: str = ""
    place: str = ""
    excerpt: str = ""
    details: str = ""


class Hole(Record, frozen=True):
    """A function to write in a task.

    Attributes:
        name: Module and qualified name: "minitorch.nn:avgpool2d".
        place: Location as "file:line"; empty if the function does not exist.
        open: True if it is not implemented yet.
    """

    name: str
    place: str = ""
    open: bool = False

    @property
    def function(self) -> str:
        """The qualified name without the module."""
        return self.name.partition(":")[2]


class CheckResult(Record, frozen=True):
    """Result of one check: one function of `grading/checks`, with all its parameter sets.

    Attributes:
        name: The name of the function; with a parameter where its cases belong to several groups:
            "test_functions_of_two_numbers[mul]".
        status: The worst status of its cases.
        required: True if it counts; False for advice.
        reason: Reason why it is advice, or why it was not judged.
        seconds: Duration in seconds.
        cases: Number of parameter sets.
        case: The failed parameter set, if there are several.
        fault: The fault; None if there is none.
        again: Result of the second run with the same seed.
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
        return title_of(self.name)


class GroupResult(Record, frozen=True):
    """Result of the required checks of one function, or of a few related ones.

    Attributes:
        name: The name of the group, such as "max".
        status: Passed if all of its checks pass.
        points: Earned points; None if it was not judged.
        max_points: Maximum points.
        reason: Reason why it was not judged.
    """

    name: str
    status: Status
    points: float | None
    max_points: float
    reason: str = ""


class SpeedResult(Record, frozen=True):
    """Speed of one workload.

    Attributes:
        workload: The name of the workload.
        status: Passed if it is fast enough.
        seconds: Time of one call in seconds; None if it could not be measured.
        ratio: Ratio to the time of our fast kernels, or of our layers in module 5, both relative to
            the baseline.
        low: Lower quartile of the ratio.
        high: Upper quartile of the ratio.
        allowed: Largest ratio that passes.
        reference: Ratio to the time of the reference solution, if it is available.
        remark: A remark on the measurement.
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

    @property
    def unit(self) -> str:
        """The code whose time the ratio refers to."""
        return "our layers" if self.workload in LAYERS else "our fast kernels"


class Measurement(Record, frozen=True):
    """A number that a check measured, such as the correctly classified digits of a network.

    Attributes:
        name: The measured quantity.
        value: The measured value.
        of: Largest possible value; None if there is none.
        least: Required value; None if there is none.
        claimed: Value in the submission's log; empty if there is none.
        remark: A remark on the measurement.
    """

    name: str
    value: float
    of: float | None = None
    least: float | None = None
    claimed: str = ""
    remark: str = ""


class TaskResult(Record, frozen=True):
    """Result of one task.

    Attributes:
        id: The id of the task.
        title: The title of the task.
        module: The number of its module.
        status: The status of the task.
        points: Earned points; None if no group was judged.
        max_points: Maximum points.
        groups: Results of the groups of required checks.
        seconds: Duration of the judging, in seconds.
        reason: Reason why it was not judged.
        simulated: True if GPU kernels were judged on numba's simulator.
        checks: Results of all checks in the table.
        speed: Results of the workloads, if speed was measured.
        measurements: Numbers that checks measured.
        holes: The functions to write.
        remarks: Remarks without effect on points.
        doc: The page of the task.
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
    groups: tuple[GroupResult, ...] = ()

    @property
    def judged(self) -> float:
        """The maximum points of the judged groups; all or 0 in records without groups."""
        if self.groups:
            return sum(group.max_points for group in self.groups if group.points is not None)
        return 0.0 if self.points is None else self.max_points

    @property
    def marker(self) -> str:
        """The name of the task on the command line."""
        return marker_of(self.id)

    @property
    def required(self) -> tuple[CheckResult, ...]:
        """The required checks."""
        return tuple(check for check in self.checks if check.required)

    @property
    def advice(self) -> tuple[CheckResult, ...]:
        """The checks that are advice."""
        return tuple(check for check in self.checks if not check.required)

    @property
    def failures(self) -> tuple[CheckResult, ...]:
        """The failed checks, required ones first."""
        both = (*self.required, *self.advice)
        return tuple(check for check in both if check.status.bad)


class SubmissionRecord(Record, frozen=True):
    """The judged submission.

    Attributes:
        name: The name of its folder.
        path: The path of its folder.
        layout: "packages" for this repository's layout, "upstream" for the course's.
        edition: The edition of the course, if it is known.
        folder: The judged folder, relative to the hand-in, if the hand-in is an archive or holds
            several submissions.
        others: What else the hand-in holds: submissions that do not belong to the tasks, and
            archives that were refused.
    """

    name: str
    path: str
    layout: str = ""
    edition: str = ""
    folder: str = ""
    others: tuple[str, ...] = ()


class IsolationRecord(Record, frozen=True):
    """Isolation of the code under test from the judge.

    Attributes:
        level: The name of the isolation level.
        missing: Protections that are not available on this machine.
    """

    level: str
    missing: tuple[str, ...] = ()


class MachineRecord(Record, frozen=True):
    """The machine of the run."""

    python: str
    platform: str
    cores: int
    packages: dict[str, str] = {}


class Override(Record, frozen=True):
    """Points that an instructor has set by hand.

    Attributes:
        reason: The reason.
        by: The name of the instructor.
        at: The time, in UTC.
        task: The task; empty for the mark of the whole assignment.
        group: The group of the task; empty for the whole task.
        points: The points; None if they are excused, or hidden before the deadline.
        excused: True if the points are excused: they neither count nor cost.
    """

    reason: str
    by: str
    at: str
    task: str = ""
    group: str = ""
    points: float | None = None
    excused: bool = False


class Mark(Record, frozen=True):
    """The mark of a learner under the policy of a course.

    Attributes:
        policy: The name of the policy.
        checksum: The checksum of its file.
        grader: The commit of the grader that applied it.
        marked: Time at which it was applied, in UTC.
        of: The best possible mark.
        points: The mark; None if there is none, or if it is hidden before the deadline.
        excused: True if the learner is excused from the assignment.
        reason: Reason why there is no mark, or a remark on it.
        learner: The learner.
        pair: The pair of the learner.
        hand_in: The submission that counts.
        handed_in: Time of this hand-in.
        deadline: The deadline of the learner.
        late: The delay in words: "2 days late".
        deducted: Points deducted for the delay.
        overrides: Points set by hand.
        hidden_until: Time until which parts of the report are hidden.
    """

    policy: str
    checksum: str
    grader: str
    marked: str
    of: float
    points: float | None = None
    excused: bool = False
    reason: str = ""
    learner: str = ""
    pair: str = ""
    hand_in: str = ""
    handed_in: str = ""
    deadline: str = ""
    late: str = ""
    deducted: float = 0.0
    overrides: tuple[Override, ...] = ()
    hidden_until: str = ""


class Report(Record, frozen=True):
    """One run of the grader on one submission.

    Attributes:
        version: The version of the records.
        created: Start of the run, in UTC.
        seconds: Duration in seconds.
        seed: Seed of all random inputs; None if the policy hides it before the deadline.
        submission: The judged submission.
        machine: The machine of the run.
        isolation: The isolation of the submission.
        tasks: Results of the tasks, in the table's order.
        modules: The titles of the modules, by number.
        errors: Errors of the grader.
        grader: The commit of the grader.
        mark: The mark under the policy of a course.
        phases: Seconds of each phase of the run (`grading.phases`), the longest first. Phases that
            run at the same time count both.
    """

    version: Literal[1]
    created: str
    seconds: float
    seed: int | None
    submission: SubmissionRecord
    machine: MachineRecord
    isolation: IsolationRecord
    tasks: tuple[TaskResult, ...]
    modules: dict[int, str] = {}
    errors: tuple[str, ...] = ()
    grader: str = ""
    mark: Mark | None = None
    phases: dict[str, float] = {}

    @property
    def points(self) -> float:
        """The earned points of all tasks."""
        return sum(task.points or 0.0 for task in self.tasks)

    @property
    def judged_points(self) -> float:
        """The maximum points of the judged groups of all tasks."""
        return sum(task.judged for task in self.tasks)

    @property
    def max_points(self) -> float:
        """The maximum points of all tasks."""
        return sum(task.max_points for task in self.tasks)

    def counting(self, status: Status) -> int:
        """Return how many tasks have a status."""
        return sum(task.status is status for task in self.tasks)

    def in_module(self, number: int) -> tuple[TaskResult, ...]:
        """Return the tasks of a module."""
        return tuple(task for task in self.tasks if task.module == number)


class RecordError(ValueError):
    """A file is not a report; the message gives the reason."""


def to_json(report: Report) -> bytes:
    """Return a report as JSON, indented."""
    return msgspec.json.format(msgspec.json.encode(report), indent=2) + b"\n"


def from_json(content: bytes | str) -> Report:
    """Return a report from JSON.

    Raises:
        RecordError: The content is not a report, or has another version.
    """
    try:
        return msgspec.json.decode(content, type=Report)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise RecordError(f"this is not a report of version {VERSION}: {error}") from None


def schema() -> dict[str, Any]:
    """Return the JSON schema of a report."""
    return msgspec.json.schema(Report)
