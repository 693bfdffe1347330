"""The pictures of module 1: derivatives, graphs, and the way back through them."""

import math
from itertools import pairwise

from tools.diagrams.picture import Picture, Tone
from tools.diagrams.plot import Axes


def central_difference_picture() -> Picture:
    """Task 1.1: the secant through two points around x."""
    picture = Picture(
        "A curve, its tangent at x, and the line through the two points at x minus h and x plus h: "
        "its slope approximates that of the tangent.",
        320,
    )
    axes = Axes(picture, 40, 30, 400, 250, (0, 3.2), (0, 3))
    x, h = 1.55, 0.95

    def formula(at: float) -> float:
        return 0.5 + 0.25 * at**2 + 0.5 * math.sin(2 * at - 1.2)

    def slope(at: float) -> float:
        return 0.5 * at + math.cos(2 * at - 1.2)

    def chord(at: float) -> float:
        low, high = formula(x - h), formula(x + h)
        return low + (high - low) * (at - x + h) / (2 * h)

    picture.line([axes.at(0, 0), axes.at(3.2, 0)], "faint")
    picture.line([axes.at(0, 0), axes.at(0, 3)], "faint")
    for at, name in ((x - h, "x − h"), (x, "x"), (x + h, "x + h")):
        picture.line([axes.at(at, 0), axes.at(at, formula(at))], "faint", dashed=True)
        left, top = axes.at(at, 0)
        picture.text(left, top + 16, name, size=14, code=True)
    axes.curve(lambda at: formula(x) + slope(x) * (at - x), "green")
    axes.curve(chord, "orange")
    axes.curve(formula, "blue")
    for at in (x - h, x + h):
        picture.dot(*axes.at(at, formula(at)), "orange")
    picture.dot(*axes.at(x, formula(x)), "green")
    picture.note(465, 70, "the function f", "blue", anchor="start")
    picture.note(465, 100, "its tangent at x", "green", anchor="start")
    picture.note(465, 130, "the line through both points", "orange", anchor="start")
    picture.text(573, 190, "f(x + h) − f(x − h)", "orange", code=True)
    picture.line([(480, 207), (666, 207)], "orange")
    picture.text(573, 224, "2h", "orange", code=True)
    picture.note(573, 258, "a smaller h is more exact, until")
    picture.note(573, 276, "f has too few digits")
    return picture


def scalars_picture() -> Picture:
    """Task 1.2: the fields of a Scalar, and the graph that they form."""
    picture = Picture(
        "Computing x times y plus x leaves a graph: each Scalar holds its number and its history, "
        "that is the function that made it and that function's inputs.",
        290,
    )
    x, y = 2.0, 3.0
    centres = {"x": (70, 90), "y": (70, 200), "a": (250, 145), "z": (400, 105)}
    picture.node(*centres["x"], f"{x:g}", "blue")
    picture.node(*centres["y"], f"{y:g}", "blue")
    picture.node(*centres["a"], f"{x * y:g}")
    picture.node(*centres["z"], f"{x * y + x:g}", "green")
    picture.text(70, 56, "x", code=True)
    picture.text(70, 236, "y", code=True)
    picture.text(250, 181, "a", code=True)
    picture.text(400, 141, "z", code=True)
    picture.cell(140, 128, "Mul", "faint", width=56, height=34, size=13)
    picture.cell(306, 88, "Add", "faint", width=56, height=34, size=13)
    picture.arrow((91, 102), (139, 136))
    picture.arrow((91, 188), (139, 155))
    picture.arrow((196, 145), (226, 145))
    picture.arrow((271, 135), (305, 116))
    picture.arrow((94, 84), (305, 99), bend=14)
    picture.arrow((362, 105), (376, 105))
    picture.text(225, 262, "z = x * y + x", code=True, size=15)
    picture.box(460, 42, 232, 200, "plain", corner=8)
    picture.heading(576, 64, "the Scalar z")
    rows = [("data", "8"), ("derivative", "None"), ("history", "")]
    for i, (name, value) in enumerate(rows):
        picture.text(478, 98 + 28 * i, name, code=True, anchor="start")
        picture.text(676, 98 + 28 * i, value, code=True, anchor="end")
    for i, (name, value) in enumerate((("last_fn", "Add"), ("inputs", "a, x"))):
        picture.text(500, 182 + 28 * i, name, "blue", code=True, anchor="start")
        picture.text(676, 182 + 28 * i, value, "blue", code=True, anchor="end")
    picture.note(576, 262, "backward follows the history")
    return picture


def chain_rule_picture() -> Picture:
    """Task 1.3: upstream gradient times the derivative for each input."""
    picture = Picture(
        "One step of the chain rule at a product: the upstream derivative 5 is multiplied by the "
        "derivative of the product for each input, which is the other factor.",
        270,
    )
    x, y, arrives = 2.0, 3.0, 5.0
    picture.node(110, 70, f"{x:g}", "blue", radius=26)
    picture.node(110, 200, f"{y:g}", "blue", radius=26)
    picture.cell(318, 105, "Mul", width=84, height=60, size=18)
    picture.node(610, 135, f"{x * y:g}", "blue", radius=26)
    picture.text(62, 70, "x", code=True, size=16)
    picture.text(62, 200, "y", code=True, size=16)
    picture.arrow((137, 70), (318, 118), "blue", bend=12)
    picture.arrow((137, 200), (318, 152), "blue", bend=-12)
    picture.arrow((402, 124), (584, 124), "blue", bend=10)
    picture.arrow((584, 147), (404, 147), "orange", bend=10)
    picture.arrow((318, 132), (134, 86), "orange", bend=12)
    picture.arrow((318, 140), (134, 186), "orange", bend=-12)
    picture.text(493, 182, f"{arrives:g} arrives", "orange")
    picture.text(255, 62, f"{arrives:g} · y = {arrives * y:g}", "orange", code=True)
    picture.text(255, 212, f"{arrives:g} · x = {arrives * x:g}", "orange", code=True)
    picture.text(493, 88, "x · y", "blue", code=True)
    picture.note(360, 246, "upstream derivative × derivative of the function for that input")
    return picture


def backpropagation_picture() -> Picture:
    """Task 1.4: a diamond, and the order that lets each node be visited once."""
    picture = Picture(
        "Backpropagation through a diamond: the result comes first, both functions next, and x "
        "last, when both derivatives have arrived and been added.",
        310,
    )
    x = 2.0
    a, b = 3 * x, x * x
    nodes = {"x": (120, 150), "a": (340, 80), "b": (340, 220), "c": (560, 150)}
    values = {"x": x, "a": a, "b": b, "c": a + b}
    formulas = {"x": "x", "a": "a = 3x", "b": "b = x·x", "c": "c = a + b"}
    for start, end in (("x", "a"), ("x", "b"), ("a", "c"), ("b", "c")):
        (x0, y0), (x1, y1) = nodes[start], nodes[end]
        picture.link((x0, y0 - 6), (x1, y1 - 6), "blue", radius=31, bend=6)
        picture.link((x1, y1 + 6), (x0, y0 + 6), "orange", radius=31, bend=6)
    for name, (left, top) in nodes.items():
        picture.node(left, top, f"{values[name]:g}", "blue", radius=26)
    for name, up in (("a", -42), ("b", 44), ("c", -42), ("x", -42)):
        picture.text(nodes[name][0], nodes[name][1] + up, formulas[name], code=True)
    picture.text(600, 150, "1", "orange", code=True, size=17, strong=True)
    picture.text(478, 206, "1", "orange", code=True, size=16)
    picture.text(438, 132, "1", "orange", code=True, size=16)
    picture.text(238, 144, "3", "orange", code=True, size=16)
    picture.text(216, 214, "2x = 4", "orange", code=True, size=15)
    picture.text(62, 150, "3 + 4", "orange", code=True, size=16, strong=True)
    order = [("1st", 560, 200), ("2nd", 390, 56), ("3rd", 390, 246), ("4th", 120, 200)]
    for text, left, top in order:
        picture.note(left, top, text)
    picture.note(360, 290, "a node is visited after all nodes that were computed from it")
    return picture


def training_scalars_picture() -> Picture:
    """Task 1.5: a network of scalars."""
    picture = Picture(
        "A network of scalars: two coordinates, two layers of neurons with ReLU, one neuron with a "
        "sigmoid. Every line is one multiplication of two Scalars.",
        310,
    )
    layers: list[tuple[float, int, Tone]] = [
        (80.0, 2, "blue"),
        (240.0, 4, "plain"),
        (400.0, 4, "plain"),
        (560.0, 1, "green"),
    ]
    centres = [
        [(left, 140 + (i - (count - 1) / 2) * 58) for i in range(count)]
        for left, count, _ in layers
    ]
    for before, after in pairwise(centres):
        for start in before:
            for end in after:
                picture.line([start, end], "faint")
    for start in centres[1]:
        picture.link(start, centres[2][1], "orange", radius=20)
    for (_, _, tone), column in zip(layers, centres, strict=True):
        for left, top in column:
            if (left, top) != centres[2][1]:
                picture.dot(left, top, tone, radius=18)
    picture.node(*centres[2][1], "Σ", "orange", radius=18)
    for (left, top), name in zip(centres[0], ("x₁", "x₂"), strict=True):
        picture.text(left, top, name, size=15)
    picture.text(560, 140, "p", code=True)
    picture.note(80, 284, "a point")
    picture.note(240, 284, "relu")
    picture.note(400, 284, "relu")
    picture.note(560, 284, "sigmoid: probability")
    picture.note(622, 92, "a line is a weight,")
    picture.note(622, 110, "one Scalar")
    return picture


PICTURES = {
    "tasks/1.1": central_difference_picture,
    "tasks/1.2": scalars_picture,
    "tasks/1.3": chain_rule_picture,
    "tasks/1.4": backpropagation_picture,
    "tasks/1.5": training_scalars_picture,
}
