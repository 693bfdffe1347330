"""Submissions with the same failures: the same checks fail with the same wrong answers.

The list is a hint to compare the submissions by eye: many learners make the same common mistakes,
few the same rare ones.
"""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import combinations
from math import log

from grading.judge.records import Report
from grading.tasks.model import title_of

MIN_SIMILARITY = 0.6
"""Minimum similarity of a listed pair, from 0 to 1."""

MAX_PAIRS = 200
"""Maximum number of listed pairs."""


@dataclass(frozen=True)
class Failure:
    """A failed check, with the received answer.

    Attributes:
        task: The id of the task.
        check: The name of the check.
        answer: Digest of input and received value.
    """

    task: str
    check: str
    answer: str

    def __str__(self) -> str:
        return f"{self.task} {title_of(self.check)}"


@dataclass(frozen=True)
class Pair:
    """Two submissions with the same failures.

    Attributes:
        names: The names of the submissions.
        similarity: Weight of the shared failures divided by that of all their failures.
        shared: The shared failures.
    """

    names: tuple[str, str]
    similarity: float
    shared: tuple[Failure, ...]


def failures(report: Report) -> frozenset[Failure]:
    """Return the failed required checks with a received value.

    Advice is excluded, because it often concerns code of the course, which all submissions share.
    """
    found = set()
    for task in report.tasks:
        for check in task.failures:
            if check.required and check.fault is not None and check.fault.received:
                content = f"{check.fault.request}\0{check.fault.received}"
                answer = hashlib.sha256(content.encode()).hexdigest()[:16]
                found.add(Failure(task.id, check.name, answer))
    return frozenset(found)


def similar_pairs(by_name: Mapping[str, Iterable[Failure]]) -> list[Pair]:
    """Return the pairs of submissions with the same failures, the most similar first.

    A failure of n out of N submissions has the weight log(N / n): 0 if all have it.
    """
    sets = {name: frozenset(found) for name, found in by_name.items()}
    count = Counter(failure for found in sets.values() for failure in found)
    weight = {failure: log(len(sets) / n) for failure, n in count.items()}
    if len(sets) == 2:
        # With two submissions every shared failure has weight 0; count all of them equally.
        weight = dict.fromkeys(weight, 1.0)
    # Compare only submissions with a shared failure, to avoid all pairs of a large class.
    holders: dict[Failure, list[str]] = defaultdict(list)
    for name, found in sets.items():
        for failure in found:
            if count[failure] > 1 and weight[failure] > 0:
                holders[failure].append(name)
    candidates = {pair for names in holders.values() for pair in combinations(sorted(names), 2)}
    pairs = [_pair(first, second, sets, weight) for first, second in candidates]
    alike = [pair for pair in pairs if pair.similarity >= MIN_SIMILARITY]
    return sorted(alike, key=lambda pair: (-pair.similarity, pair.names))[:MAX_PAIRS]


def _pair(
    first: str,
    second: str,
    sets: Mapping[str, frozenset[Failure]],
    weight: Mapping[Failure, float],
) -> Pair:
    shared = sets[first] & sets[second]
    either = sum(weight[failure] for failure in sets[first] | sets[second])
    both = sum(weight[failure] for failure in shared)
    ordered = tuple(sorted(shared, key=lambda failure: (failure.task, failure.check)))
    return Pair((first, second), both / either if either else 0.0, ordered)


def as_text(pairs: Iterable[Pair]) -> str:
    """Return the pairs as text, one paragraph each."""
    paragraphs = [
        f"{pair.similarity:.0%}  {pair.names[0]}  and  {pair.names[1]}\n"
        + "".join(f"    {failure}\n" for failure in pair.shared)
        for pair in pairs
    ]
    return "\n".join(paragraphs) or "There are no submissions with the same failures.\n"
