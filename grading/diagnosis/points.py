"""Mistakes in data sets of points: task 0.5."""

from collections.abc import Callable

import numpy as np

from grading.checking.finding import Finding
from grading.checking.points import RULES
from grading.diagnosis.mistakes import Mistake
from grading.protocol.messages import Array

Label = Callable[[Array, Array], Array]
"""Returns whether points are of class 1; its arguments are two arrays (COUNT,)."""


def labelled(name: str, cause: str, wrong: Label) -> Mistake:
    """Return a mistake in the classes of a data set."""

    def explains(finding: Finding) -> bool | None:
        options, response = finding.request.options, finding.response
        if options.get("name") != name or response is None or finding.name != "result 1":
            return None
        points, labels = response.arrays
        return np.array_equal(labels, wrong(points[:, 0], points[:, 1]).astype(float))

    return Mistake(("0.5",), cause, explains, predicts=True)


def _inverted(rule: Label) -> Label:
    return lambda x, y: ~rule(x, y)


def _exchanged(rule: Label) -> Label:
    return lambda x, y: rule(y, x)


MISTAKES = [
    *(
        labelled(name, f"The two classes of `{name}` are exchanged.", _inverted(rule))
        for name, rule in RULES.items()
    ),
    *(
        labelled(name, f"The two coordinates are exchanged in `{name}`.", _exchanged(rule))
        for name, rule in RULES.items()
    ),
    labelled("Split", "Only the left band of `Split` has class 1.", lambda x, y: x < 0.2),
    labelled("Split", "Only the right band of `Split` has class 1.", lambda x, y: x > 0.8),
    labelled(
        "Split",
        "The middle of `Split` has class 1. The bands have it.",
        lambda x, y: (x > 0.2) & (x < 0.8),
    ),
    labelled("Xor", "Only one quarter of `Xor` has class 1.", lambda x, y: (x < 0.5) & (y > 0.5)),
    labelled("Xor", "Only one quarter of `Xor` has class 1.", lambda x, y: (x > 0.5) & (y < 0.5)),
    labelled(
        "Circle",
        "The radius of `Circle` is wrong: the square of the distance is compared with 0.1.",
        lambda x, y: np.hypot(x - 0.5, y - 0.5) > 0.1,
    ),
]
