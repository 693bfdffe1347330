"""Comparison of texts with copydetect: the interface of `grading/similar/measure.py`.

The similarity is the mean of the shares of each text that the other one contains. `tokens` counts
characters of the text without names here, as copydetect does.
"""

import io
import json
import sys
from typing import Any

from copydetect import CodeFingerprint, compare_files


def pairs(question: dict[str, Any]) -> list[dict[str, Any]]:
    """Return all pairs of texts with a common part."""
    texts = question["texts"]
    # The name chooses the syntax. In a window of 1, every common sequence counts.
    prints = [
        CodeFingerprint("a.py", question["tokens"], 1, fp=io.StringIO(each)) for each in texts
    ]
    return [
        {"first": first, "second": second, "similarity": float(sum(shares)) / 2, "parts": []}
        for second in range(len(texts))
        for first in range(second)
        for overlap, shares, _ in [compare_files(prints[first], prints[second])]
        if overlap
    ]


if __name__ == "__main__":
    json.dump(pairs(json.load(sys.stdin)), sys.stdout)
