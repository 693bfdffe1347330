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

If no known mistake explains all wrong answers, right solutions are changed in one place, and the
changes that explain them are candidates, too (`grading.diagnosis.derived`). They come after known
mistakes that explain as much. If changes in several places explain the same answers, the diagnosis
has these places and no cause, unless a known mistake explains nearly as many answers.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache

from grading.checking.finding import Finding
from grading.diagnosis.catalogue import MISTAKES
from grading.diagnosis.derived import derived
from grading.diagnosis.derived.solution import Derived
from grading.diagnosis.derived.variants import Steps
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

NEARLY_ALL = 0.9
"""Share of the answers explained by changes in several places that a known mistake explains to be
preferred."""

MOST_STEPS = 2_000_000
"""Number of steps of derived models for their choice, and again for their comparison.

Each takes about two seconds.
"""

PROBES = 2
"""Number of simple wrong answers of a check that choose among derived models."""


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
        cause: The cause, as sentences; empty if several places explain the same answers.
        checks: The failed checks that it explains, in the order of the task.
        complete: True if it explains all wrong answers of these checks.
        places: The places of the mistake, if several are possible.
    """

    cause: str
    checks: tuple[str, ...]
    complete: bool = True
    places: tuple[str, ...] = ()


def diagnose(task_id: str, answers: Iterable[Answers]) -> list[Diagnosis]:
    """Return the likely causes of the wrong answers of a task, each with the checks it explains.

    Args:
        task_id: The task, "4.2" for example.
        answers: The answers to its checks, those of passed checks included.
    """
    wrong: list[tuple[str, Finding]] = []
    right: list[Finding] = []
    every: list[Finding] = []
    for each in answers:
        every += each.findings
        wrong += [(each.check, finding) for finding in each.wrong()]
        right += each.right()
    candidates = [
        candidate
        for order, mistakes in enumerate(_mistakes_of(task_id))
        if (candidate := _Candidate.of(mistakes, order, wrong, right)) is not None
    ]
    if not any(each.explains_all(wrong) for each in candidates):
        known = [each.explained for each in candidates if not each.contradictions]
        candidates += [
            each
            for each in _derived(task_id, wrong, right, every)
            if each.cause or max(known, default=0) < NEARLY_ALL * each.explained
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
        named = best.cause, best.places
        candidates = [each for each in candidates if (each.cause, each.places) != named]
    return [
        Diagnosis(each.cause, each.checks, each.complete, each.places)
        for each in _undoubted(found, wrong)
    ]


def _derived(
    task_id: str,
    wrong: Sequence[tuple[str, Finding]],
    right: Sequence[Finding],
    every: Sequence[Finding],
) -> list["_Candidate"]:
    """Return the derived mistakes that explain wrong answers and contradict no right one.

    Of those that explain the same checks, only the best is a candidate. If changes in several
    places explain as much, they are compared with every answer. If several places remain, the
    candidate has no cause, only these places.

    Args:
        task_id: The task.
        wrong: Some wrong answers, with their checks.
        right: Some right answers.
        every: All answers.
    """
    names = list(dict.fromkeys(check for check, _ in wrong))
    simple_first = sorted(wrong, key=lambda each: _effort(each[1]))
    probes: list[Finding] = []
    for name in names:
        values = [found for check, found in simple_first if check == name and not found.kinds]
        probes += _spread(values[: len(values) // 2 + 1], PROBES)
    probes.sort(key=_effort)
    steps = Steps()
    survivors: list[Derived] = []
    for each in derived(task_id, steps):
        if _explains_some(each.mistake, probes):
            survivors.append(each)
        if steps.total > MOST_STEPS:
            break
    by_checks: dict[tuple[str, ...], list[tuple[Derived, _Candidate]]] = {}
    for order, each in enumerate(survivors):
        if steps.total > 2 * MOST_STEPS:
            break
        candidate = _Candidate.of((each.mistake,), order, simple_first, right)
        if candidate is not None and not candidate.contradictions:
            checks = tuple(sorted(candidate.checks, key=names.index))
            candidate = replace(candidate, checks=checks, derived=True)
            by_checks.setdefault(checks, []).append((each, candidate))
    best = (_best(group, every) for group in by_checks.values())
    return [candidate for candidate in best if candidate is not None]


def _best(
    group: Sequence[tuple[Derived, "_Candidate"]], every: Iterable[Finding]
) -> "_Candidate | None":
    """Return the candidate that explains most of those that explain the same checks.

    Returns:
        A candidate with a cause if its place is the only one, else one with all places; None if
        every change contradicts an answer.
    """
    most = max(candidate.explained for _, candidate in group)
    best = [(each, candidate) for each, candidate in group if candidate.explained == most]
    if len({each.place for each, _ in best}) > 1:
        best = [
            (each, candidate)
            for each, candidate in best
            if not any(each.mistake.explains(finding) is False for finding in every)
        ]
    if not best:
        return None
    first = best[0][1]
    places = tuple(dict.fromkeys(each.place for each, _ in best))
    return first if len(places) == 1 else replace(first, cause="", places=places)


def _explains_some(mistake: Mistake, findings: Iterable[Finding]) -> bool:
    """Return whether a mistake explains a finding, and contradicts none."""
    explained = False
    for finding in findings:
        outcome = mistake.explains(finding)
        if outcome is False:
            return False
        explained = explained or outcome is True
    return explained


def _effort(finding: Finding) -> tuple[bool, int]:
    """Return a key that sorts answers by the time that models take, exceptions last."""
    request = finding.request
    return bool(finding.kinds), sum(array.size for array in request.arrays)


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
        derived: True if it is derived from a right solution.
        places: The places of the mistake, if several are possible.
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
    derived: bool = False
    places: tuple[str, ...] = ()

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

    def explains_all(self, wrong: Sequence[tuple[str, Finding]]) -> bool:
        """Return whether it explains all wrong answers and contradicts no right one."""
        return self.explained == len(wrong) and not self.contradictions

    def rank(self) -> tuple[int, ...]:
        """Return the rank among the candidates; the smallest one is the best."""
        return (
            -len(self.checks),
            self.contradictions,
            -self.explained,
            self.derived,
            not self.predicts,
            self.predictions,
            self.order,
        )


def _spread(findings: Sequence[Finding], most: int) -> Sequence[Finding]:
    """Return at most some findings, evenly spread, the first and the last one included."""
    if len(findings) <= most:
        return findings
    return [findings[i * (len(findings) - 1) // (most - 1)] for i in range(most)]
