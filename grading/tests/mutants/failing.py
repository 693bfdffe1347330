"""Mutants of modules 5 and 6: the checks that they fail, and the causes that are named."""

import re
from functools import cache

from grading.checking.finding import collecting, finding_of
from grading.diagnosis import Answers, diagnose
from grading.tests.mutants.in_process import mutated
from grading.tests.mutants.judging import TASKS
from grading.tests.mutants.mutant import Mutant
from grading.tests.running import case_failure, cases_of, checks_of

TRAINING = "test_loss_on_text"
"""The check that trains for half a minute."""

EXAMPLES = 12
"""Number of examples of each check: fewer than in a run of the grader."""


@cache
def failed(mutant: Mutant) -> tuple[set[str], set[str], list[Answers]]:
    """Return the groups and the checks of the mutant's task that fail, and all answers."""
    task = TASKS[mutant.task]
    groups, names, answers = set(), set(), []
    with mutated(mutant.rewrites) as subject:
        for check in checks_of(mutant.task):
            for case, parameters in cases_of(check):
                if check.__name__ == TRAINING:
                    continue
                with collecting() as found:
                    error = case_failure(check, parameters, subject, EXAMPLES)
                findings = list(found)
                if error is not None:
                    groups.add(task.group_of(check.__name__, case))
                    names.add(check.__name__)
                    wrong = finding_of(error)
                    findings += [] if wrong is None else [wrong]
                answers.append(Answers(f"{check.__name__}[{case}]", tuple(findings)))
    return groups, names, answers


def expect_caught_and_named(mutant: Mutant) -> None:
    """Require that the group of a mutant fails, and that its cause is named.

    Raises:
        AssertionError: The group passes, or no named cause matches the pattern.
    """
    groups, _, answers = failed(mutant)
    assert mutant.group in groups
    if mutant.cause:
        causes = [each.cause for each in diagnose(mutant.task, answers)]
        assert any(re.search(mutant.cause, cause) for cause in causes), causes
