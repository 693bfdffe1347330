"""Reports for the tests of what is made of them: one of every kind of result, and a hostile one."""

from grading.judge.records import (
    CheckResult,
    Fault,
    Hole,
    IsolationRecord,
    MachineRecord,
    Measurement,
    Report,
    SpeedResult,
    Status,
    SubmissionRecord,
    TaskResult,
)
from grading.judge.text import clean, clean_line

HOSTILE = (
    "\x1b]0;title\x07\x1b[31mred\x1b[0m [bold]markup[/bold] [link=http://x]y[/link] "
    "<script>alert(1)</script> &amp; ]]> \x00\x08\x0b\udcff \u202eevil\u2066 "
    '=1+1 "quoted", {{ 7*7 }} {% raw %}\r\nsecond line'
)
"""Hostile text for a terminal, rich, HTML, XML, JSON, a spreadsheet and Jinja."""

MARKS = ("[bold]markup[/bold]", "<script>alert(1)</script>", "{{ 7*7 }}")
"""Parts of it that have to arrive as they are, as text."""


def fault(text: str = "the result is wrong") -> Fault:
    return Fault(
        sentence=clean_line(text),
        request=clean(f"tensor.conv2d\n{text}"),
        name="the result",
        expected="[  1., *2.*]",
        received=clean(text),
        index=(0, 1),
        cause=clean_line(text),
        function="tensor_conv2d",
        place=clean_line(f"minitorch/{text}.py:3"),
        details=clean(text),
    )


def task(id: str, status: Status, **more: object) -> TaskResult:
    points = {Status.PASSED: 10.0, Status.FAILED: 0.0, Status.UNIMPLEMENTED: 0.0}.get(status)
    fields: dict[str, object] = {
        "id": id,
        "title": f"Task {id}",
        "module": int(id[0]),
        "status": status,
        "points": points,
        "max_points": 10.0,
        "doc": "docs/tasks/4.2.md",
    }
    return TaskResult(**{**fields, **more})  # type: ignore[arg-type]


def report(*tasks: TaskResult, text: str = "sample", errors: tuple[str, ...] = ()) -> Report:
    return Report(
        version=1,
        created="2030-01-02T03:04:05+00:00",
        seconds=12.5,
        seed=7,
        submission=SubmissionRecord(clean_line(text), clean_line(f"/tmp/{text}"), "packages"),
        machine=MachineRecord("3.11.0", "Linux", 2, {"numpy": "2.0"}),
        isolation=IsolationRecord("sandbox"),
        tasks=tasks,
        modules={4: "Networks"},
        errors=errors,
    )


def every_kind(text: str = "the result is wrong") -> Report:
    """Return a report with a result of each kind, in which a submission says something."""
    passed = CheckResult("test_values", Status.PASSED, seconds=1.5)
    failed = CheckResult("test_values", Status.FAILED, fault=fault(text), again="passed")
    advice = CheckResult("test_ties", Status.FAILED, False, "no rule is given", fault=fault(text))
    skipped = CheckResult("test_gpu", Status.NOT_JUDGED, reason="there is no GPU")
    broken = CheckResult("test_gpu", Status.ERROR, reason="the check did not run")
    speed = SpeedResult(
        "conv2d", Status.PASSED, 0.1, 1.5, 1.4, 1.6, 4.0, 1.1, remark=clean_line(text)
    )
    hole = Hole("mt_nn.x:conv2d", "mt_nn/x.py:3", True)
    measured = Measurement("digits", 950, 1000, 900, claimed=clean_line(text))
    return report(
        task("4.1", Status.PASSED, checks=(passed, advice), speed=(speed,), seconds=2.0),
        task("4.2", Status.FAILED, checks=(failed, passed), measurements=(measured,)),
        task("4.3", Status.UNIMPLEMENTED, checks=(skipped,), holes=(hole,)),
        task("4.4", Status.NOT_THERE, reason=clean_line(text)),
        task("4.4b", Status.NOT_JUDGED, checks=(skipped,), reason="there is no GPU"),
        task("4.5", Status.ERROR, checks=(broken,), reason=clean_line(text)),
        text=text,
        errors=(clean_line(text),),
    )
