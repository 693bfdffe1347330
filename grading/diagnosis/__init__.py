"""The likely cause of wrong answers, found by comparing them with models of known mistakes.

Each mistake is a small model of a wrong solution, in NumPy or plain Python. A mistake is a
candidate if it reproduces a wrong answer of a task and contradicts none: those that hypothesis
shrinks further count, too. One mistake usually fails several checks, so the candidate that explains
the most checks is named, once, with all of them. A further cause is named only for checks that the
first one does not explain, and only if it explains all of their wrong answers, and most failed
checks of the functions concerned. Two causes of wrong answers of the same function cast doubt on
each other: neither is named, except one that explains most checks of the function.

A candidate that explains only a part of what is wrong with a function is none: see `_is_partial`.

Several candidates may explain the same checks. These rules decide, in this order:

1. The candidate that contradicts fewer right answers: a model that predicts a wrong answer where
   the code is right does not describe the code. A model that contradicts many is no candidate.
2. The candidate that explains more wrong answers.
3. The candidate that predicts the answers. Others only recognise them by a property.
4. The more specific candidate: the one that makes a prediction for fewer answers of the task. A
   mistake in one function is more specific than a mistake in all of them.
5. The first one in the catalogue.

An exception alone is no evidence for a model that predicts values: many models read outside an
array. Such a candidate explains at least one wrong answer with values. If all wrong answers are
exceptions, it explains many and most of them, and contradicts no right answer.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache

from grading.checking.finding import Finding
from grading.diagnosis.catalogue import MISTAKES
from grading.diagnosis.mistakes import LARGEST, Mistake
from grading.protocol.messages import Request

MOST_WRONG = 24
"""Number of wrong answers of one check that a mistake is compared with; more only cost time."""

MOST_RIGHT = 12
"""Number of right answers of one check that a mistake is compared with."""

LEAST_EXPLAINED = 0.3
"""Wrong answers that a candidate explains at least, as a share of those of its checks."""

LEAST_EXCEPTIONS = 20
"""Number of exceptions that a candidate explains at least if all wrong answers are exceptions."""

MOST_OF_EXCEPTIONS = 0.75
"""Share of the wrong answers that a candidate explains if all of them are exceptions."""

MOST_CONTRADICTED = 0.5
"""Right answers that a candidate may contradict, as a share of the wrong ones that it explains."""

MOST_REST = 0.5
"""Share of the direct wrong answers of a function that a candidate may leave unexplained.

A model may not predict the layout of some outputs.
"""


@dataclass(frozen=True)
class Answers:
    """The answers to one check with one parameter set.

    Attributes:
        check: A name of the check and its parameter set.
        findings: The comparisons with the answers, right and wrong ones.
    """

    check: str
    findings: tuple[Finding, ...]

    def wrong(self) -> Sequence[Finding]:
        """Return some wrong answers, those from before shrinking and the last one included."""
        return _spread([each for each in self.findings if not each.right], MOST_WRONG)

    def right(self) -> Sequence[Finding]:
        """Return some right answers."""
        return _spread([each for each in self.findings if each.right], MOST_RIGHT)


@dataclass(frozen=True)
class Diagnosis:
    """A likely cause.

    Attributes:
        cause: The cause, as sentences.
        checks: The failed checks that it explains, in the order of the task.
        complete: True if it explains all wrong answers of these checks.
    """

    cause: str
    checks: tuple[str, ...]
    complete: bool = True


def diagnose(task_id: str, answers: Iterable[Answers]) -> list[Diagnosis]:
    """Return the likely causes of the wrong answers of a task, each with the checks it explains.

    Args:
        task_id: The task, "4.2" for example.
        answers: The answers to its checks, those of passed checks included.
    """
    wrong: list[tuple[str, Finding]] = []
    right: list[Finding] = []
    for each in answers:
        wrong += [(each.check, finding) for finding in each.wrong()]
        right += each.right()
    candidates = [
        candidate
        for order, mistakes in enumerate(_mistakes_of(task_id))
        if (candidate := _Candidate.of(mistakes, order, wrong, right)) is not None
    ]
    found: list[_Candidate] = []
    explained: set[str] = set()
    while new := [
        each
        for each in candidates
        if explained.isdisjoint(each.checks) and (each.complete or not found)
    ]:
        best = min(new, key=_Candidate.rank)
        found.append(best)
        explained.update(best.checks)
        candidates = [each for each in candidates if each.cause != best.cause]
    return [Diagnosis(each.cause, each.checks, each.complete) for each in _undoubted(found, wrong)]


def function_of(request: Request) -> tuple[str, ...]:
    """Return what names the function under test in a request."""
    named = (request.options.get(key) for key in ("formula", "function", "name", "kernel", "layer"))
    return request.operation, *(str(name) for name in named if name is not None)


def _undoubted(
    found: Sequence["_Candidate"], wrong: Sequence[tuple[str, Finding]]
) -> list["_Candidate"]:
    """Return the causes on whose functions no other cause casts doubt."""
    failed: dict[tuple[str, ...], set[str]] = {}
    for check, finding in wrong:
        failed.setdefault(function_of(finding.request), set()).add(check)

    def is_undoubted(candidate: "_Candidate") -> bool:
        for function in candidate.functions:
            others = [each for each in found if function in each.functions]
            own = failed[function].intersection(candidate.checks)
            alone = len(others) == 1 and candidate is found[0]
            if not alone and 2 * len(own) <= len(failed[function]):
                return False
        return True

    return [each for each in found if is_undoubted(each)]


@cache
def _mistakes_of(task_id: str) -> tuple[tuple[Mistake, ...], ...]:
    """Return the mistakes of a task; those with the same cause are one mistake with many models.

    Models that assume different compositions of functions describe different solutions.
    """
    by_cause: dict[str, dict[frozenset[str] | None, list[Mistake]]] = {}
    for mistake in MISTAKES:
        if task_id in mistake.tasks:
            by_cause.setdefault(mistake.cause, {}).setdefault(mistake.composed, []).append(mistake)
    groups: list[tuple[Mistake, ...]] = []
    for by_composition in by_cause.values():
        every = by_composition.pop(None, [])
        groups += [(*every, *own) for own in by_composition.values()] or [tuple(every)]
    return tuple(groups)


def _is_partial(
    explained: Iterable[Finding], unexplained: Iterable[Finding], predicts: bool
) -> bool:
    """Return whether a mistake explains only a part of what is wrong with a function.

    Gradients, which may be consequences in other functions, and inputs that are too large for
    models do not count. A mistake that predicts answers has to explain most wrong answers of a part
    of the response of which it explains one. One that only recognises exceptions, or only values,
    has to be the cause of both if there are both.

    Args:
        explained: The wrong answers that the mistake explains.
        unexplained: The other wrong answers.
        predicts: True if the mistake predicts answers.
    """
    direct = [
        finding
        for finding in unexplained
        if finding.request.upstream is None
        and sum(array.size for array in finding.request.arrays) <= LARGEST
    ]
    if not predicts:
        found = {(function_of(each.request), not each.kinds) for each in explained}
        return any(
            (function_of(each.request), bool(each.kinds)) in found
            and (function_of(each.request), not each.kinds) not in found
            for each in direct
        )
    counts = Counter((function_of(each.request), each.name) for each in explained)
    rest = Counter((function_of(each.request), each.name) for each in direct)
    return any(rest[part] > MOST_REST * (rest[part] + counts[part]) for part in counts)


def _explains(mistakes: Iterable[Mistake], finding: Finding) -> bool | None:
    """Return whether one of the models of a mistake reproduces an answer; None if none applies."""
    outcomes = {mistake.explains(finding) for mistake in mistakes}
    return True if True in outcomes else False if False in outcomes else None


@dataclass(frozen=True)
class _Candidate:
    """A mistake that explains some wrong answers of a task and contradicts none.

    Attributes:
        cause: Its sentences.
        order: Its number in the catalogue.
        checks: The checks of which it explains an answer.
        explained: The number of wrong answers that it explains.
        complete: True if it explains all wrong answers of its checks.
        functions: The functions under test whose answers it explains.
        contradictions: The number of right answers for which it predicts a wrong one.
        predicts: True if it predicts a wrong answer, False if it only recognises them.
        predictions: The number of answers for which it predicts one.
    """

    cause: str
    order: int
    checks: tuple[str, ...]
    explained: int
    complete: bool
    functions: frozenset[tuple[str, ...]]
    contradictions: int
    predicts: bool
    predictions: int

    @staticmethod
    def of(
        mistakes: tuple[Mistake, ...],
        order: int,
        wrong: Sequence[tuple[str, Finding]],
        right: Sequence[Finding],
    ) -> "_Candidate | None":
        """Return a mistake as a candidate; None if it is none."""
        explained, open_ = Counter[str](), set[str]()
        covered: list[Finding] = []
        rest: list[Finding] = []
        functions = set()
        predicting = [mistake for mistake in mistakes if mistake.predicts]
        predicts = False
        by_values = False
        for check, finding in wrong:
            outcome = _explains(mistakes, finding)
            if outcome is False:
                return None
            if outcome:
                explained[check] += 1
                covered.append(finding)
                functions.add(function_of(finding.request))
                predicts = predicts or _explains(predicting, finding) is True
                by_values = by_values or not finding.kinds
            else:
                open_.add(check)
                rest.append(finding)
        if not explained:
            return None
        if _is_partial(covered, rest, predicts):
            return None
        counts = Counter(check for check, _ in wrong)
        if explained.total() < LEAST_EXPLAINED * sum(counts[check] for check in explained):
            return None
        outcomes = [_explains(predicting, finding) for finding in right]
        contradictions = outcomes.count(False)
        if contradictions > MOST_CONTRADICTED * explained.total():
            return None
        if not by_values and len(predicting) == len(mistakes):
            most = explained.total() >= max(LEAST_EXCEPTIONS, MOST_OF_EXCEPTIONS * len(wrong))
            if contradictions or not most or not all(each.kinds for _, each in wrong):
                return None
        return _Candidate(
            mistakes[0].cause,
            order,
            tuple(explained),
            explained.total(),
            open_.isdisjoint(explained),
            frozenset(functions),
            contradictions,
            predicts,
            explained.total() + len(outcomes) - outcomes.count(None),
        )

    def rank(self) -> tuple[int, ...]:
        """Return the rank among the candidates; the smallest one is the best."""
        return (
            -len(self.checks),
            self.contradictions,
            -self.explained,
            not self.predicts,
            self.predictions,
            self.order,
        )


def _spread(findings: Sequence[Finding], most: int) -> Sequence[Finding]:
    """Return at most some findings, evenly spread, the first and the last one included."""
    if len(findings) <= most:
        return findings
    return [findings[i * (len(findings) - 1) // (most - 1)] for i in range(most)]
