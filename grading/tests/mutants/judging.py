"""The verdict on a mutant: its own task catches it, and no earlier one."""

from grading.protocol.messages import Subject
from grading.tasks.table import load
from grading.tests.mutants.mutant import Mutant
from grading.tests.mutants.rewriting import ROOT
from grading.tests.running import Check, Failure, checks_of, failures

TASKS = {task.id: task for task in load(ROOT / "grading" / "tasks.toml").tasks}
ON_PROCESSOR = [
    task.id
    for task in TASKS.values()
    if task.device == "cpu" and not task.id.endswith((".5", "0.5"))
]
EXAMPLES = 20
"""Number of examples of each check: fewer than in a run of the grader."""
EXAMPLES_OF_A_GROUP = 50
"""Number of examples if the checks of one group run: as many as in a run of the grader."""


def verdict(subject: Subject, mutant: Mutant, earlier: list[str]) -> str:
    """Return what is wrong with the verdict on a mutant; empty if nothing is.

    Args:
        subject: The mutant.
        mutant: Its description.
        earlier: The earlier tasks whose checks run a changed function.
    """
    for task in earlier:
        if first_failure(task, subject) is not None:
            return f"caught by {task}"
    if mutant.advice is not None and first_failure(mutant.task, subject) is not None:
        return "charged"
    failure = first_failure(mutant.task, subject, mutant.check, mutant.advice, mutant.group)
    return "not caught" if failure is None else ""


def judged(task: str, advice: str | None = None) -> list[Check]:
    """Return the checks of a task that count, or an advice; all of them if none counts."""
    names = TASKS[task].checks.required if advice is None else (advice,)
    return [check for check in checks_of(task) if check.__name__ in names] or checks_of(task)


def first_failure(
    task: str,
    subject: Subject,
    only: str | None = None,
    advice: str | None = None,
    group: str | None = None,
) -> Failure | None:
    """Run the checks of a task until one fails; hypothesis looks for a small example."""
    for check in judged(task, advice):
        name = check.__name__
        if only not in (None, name):
            continue

        def selected(case: str, name: str = name) -> bool:
            return group in (None, TASKS[task].group_of(name, case))

        examples = EXAMPLES if group is None else EXAMPLES_OF_A_GROUP
        for failure in failures(check, subject, examples, shrink=True, selected=selected):
            return failure
    return None
