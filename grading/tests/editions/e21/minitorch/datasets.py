"""Points in the plane."""

import random
from dataclasses import dataclass


@dataclass
class Graph:
    N: int
    X: list
    y: list


def _drawn(rule):
    def draw(N):
        X = [(random.random(), random.random()) for _ in range(N)]
        return Graph(N, X, [1 if rule(x, y) else 0 for x, y in X])

    return draw


datasets = {
    "Simple": _drawn(lambda x, y: x < 0.5),
    "Diag": _drawn(lambda x, y: x + y < 0.5),
    "Split": _drawn(lambda x, y: x < 0.2 or x > 0.8),
    "Xor": _drawn(lambda x, y: (x < 0.5) != (y < 0.5)),
}
