"""Points in the plane, each set as a class."""

import random


class Simple:
    def __init__(self, N):
        self.N = N
        self.X = [(random.random(), random.random()) for _ in range(N)]
        self.y = [1 if self.rule(x, y) else 0 for x, y in self.X]

    def rule(self, x, y):
        return x < 0.5


class Diag(Simple):
    def rule(self, x, y):
        return x + y < 0.5


class Split(Simple):
    def rule(self, x, y):
        return x < 0.2 or x > 0.8


class Xor(Simple):
    def rule(self, x, y):
        return (x < 0.5) != (y < 0.5)
