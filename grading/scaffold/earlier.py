"""Functions of earlier modules that a submission lacks, and the ways to get them."""

from collections.abc import Iterable

import msgspec

from grading.judge.records import Report
from grading.scaffold.sync import module_of
from grading.submissions.submission import Submission
from grading.tasks.model import Table, Task


def open_before(submission: Submission, tasks: Iterable[Task], table: Table) -> tuple[Task, ...]:
    """Return the prerequisites of tasks in earlier modules with functions that are not written."""
    ids = {
        before.id
        for task in tasks
        for before in table.before(task)
        if before.module < task.module and submission.open(before.holes_in(submission.layout))
    }
    return tuple(task for task in table.tasks if task.id in ids)


def open_in_tree(submission: Submission, table: Table) -> tuple[Task, ...]:
    """Return the tasks of earlier modules than that of the tree that are not written."""
    return open_before(submission, table.in_module(module_of(submission, table)), table)


def ways(tasks: Iterable[Task], submission: Submission, module: int) -> str:
    """Return a text that names missing tasks, and the two ways to get them.

    Args:
        tasks: The missing tasks.
        submission: The submission that lacks them.
        module: The module of the work.
    """
    names = ", ".join(task.id for task in tasks)
    # The course's folders have no commands; the checkout runs `sync` on them.
    to = "" if submission.layout == "packages" else " TO"
    return (
        f"earlier tasks are not written here: {names}. `hatch run sync PREVIOUS{to}` copies your "
        f"work from an earlier folder. `hatch run scaffold module{module} OUT --solved-before`, in "
        "a checkout of MiniTorch, writes a tree in which they work"
    )


def with_ways(
    report: Report, submission: Submission, tasks: Iterable[Task], table: Table
) -> Report:
    """Return a report whose first task with missing earlier tasks names them in a remark."""
    for task in tasks:
        missing = open_before(submission, [task], table)
        if missing:
            remark = ways(missing, submission, task.module)
            results = tuple(
                msgspec.structs.replace(each, remarks=(remark, *each.remarks))
                if each.id == task.id
                else each
                for each in report.tasks
            )
            return msgspec.structs.replace(report, tasks=results)
    return report
