"""Right solutions in the course's layout, in styles of their own, earn all points."""

import ast
from pathlib import Path

import pytest

from grading.judge.forbidden_calls import forbidden_calls
from grading.judge.records import Status
from grading.protocol.messages import Subject
from grading.submissions.submission import Submission
from grading.tasks.model import Group, Task, selects
from grading.tasks.table import table
from grading.tests.course_styles import STYLES, CourseStyle, restyled
from grading.tests.forks import in_fork
from grading.tests.mutants.reach import LARGER
from grading.tests.running import case_failure, cases_of, checks_of

EXAMPLES = 4

LEFT_OUT = (*LARGER, "test_your_tests", "test_small_and_large_kernels")
"""First parts of the names of checks that repeat others, or run the learner's tests."""

REPEATED = "test_data_races"
"""The check whose small calls are of interest: what their iterations touch is recorded."""


def failed_cases(task: Task, group: Group, subject: Subject) -> list[str]:
    """Return what the checks of a group find."""
    found = []
    for check in checks_of(task.id):
        name = check.__name__
        if name.startswith(LEFT_OUT) and name != REPEATED:
            continue
        for case, parameters in cases_of(check):
            large = name == REPEATED and parameters["times"] < 1000
            if large or not any(selects(entry, name, case) for entry in group.checks):
                continue
            failure = case_failure(check, parameters, subject, EXAMPLES)
            if failure is not None:
                found.append(f"{name}[{case}]: {failure}")
    return found


def lost_groups(subject: Subject, style: CourseStyle) -> dict[str, list[str]]:
    """Return what the checks of each group find; runs in a fork."""
    lost = {}
    for name in style.tasks:
        task = table().task(name).for_edition(style.edition)
        for group in task.groups:
            found = failed_cases(task, group, subject)
            if found:
                lost[f"{name}/{group.name}"] = found
    return lost


@pytest.mark.slow
@pytest.mark.measured("style")
@pytest.mark.parametrize(
    "style", STYLES.values(), ids=[f"{style.tasks[0]}: {name}" for name, style in STYLES.items()]
)
def test_a_course_style_earns_every_group(style: CourseStyle, tmp_path: Path) -> None:
    tree = style.write(tmp_path)
    submission = Submission.at(tree)
    for name in style.tasks:
        task = table().task(name).for_edition(style.edition)
        assert not submission.missing(task.upstream)
        assert forbidden_calls(task, submission)[""].status is Status.PASSED
    assert in_fork(lost_groups, tree, style) == {}


def test_there_are_twenty_course_styles() -> None:
    assert len(STYLES) >= 20
    assert {task[0] for style in STYLES.values() for task in style.tasks} == set("01234")
    named = {task for style in STYLES.values() for task in style.tasks}
    assert all(table().task(task).groups for task in named)


def test_definitions_replace_those_with_the_same_name() -> None:
    source = '"""Doc."""\nimport a\n\ndef f():\n    return 1\n\nclass C:\n    x = 1\n    y = 2\n'
    piece = "import b\ndel f\ng = 3\nclass C:\n    x = lambda self: 4\n"
    expected = (
        '"""Doc."""\nimport a\nimport b\ng = 3\nclass C:\n    x = lambda self: 4\n    y = 2\n'
    )
    assert ast.dump(ast.parse(restyled(source, piece))) == ast.dump(ast.parse(expected))
