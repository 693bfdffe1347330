"""Submissions that go wrong in the same way: the same checks fail, with the same wrong answers.

A wrong answer tells more about where code comes from than a right one. Whoever reads this list
looks at the submissions: the same common mistake is made by many, the same rare one seldom.
"""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import combinations
from math import log

from grading.judge.records import Report

MIN_SIMILARITY = 0.6
"""From which similarity on two submissions are named."""

MAX_PAIRS = 200


@dataclass(frozen=True)
class Failure:
    """A check that went wrong, with the answer that was received.

    Attributes:
        task: The task.
        check: The check.
        answer: A digest of the request and of what was received.
    """

    task: str
    check: str
    answer: str

    def __str__(self) -> str:
        return f"{self.task} {self.check.removeprefix('test_').replace('_', ' ')}"


@dataclass(frozen=True)
class Pair:
    """Two submissions that go wrong alike.

    Attributes:
        names: The two.
        similarity: The part of their failures that both have, rare ones counting more; up to 1.
        shared: These failures.
    """

    names: tuple[str, str]
    similarity: float
    shared: tuple[Failure, ...]


def failures(report: Report) -> frozenset[Failure]:
    """Return what went wrong and was answered; what is not written yet has no answer.

    An advice is often about what the course gave to everybody.
    """
    found = set()
    for task in report.tasks:
        for check in task.failures:
            if check.required and check.fault is not None and check.fault.received:
                told = f"{check.fault.request}\0{check.fault.received}"
                answer = hashlib.sha256(told.encode()).hexdigest()[:16]
                found.add(Failure(task.id, check.name, answer))
    return frozenset(found)


def similar_pairs(by_name: Mapping[str, Iterable[Failure]]) -> list[Pair]:
    """Return the pairs of submissions that go wrong alike, the most alike first.

    A failure that only two of a hundred have weighs log(100 / 2); one that all have, nothing.
    """
    sets = {name: frozenset(found) for name, found in by_name.items()}
    count = Counter(failure for found in sets.values() for failure in found)
    weight = {failure: log(len(sets) / n) for failure, n in count.items()}
    if len(sets) == 2:
        # With two submissions every shared failure has weight 0; count all of them equally.
        weight = dict.fromkeys(weight, 1.0)
    # Only who shares a failure is compared: not every pair of a class of a thousand.
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
    return "\n".join(paragraphs) or "No two submissions go wrong in the same way.\n"
