"""Report as JUnit XML for continuous integration systems: one test case per check.

The format has neither points nor advice. Points are properties of a task's suite; failed advice is
a passed case with its text in `system-out`.
"""

from xml.etree import ElementTree

from grading.judge.records import CheckResult, Fault, Report, Status, TaskResult
from grading.reports import words


def write(report: Report) -> bytes:
    """Return the report as JUnit XML."""
    root = ElementTree.Element("testsuites", name="MiniTorch", time=f"{report.seconds:.3f}")
    totals = {"tests": 0, "failures": 0, "errors": 0, "skipped": 0}
    for task in report.tasks:
        suite = _suite(task, report)
        root.append(suite)
        for name in totals:
            totals[name] += int(suite.get(name, "0"))
    for name, count in totals.items():
        root.set(name, str(count))
    ElementTree.indent(root)
    text: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return text + b"\n"


def _suite(task: TaskResult, report: Report) -> ElementTree.Element:
    suite = ElementTree.Element(
        "testsuite",
        name=f"{task.marker} {task.title}",
        time=f"{task.seconds:.3f}",
        timestamp=report.created,
    )
    properties = ElementTree.SubElement(suite, "properties")
    for name, value in (
        ("points", words.points(task.points)),
        ("judged_points", words.points(task.judged)),
        ("max_points", words.points(task.max_points)),
        ("status", task.status.value),
        *words.run_facts(report),
        *words.hand_in(report),
        *words.marked(report),
        *((f"group {group.name}", words.score(group)) for group in task.groups),
    ):
        ElementTree.SubElement(properties, "property", name=name, value=value)
    cases = [_case(task, check) for check in task.checks]
    cases += [
        _plain_case(task, f"speed: {each.workload}", each.status, each.remark)
        for each in task.speed
    ]
    if not cases:
        cases = [_plain_case(task, task.title, task.status, task.reason)]
    suite.extend(cases)
    suite.set("tests", str(len(cases)))
    for tag, attribute in (("failure", "failures"), ("error", "errors"), ("skipped", "skipped")):
        suite.set(attribute, str(sum(case.find(tag) is not None for case in cases)))
    return suite


def _case(task: TaskResult, check: CheckResult) -> ElementTree.Element:
    status = check.status
    if status.bad and not check.required:
        case = _plain_case(task, check.name, Status.PASSED, "", check.seconds)
        advice = f"advice: {check.reason}\n{_text(check)}"
        ElementTree.SubElement(case, "system-out").text = advice
        return case
    message = check.fault.sentence if check.fault else check.reason
    case = _plain_case(task, check.name, status, message, check.seconds)
    if status.bad:
        case[0].text = _text(check)
    return case


def _plain_case(
    task: TaskResult, name: str, status: Status, message: str, seconds: float = 0.0
) -> ElementTree.Element:
    case = ElementTree.Element(
        "testcase", classname=f"grading.{task.marker}", name=name, time=f"{seconds:.3f}"
    )
    if status.bad:
        ElementTree.SubElement(case, "failure", message=message, type=status.value)
    elif status is Status.ERROR:
        ElementTree.SubElement(case, "error", message=message, type=status.value)
    elif not status.judged:
        ElementTree.SubElement(case, "skipped", message=message or status.value)
    return case


def _text(check: CheckResult) -> str:
    return "" if check.fault is None else plain_fault(check.fault, check.again)


def plain_fault(fault: Fault, again: str = "") -> str:
    """Return a fault as plain text, with one labelled part per line."""
    parts = {
        "": fault.sentence,
        "likely cause": fault.cause,
        "what is known": fault.known,
        "expected": fault.expected,
        "received": fault.received,
        "marks": words.marks(fault),
        "input": fault.request,
        "message": fault.details,
        "second run": again,
        "location": f"{fault.function} {fault.place} {fault.excerpt}".strip(),
    }
    return "\n".join(
        f"{label}:\n{value}" if "\n" in value else f"{label}: {value}" if label else value
        for label, value in parts.items()
        if value
    )
