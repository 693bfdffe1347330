"""Likely causes in the results of a task: each one is named once, with the checks it explains."""

from collections.abc import Callable, Collection, Iterable, Sequence

import msgspec

from grading.checking.finding import finding_of
from grading.diagnosis import Answers, Diagnosis, diagnose
from grading.diagnosis.known import known_facts
from grading.judge.recorder import Outcome
from grading.judge.records import CheckResult
from grading.judge.text import clean_line
from grading.tasks.model import Task, title_of

NOT_OF_A_FUNCTION = frozenset(
    {"NotImplementedError", "WorkerError", "OutOfTime", "ImportError", "SyntaxError"}
)
"""Names of exceptions that say nothing about the formula of a function."""


def answers_of(task: Task, outcomes: Iterable[Outcome]) -> list[Answers]:
    """Return the answers to the checks of a task, each under the name of the check's result."""
    answers = []
    for outcome in outcomes:
        findings = list(outcome.findings)
        found = None if outcome.error is None else finding_of(outcome.error)
        if found is not None and not any(found is each for each in findings):
            findings.append(found)
        name = task.selector_of(outcome.check, outcome.case)
        usable = (each for each in findings if NOT_OF_A_FUNCTION.isdisjoint(each.kinds))
        answers.append(Answers(name, tuple(usable)))
    return answers


Search = Callable[[Sequence[Answers]], Sequence[Diagnosis]]
"""Searches for changes of the submission that make wrong answers right."""


def no_search(answers: Sequence[Answers]) -> Sequence[Diagnosis]:
    """Return no change."""
    return ()


def with_causes(
    task: Task,
    checks: Sequence[CheckResult],
    outcomes: Iterable[Outcome],
    search: Search = no_search,
) -> tuple[CheckResult, ...]:
    """Add the likely causes to the faults of the checks of a task.

    The first check that a cause explains names it, with the other checks; these refer to the first
    one. A failed check without a cause gets what is known of its wrong answers.

    Args:
        task: The task.
        checks: The results of its checks.
        outcomes: The outcomes of its checks.
        search: Called if known mistakes do not explain all failed checks.
    """
    answers = answers_of(task, outcomes)
    failed = [check.name for check in checks if check.fault is not None]
    causes: dict[str, str] = {}
    for diagnosis in likely_causes(task, answers, failed, search):
        first, *others = [name for name in failed if name in diagnosis.checks] or [""]
        causes[first] = clean_line(diagnosis.cause + _also(others), 600)
        causes.update((name, f"The same as of the check “{title_of(first)}”.") for name in others)
    right = [finding for each in answers for finding in each.right()]
    found = []
    for check in checks:
        if check.fault is not None and check.name in causes:
            fault = msgspec.structs.replace(check.fault, cause=causes[check.name])
            check = msgspec.structs.replace(check, fault=fault)
        elif check.fault is not None:
            wrong = [f for each in answers if each.check == check.name for f in each.wrong()]
            known = clean_line(known_facts(wrong, right), 600)
            fault = msgspec.structs.replace(check.fault, known=known)
            check = msgspec.structs.replace(check, fault=fault)
        found.append(check)
    return tuple(found)


def likely_causes(
    task: Task, answers: Sequence[Answers], failed: Collection[str], search: Search
) -> list[Diagnosis]:
    """Return the likely causes of wrong answers.

    If known mistakes do not explain all failed checks, a change of one place that does is searched
    for. It takes the place of known mistakes that explain a part of the same checks. The result is
    empty if the diagnosis itself fails, which costs no points.

    Args:
        task: The task.
        answers: The answers to its checks.
        failed: The names of its failed checks.
        search: As in `with_causes`.
    """
    try:
        known = diagnose(task.id, answers)
        explained = {name for each in known if each.complete for name in each.checks}
        if explained.issuperset(failed):
            return known
        found = list(search(answers))
    except Exception:
        return []
    corrected = {name for each in found for name in each.checks}
    return found + [each for each in known if corrected.isdisjoint(each.checks)]


def _also(others: Sequence[str]) -> str:
    """Return a sentence with the other checks that a cause explains; empty if there are none."""
    if not others:
        return ""
    titles = ", ".join(f"“{title_of(name)}”" for name in others)
    return f" This also explains the failed check{'s' * (len(others) > 1)} {titles}."
