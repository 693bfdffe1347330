"""Comparison of texts with compare50: a script for an environment that contains it.

It reads a question from standard input and writes the answer to standard output, both as JSON:

    {"texts": ["x = 1"], "earlier": ["x = 2"], "tokens": 12, "minimum": 0.5, "detailed": 200}
    [{"first": 0, "second": 1, "similarity": 0.8, "parts": [[[0, 5], [0, 5]]]}]

An answer has a record for each pair with at least the minimum similarity, the most similar first:
the indices of two texts, the similarity from 0 to 1, and the common parts, each as a range of
characters of both texts. Parts are determined for the given number of pairs; others have none.
Texts of earlier years have the indices after the others, and are not compared with each other.

The similarity of two texts is the weight of their common sequences of tokens, divided by the
geometric mean of the weights of all sequences of each. A sequence that many texts contain has a
small weight. Names, numbers, comments and layout do not count.

The command line of compare50 asks for its newest version, so this script calls its functions, which
use no network. It imports nothing of this repository.
"""

import json
import math
import sys
import tempfile
from collections.abc import Iterator, Sequence
from itertools import chain, repeat
from pathlib import Path
from typing import Any

import compare50
from compare50.comparators import Winnowing


class Structure(compare50.passes.structure):  # type: ignore[misc]
    """The comparison of compare50 that ignores names, numbers, comments and layout."""


def pairs(question: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the most similar pairs."""
    # Processes would be started for each call, which takes longer than the work.
    compare50._api.Executor = compare50._api.FauxExecutor
    # With equal lengths, every common sequence of this length counts.
    Structure.comparator = Winnowing(question["tokens"], question["tokens"])
    new, texts = len(question["texts"]), [*question["texts"], *question["earlier"]]
    with tempfile.TemporaryDirectory() as folder:
        known = [*_submissions(Path(folder), "a", texts)]
        # The score of a text and its second copy is the weight of all of its sequences.
        again = [*_submissions(Path(folder), "b", texts)]
        index = {submission.id: at for at, submission in enumerate((*known, *again))}
        scores: dict[tuple[int, int], float] = {}
        for each in compare50.rank(known, again, [], Structure, n=4 * len(texts) ** 2):
            first, second = sorted((index[each.sub_a.id], index[each.sub_b.id]))
            scores[first, second] = float(each.score)
        found: list[tuple[float, int, int]] = []
        for first in range(new):
            for second in range(first + 1, len(texts)):
                score = scores.get((first, second + len(texts)), 0.0)
                if score:
                    whole = [scores[at, at + len(texts)] for at in (first, second)]
                    found.append((score / math.sqrt(math.prod(whole)), first, second))
        found = [each for each in found if each[0] >= question["minimum"]]
        found.sort(key=lambda each: (-each[0], each[1:]))
        detailed = found[: question["detailed"]]
        chosen = [compare50.Score(known[first], known[second]) for _, first, second in detailed]
        parts: list[Any] = [each.span_matches for each in Structure.comparator.compare(chosen, [])]
        return [
            {
                "first": first,
                "second": second,
                "similarity": min(similarity, 1.0),
                "parts": [[[part.start, part.end] for part in each] for each in matches],
            }
            for (similarity, first, second), matches in zip(
                found, chain(parts, repeat(())), strict=False
            )
        ]


def _submissions(folder: Path, name: str, texts: Sequence[str]) -> Iterator[compare50.Submission]:
    preprocessor = compare50._data.Preprocessor(Structure.preprocessors)
    for number, text in enumerate(texts):
        file = folder / f"{name}{number}.py"
        # Ranges count characters, so that the ends of lines must not change.
        file.write_text(text, encoding="utf-8", newline="\n")
        yield compare50.Submission(folder, [file.name], preprocessor=preprocessor)


if __name__ == "__main__":
    json.dump(pairs(json.load(sys.stdin)), sys.stdout)
