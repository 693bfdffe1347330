"""Classes of independent solutions with planted copies, and what a tool finds in them."""

import ast
import json
import os
import random
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from grading.similar.documents import body_text, whole_text
from grading.tests.similar_work.disguises import DISGUISES, disguised
from grading.tests.similar_work.solutions import Solution, Variants, independent

MODULES = {
    0: ("0.1", "0.3", "0.4"),
    1: ("1.1", "1.2", "1.3", "1.4"),
    2: ("2.1", "2.2", "2.3", "2.4"),
    3: ("3.1", "3.2"),
    4: ("4.1", "4.2", "4.3", "4.4"),
}
"""The tasks of a class, by module: those with several variants."""

SOLUTIONS = {0: 7, 1: 5, 2: 5, 3: 5, 4: 8}
"""The number of independent solutions of a class, by module."""

ORDER, HALF = "order of functions", "half of the functions, names"
"""Disguises that concern several functions."""


@dataclass(frozen=True)
class Planted:
    """A class with planted copies.

    Attributes:
        module: The module of its tasks.
        texts: The compared texts: of the independent solutions, then of the copies.
        copies: For each copy, its index, that of its source, and its disguise.
    """

    module: int
    texts: list[str]
    copies: list[tuple[int, int, str]]

    def independent_pairs(self) -> Iterator[tuple[int, int]]:
        """Yield the pairs without a common origin."""
        origin = {index: source for index, source, _ in self.copies}
        halves = {index for index, _, disguise in self.copies if disguise == HALF}
        for second in range(len(self.texts)):
            for first in range(second):
                # The other half of such a copy has the origin of another solution.
                if {first, second} & halves:
                    continue
                if origin.get(first, first) != origin.get(second, second):
                    yield first, second


def planted(variants: Variants, module: int, seed: int) -> Planted:
    """Return a class with one copy for each disguise."""
    rng = random.Random(f"{module} {seed}")
    solutions = independent(variants, MODULES[module], SOLUTIONS[module], rng)
    texts = [text_of("\n".join(each.values())) for each in solutions]
    sources = list(range(len(solutions)))
    copies = []
    for number, name in enumerate((*DISGUISES, ORDER, HALF)):
        if number % len(sources) == 0:
            rng.shuffle(sources)
        source = sources[number % len(sources)]
        copies.append((len(texts), source, name))
        other = solutions[sources[(number + 1) % len(sources)]]
        texts.append(text_of(copied(solutions[source], name, other, rng)))
    return Planted(module, texts, copies)


def copied(solution: Solution, name: str, other: Solution, rng: random.Random) -> str:
    """Return the source of a copy of a solution, of which another one may have the rest."""
    functions = list(solution.values())
    if name == HALF:
        taken = set(rng.sample(sorted(solution), len(solution) // 2))
        mixed = {**other, **{key: solution[key] for key in taken}}
        return disguised("\n".join(mixed.values()), DISGUISES["names"], rng)
    if name in (ORDER, "all of them"):
        rng.shuffle(functions)
    return disguised("\n".join(functions), DISGUISES.get(name, ()), rng)


def text_of(source: str) -> str:
    """Return the text of functions that is compared: bodies, and helpers as a whole."""
    parts = []
    for node in ast.parse(source).body:
        is_helper = getattr(node, "name", "").startswith("part_")
        parts.append(whole_text(source, node) if is_helper else body_text(source, node))
    return "\n".join(parts) + "\n"


def answer(
    command: Sequence[str], texts: Sequence[str], tokens: int
) -> dict[tuple[int, int], float]:
    """Return the similarity of each pair that a tool finds."""
    question = {"texts": texts, "earlier": [], "tokens": tokens, "minimum": 0.0, "detailed": 0}
    done = subprocess.run(
        command,
        input=json.dumps(question).encode(),
        capture_output=True,
        check=True,
        env={**os.environ, "PYTHONHASHSEED": "0"},
    )
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return {(each["first"], each["second"]): each["similarity"] for each in found}


SCRIPTS = {
    "copydetect": Path(__file__).with_name("copydetect_script.py"),
    "compare50": Path(__file__).parents[2] / "similar" / "measure.py",
}
"""The script of each tool."""
