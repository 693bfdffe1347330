"""The pictures of the essays in `docs/why`, and of the tour."""

import math

from mt_autodiff import tensor
from mt_nn import softmax
from tools.diagrams.picture import CELL, Picture, Tone
from tools.diagrams.plot import Axes


def order_picture() -> Picture:
    """Why topological order: the smallest graph in which another order is wrong."""
    picture = Picture(
        "The smallest graph for which the order matters: a = 2x, b = 5a, c = a + b. Visited "
        "breadth first, a passes on 1 before the 5 from b has arrived, and x receives 2. In "
        "topological order a waits, and passes on 6: x receives 12.",
        330,
    )
    for side, wrong in enumerate((True, False)):
        left = 24.0 + side * 350
        nodes = {
            "x": (left + 36, 190),
            "a": (left + 130, 190),
            "b": (left + 204, 110),
            "c": (left + 280, 190),
        }
        tone: Tone = "orange" if wrong else "green"
        picture.heading(left + 160, 28, "breadth first" if wrong else "topological order")
        for start, end in (("c", "a"), ("c", "b"), ("b", "a"), ("a", "x")):
            picture.link(nodes[start], nodes[end], tone, radius=26)
        for name, centre in nodes.items():
            picture.node(*centre, name, "blue" if name != "x" else tone)
        orders = "c, a, b" if wrong else "c, b, a"
        picture.note(left + 160, 54, f"visits {orders}")
        picture.text(left + 206, 206, "1", code=True, size=14)
        picture.text(left + 258, 142, "1", code=True, size=14)
        picture.text(left + 152, 138, "5", code=True, size=14)
        passed = "1" if wrong else "1 + 5"
        picture.text(left + 130, 230, f"has {passed}", tone, code=True, size=13)
        picture.text(left + 78, 256, f"{passed if wrong else 6} · 2", tone, code=True, size=13)
        derivative = 2 if wrong else 12
        picture.text(
            left + 160, 290, f"dc/dx = {derivative}", tone, code=True, size=16, strong=True
        )
        picture.note(left + 160, 312, "5 is added too late" if wrong else "a is visited after b")
    return picture


def broadcasting_picture() -> Picture:
    """Why gradients of broadcasting are sums: two steps back to the operand's shape."""
    picture = Picture(
        "A gradient of shape (2, 3, 4) goes back to an operand of shape (3, 1) in two steps: the "
        "dimension that was added in front is summed away, the one that was repeated is summed "
        "to size 1.",
        300,
    )
    step = 30.0
    for layer in (1, 0):
        shift = layer * 16
        picture.grid(36 + shift, 92 - shift, [[""] * 4 for _ in range(3)], "orange", step=step)
    picture.text(104, 214, "(2, 3, 4)", code=True)
    picture.arrow((186, 132), (270, 132), "orange")
    picture.note(228, 110, "sum over 0")
    picture.grid(286, 92, [[""] * 4 for _ in range(3)], "orange", step=step)
    picture.text(346, 214, "(3, 4)", code=True)
    picture.arrow((418, 132), (502, 132), "orange")
    picture.note(460, 110, "sum over 1")
    picture.grid(530, 92, [[""] for _ in range(3)], "green", step=step)
    picture.text(545, 214, "(3, 1)", code=True)
    picture.heading(104, 32, "upstream gradient")
    picture.heading(545, 32, "the operand")
    picture.note(346, 246, "dimension 0: summed away")
    picture.note(545, 246, "dimension 1: size 1")
    picture.note(360, 278, "the gradients of all copies are summed")
    return picture


def race_picture() -> Picture:
    """Why races: two threads add to one cell, and one addition is lost."""
    picture = Picture(
        "Two threads add 1 to an element that is 5. Each reads, adds and writes. Both read 5 "
        "before either has written, and both write 6: one addition is lost.",
        300,
    )
    rows: tuple[tuple[str, Tone, float, tuple[int, int, int]], ...] = (
        ("thread 0", "blue", 64, (0, 1, 3)),
        ("thread 1", "orange", 200, (1, 2, 4)),
    )
    values = ["5", "5", "5", "6", "6"]
    left, step = 130.0, 112.0
    picture.text(left - 16, 152, "memory", code=True, anchor="end")
    for i, value in enumerate(values):
        tone: Tone = "plain" if value == "5" else "green"
        picture.cell(left + i * step + 30, 132, value, tone)
        if i:
            picture.line([(left + i * step - 38, 152), (left + i * step + 28, 152)], "faint")
    for name, tone, top, moments in rows:
        picture.text(left - 16, top + 20, name, code=True, anchor="end")
        above = top < 132
        for moment, (step_text, towards_memory) in zip(
            moments, (("read 5", False), ("5 + 1", None), ("write 6", True)), strict=True
        ):
            x = left + moment * step
            picture.cell(x, top, step_text, tone, width=100, size=13)
            near, far = (top + 41, 131) if above else (top - 1, 173)
            if towards_memory is not None:
                start, end = (near, far) if towards_memory else (far, near)
                picture.arrow((x + 50, start), (x + 50, end), tone)
    picture.arrow((left, 264), (left + 5 * step - 10, 264))
    picture.note(left + 2.5 * step, 280, "time")
    picture.note(left + 2.5 * step, 30, "two additions increase the element by 1 only")
    return picture


def strides_picture() -> Picture:
    """Why strides: views of one storage, among them one that repeats and one that overlaps."""
    picture = Picture(
        "Six elements of storage with four pairs of shape and strides: a matrix, its transpose, "
        "a row that is repeated with stride 0, and windows that overlap.",
        380,
    )
    left = 360 - 3 * CELL
    picture.row(left, 24, [str(i) for i in range(6)], "blue")
    picture.text(left - 14, 44, "storage", code=True, anchor="end")
    views = [
        ("a matrix", (2, 3), (3, 1)),
        ("its transpose", (3, 2), (1, 3)),
        ("a row, repeated", (3, 3), (0, 1)),
        ("windows", (4, 3), (1, 1)),
    ]
    step = 34.0
    for i, (name, shape, strides) in enumerate(views):
        middle = 98 + i * 174.0
        rows = [
            [str(a * strides[0] + b * strides[1]) for b in range(shape[1])] for a in range(shape[0])
        ]
        picture.heading(middle, 110, name)
        picture.grid(middle - shape[1] * step / 2, 132, rows, "plain", step=step, size=13)
        picture.text(middle, 292, f"shape {shape}", code=True, size=13)
        picture.text(middle, 314, f"strides {strides}", "blue", code=True, size=13)
    picture.note(360, 352, "position = Σ index × stride; nothing is copied")
    return picture


def softmax_picture() -> Picture:
    """Why a stable softmax: the exponential leaves the range of numbers, its argument need not."""
    picture = Picture(
        "Left: scores 999, 1000 and 1001 lie far beyond 709.78, where the exponential of a float64 "
        "becomes infinite. Right: minus the maximum they are -2, -1 and 0, with the same softmax.",
        320,
    )
    scores = [999.0, 1000.0, 1001.0]
    shifted = [score - max(scores) for score in scores]
    picture.heading(190, 28, "scores")
    axes = Axes(picture, 40, 60, 300, 110, (0, 1100), (0, 1))
    picture.line([axes.at(0, 0), axes.at(1100, 0)])
    edge, _ = axes.at(709.78, 0)
    picture.box(edge, 74, 300 - edge + 40, 96, "orange", corner=3)
    picture.note(edge + 53, 92, "exp = ∞", "orange")
    picture.text(edge, 188, "709.78", "orange", code=True, size=13)
    picture.text(40, 188, "0", code=True, size=13)
    for score in scores:
        picture.dot(axes.at(score, 0)[0] + (score - 1000) * 8, 170, "blue")
    picture.text(axes.at(1000, 0)[0] + 4, 146, "scores", "blue", size=13)
    picture.text(190, 232, "∞ / ∞ = NaN", "orange", code=True, size=16)
    picture.heading(530, 28, "scores − maximum")
    curve = Axes(picture, 400, 60, 260, 110, (-4, 0.4), (0, 1.1))
    curve.cross()
    curve.curve(math.exp, "blue")
    for score in shifted:
        x, y = curve.at(score, math.exp(score))
        picture.line([(x, 170), (x, y)], "faint", dashed=True)
        picture.dot(x, y, "green")
        picture.text(x, 188, f"{score:g}".replace("-", "−"), code=True, size=13)
    shares = softmax(tensor(shifted), 0).to_numpy()
    picture.text(
        530, 232, ", ".join(f"{share:.2f}" for share in shares), "green", code=True, size=16
    )
    picture.note(360, 276, "exp(x − m) / Σ exp(x − m) = exp(x) / Σ exp(x): numerator and")
    picture.note(360, 294, "denominator are divided by exp(m), for any m")
    return picture


def tour_picture() -> Picture:
    """The tour: the hops of x * y, there and back."""
    picture = Picture(
        "The life of x times y: Tensor.__mul__ calls Function.apply, which calls Mul.forward, "
        "which calls the backend's zip, which runs a loop with operators.mul. Backward, "
        "backpropagate calls chain_rule, which calls Mul.backward, which calls zip again.",
        330,
    )
    forward = ["x * y", "__mul__", "apply", "forward", "zip", "loop"]
    levels = ["your line", "Tensor", "Function", "Mul", "Backend", "operators.mul"]
    for i, (name, level) in enumerate(zip(forward, levels, strict=True)):
        left = 22 + i * 115.0
        tone: Tone = "plain" if i == 0 else "green" if i > 3 else "blue"
        picture.box(left, 66, 100, 58, tone, corner=7)
        picture.text(left + 50, 84, name, code=True)
        picture.note(left + 50, 106, level)
        if i:
            picture.arrow((left - 14, 95), (left - 1, 95))
    back = ["backward()", "backpropagate", "chain_rule", "backward", "zip", "loop"]
    levels = ["your line", "graph", "Node", "Mul", "Backend", "operators.mul"]
    for i, (name, level) in enumerate(zip(back, levels, strict=True)):
        left = 22 + i * 115.0
        tone = "plain" if i == 0 else "green" if i > 3 else "orange"
        picture.box(left, 206, 100, 58, tone, corner=7)
        picture.text(left + 50, 224, name, code=True, size=14 if len(name) < 11 else 11)
        picture.note(left + 50, 246, level)
        if i:
            picture.arrow((left - 14, 235), (left - 1, 235))
    picture.heading(22, 38, "forward", anchor="start")
    picture.heading(22, 180, "backward", anchor="start")
    picture.arrow((302, 126), (302, 203), dashed=True)
    picture.note(316, 164, "the history: Mul, its operands and the saved values", anchor="start")
    picture.note(360, 300, "green: numbers only, without gradients")
    return picture


PICTURES = {
    "why/topological-order": order_picture,
    "why/broadcasting": broadcasting_picture,
    "why/races": race_picture,
    "why/strides": strides_picture,
    "why/softmax": softmax_picture,
    "tour": tour_picture,
}
