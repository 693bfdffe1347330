"""Points in the plane."""

import math
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


def spiral(N):
    half = N // 2
    turns = [10 * (i / half) for i in range(half)]
    arm = [(t * math.cos(t) / 20 + 0.5, t * math.sin(t) / 20 + 0.5) for t in turns]
    other = [(0.5 - (x - 0.5), 0.5 - (y - 0.5)) for x, y in arm]
    return Graph(N, arm + other, [0] * half + [1] * half)


datasets = {
    "Simple": _drawn(lambda x, y: x < 0.5),
    "Diag": _drawn(lambda x, y: x + y < 0.5),
    "Split": _drawn(lambda x, y: x < 0.2 or x > 0.8),
    "Xor": _drawn(lambda x, y: (x < 0.5) != (y < 0.5)),
    "Circle": _drawn(lambda x, y: (x - 0.5) ** 2 + (y - 0.5) ** 2 > 0.1),
    "Spiral": spiral,
}
