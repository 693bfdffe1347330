"""The pictures of module 0: formulas, laws, lists, trees and points."""

from collections.abc import Callable

from mt_models.datasets.points import DATASETS
from mt_tensor import operators
from tools.diagrams.picture import WIDTH, Picture, Point, Tone
from tools.diagrams.plot import Axes


def operators_picture() -> Picture:
    """Task 0.1: four functions and their derivatives."""
    picture = Picture(
        "Four formulas and their derivatives: the sigmoid rises from 0 to 1 and is steepest at 0, "
        "ReLU is 0 up to 0 and the number itself above, the logarithm is steep near 0, the "
        "reciprocal falls.",
        250,
    )
    panels: list[tuple[str, Point, Point, Callable[[float], float], Callable[[float], float]]] = [
        (
            "sigmoid(x)",
            (-4, 4),
            (-0.4, 1.4),
            operators.sigmoid,
            lambda x: operators.sigmoid(x) * (1 - operators.sigmoid(x)),
        ),
        ("relu(x)", (-2, 2), (-0.6, 2), operators.relu, lambda x: operators.relu_back(x, 1)),
        ("log(x)", (0.08, 4), (-2.2, 2.6), operators.log, lambda x: operators.log_back(x, 1)),
        ("inv(x)", (0.22, 4), (-3, 4), operators.inv, lambda x: operators.inv_back(x, 1)),
    ]
    for i, (name, across, up, formula, derivative) in enumerate(panels):
        left = 28 + i * 170
        axes = Axes(picture, left, 52, 152, 130, across, up)
        axes.cross()
        axes.curve(derivative, "orange", breaks=(0.0,) if name.startswith("relu") else ())
        axes.curve(formula, "blue")
        picture.text(left + 76, 30, name, size=15, code=True, strong=True)
    picture.note(WIDTH / 2 - 90, 220, "the formula", "blue")
    picture.note(WIDTH / 2 + 90, 220, "its derivative", "orange")
    return picture


def testing_picture() -> Picture:
    """Task 0.2: an example is one point, a law holds for all; what fails is made smaller."""
    picture = Picture(
        "Left: a law for all numbers: the sigmoid of minus x is 1 minus the sigmoid of x. Right: "
        "hypothesis draws inputs until a law fails, and then makes the failing input simpler, as "
        "long as it still fails.",
        290,
    )
    picture.heading(180, 28, "a law")
    axes = Axes(picture, 30, 50, 300, 180, (-5, 5), (-0.1, 1.15))
    axes.cross()
    axes.curve(operators.sigmoid, "blue")
    for x in (1.0, 2.2, 3.6):
        value = operators.sigmoid(x)
        picture.line([axes.at(x, value), axes.at(x, 1)], "orange")
        picture.line([axes.at(-x, 0), axes.at(-x, 1 - value)], "orange")
        picture.dot(*axes.at(x, value))
        picture.dot(*axes.at(-x, operators.sigmoid(-x)))
    picture.line([axes.at(-5, 1), axes.at(5, 1)], "faint", dashed=True)
    picture.text(180, 258, "sigmoid(−x) = 1 − sigmoid(x)", code=True)
    picture.heading(540, 28, "a law that does not hold")
    picture.text(540, 60, "max(x, y) = x", code=True)
    steps: list[tuple[str, str, Tone]] = [
        ("x = 8.5, y = −3.0", "holds", "green"),
        ("x = −77.0, y = 1e9", "fails", "orange"),
        ("x = 0.0, y = 1e9", "simpler, fails too", "orange"),
        ("x = 0.0, y = 1.0", "nothing simpler fails", "orange"),
    ]
    for i, (inputs, verdict, tone) in enumerate(steps):
        top = 82 + i * 46
        last = i == len(steps) - 1
        picture.cell(380, top, inputs, "orange" if last else "plain", width=172, size=13)
        picture.note(562, top + 20, verdict, tone, anchor="start")
        if i > 0:
            picture.arrow((470, top - 7), (470, top + 1))
    return picture


def functional_picture() -> Picture:
    """Task 0.3: three loops that are handed a function."""
    picture = Picture(
        "map applies a function to each element of a list, zipWith to the elements of two lists "
        "in pairs, reduce folds a list into one number.",
        290,
    )
    first, second = [1.0, 2.0, 3.0], [4.0, 5.0, 6.0]
    picture.text(122, 28, "map(neg)", code=True, strong=True, size=15)
    picture.row(52, 56, first, step=46)
    picture.row(52, 196, [operators.neg(x) for x in first], "green", step=46)
    for i in range(3):
        middle = 52 + 46 * i + 23
        picture.arrow((middle, 98), (middle, 126))
        picture.node(middle, 143, "neg", "blue", radius=17)
        picture.arrow((middle, 162), (middle, 192))
    picture.text(360, 28, "zipWith(add)", code=True, strong=True, size=15)
    picture.row(290, 56, first, step=46)
    picture.row(290, 100, second, step=46)
    picture.row(
        290,
        196,
        [operators.add(x, y) for x, y in zip(first, second, strict=True)],
        "green",
        step=46,
    )
    for i in range(3):
        middle = 290 + 46 * i + 23
        picture.node(middle, 163, "add", "blue", radius=17)
        picture.arrow((middle, 142), (middle, 145))
        picture.arrow((middle, 181), (middle, 193))
    picture.text(598, 28, "reduce(add, 0)", code=True, strong=True, size=15)
    picture.row(552, 56, first, step=46)
    picture.cell(498, 56, "0", "faint")
    total = 0.0
    for i, x in enumerate(first):
        middle = 575 + 46 * i
        below = 122 + 42 * i
        picture.node(middle, below, "add", "blue", radius=17)
        picture.arrow((middle, 98), (middle, below - 19))
        if i == 0:
            picture.arrow((518, 98), (middle - 18, below - 3), bend=-8)
        else:
            picture.arrow((middle - 40, below - 30), (middle - 17, below - 8), bend=-2)
            picture.note(middle - 44, below - 8, f"{total:g}")
        total += x
    picture.arrow((667, 225), (667, 236))
    picture.cell(647, 238, f"{total:g}", "green")
    picture.note(122, 262, "one list")
    picture.note(360, 262, "two lists")
    picture.note(560, 262, "one list, one number")
    return picture


def modules_picture() -> Picture:
    """Task 0.4: the names of parameters are paths through a tree of modules."""
    picture = Picture(
        "A tree of modules: a network holds two layers, each layer a weight and a bias. The name "
        "of a parameter is the path to it, such as layer1.weight.",
        300,
    )
    picture.cell(170, 24, "Network", "blue", width=110)
    for i, layer in enumerate(("layer1", "layer2")):
        left = 50 + i * 210
        picture.arrow((225, 64), (left + 70, 118), dashed=False)
        picture.note((225 + left + 70) / 2 + (-40 if i == 0 else 40), 88, layer, "blue")
        picture.cell(left + 20, 120, "Linear", "blue", width=100)
        for j, name in enumerate(("weight", "bias")):
            picture.arrow((left + 70, 160), (left + 28 + j * 84, 214))
            picture.note(left + 20 + j * 100, 184, name, "orange")
            picture.cell(left + j * 84 - 8, 216, "Parameter", "orange", width=76, size=11)
    picture.heading(590, 34, "named_parameters()")
    names = [f"{layer}.{name}" for layer in ("layer1", "layer2") for name in ("weight", "bias")]
    for i, name in enumerate(names):
        picture.cell(500, 56 + i * 44, name, "orange", width=180)
    picture.note(590, 252, "a name is the path in the tree")
    picture.note(240, 278, "train() and eval() visit the same tree")
    return picture


def points_picture() -> Picture:
    """Task 0.5: the sets of points."""
    picture = Picture(
        "The six sets of points in the plane, in two classes each: Simple, Diag, Split, Xor, "
        "Circle and Spiral.",
        420,
    )
    for i, (name, draw) in enumerate(DATASETS.items()):
        left, top = 42 + (i % 3) * 222, 38 + (i // 3) * 196
        picture.heading(left + 95, top - 12, name)
        picture.box(left, top, 190, 150, "plain")
        cloud = draw(120, 0)
        for (x, y), label in zip(cloud.X, cloud.y, strict=True):
            tone: Tone = "blue" if label else "orange"
            picture.dot(left + 8 + x * 174, top + 142 - y * 134, tone, radius=3.2)
    picture.note(360, 404, "two numbers for each point, and the class that a network has to find")
    return picture


PICTURES = {
    "tasks/0.1": operators_picture,
    "tasks/0.2": testing_picture,
    "tasks/0.3": functional_picture,
    "tasks/0.4": modules_picture,
    "tasks/0.5": points_picture,
}
