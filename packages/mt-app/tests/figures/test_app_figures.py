"""Figures of the lessons, checked by the elements of the drawings."""

import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mt_app.drawing import Drawing, number
from mt_app.figures.convolution import draw_step, sum_in_words
from mt_app.figures.curves import draw_curve
from mt_app.figures.graph import draw_graph
from mt_app.figures.memory import draw_tensor, draw_whole_storage
from mt_app.figures.points import draw_line, draw_map
from mt_app.figures.pooling import draw_windows
from mt_app.figures.probabilities import draw_bars, draw_dropped
from mt_app.lessons.backpropagation import graph_of
from mt_app.lessons.convolution import PHASES, Phase, convolution
from mt_app.lessons.memory import follow
from mt_app.lessons.operators import OPERATORS, Operator, curve, tangent
from mt_app.lessons.points import Line
from mt_app.lessons.pooling import pool
from mt_app.lessons.probabilities import drop, softmax_steps
from mt_autodiff import Scalar
from mt_models.datasets import DATASETS

SVG = "http://www.w3.org/2000/svg"


def elements(drawing: Drawing, kind: str) -> list[ET.Element]:
    return [e for e in ET.fromstring(drawing.svg()).iter() if e.tag == f"{{{SVG}}}{kind}"]


def texts(drawing: Drawing) -> list[str]:
    return [element.text or "" for element in elements(drawing, "text")]


def framed(drawing: Drawing) -> int:
    return sum(e.get("stroke-width") == "2.5" for e in elements(drawing, "rect"))


@settings(max_examples=15)
@given(
    st.sampled_from(PHASES),
    st.booleans(),
    st.sampled_from([((4,), (2,)), ((5,), (5,)), ((3, 4), (2, 2)), ((2, 2), (1, 3))]),
    st.integers(1, 2),
    st.integers(1, 2),
)
def test_every_step_of_a_convolution(
    phase: Phase,
    reverse: bool,
    sizes: tuple[tuple[int, ...], tuple[int, ...]],
    channels: int,
    kernels: int,
) -> None:
    size, kernel = sizes
    rng = np.random.default_rng(0)
    lesson = convolution(
        rng.integers(-3, 4, size=(channels, *size)),
        rng.integers(-3, 4, size=(kernels, channels, *kernel)),
        rng.integers(-3, 4, size=(kernels, *size)),
        reverse=reverse,
    )
    left, right = lesson.factors(phase)
    for at, step in enumerate(lesson.steps(phase)):
        figures = draw_step(lesson, phase, at)
        inside = sum(term.inside for term in step.terms)
        ghosts = len(step.terms) - inside
        assert framed(figures.left) == len({t.left for t in step.terms if t.inside})
        assert len(elements(figures.left, "rect")) == left.size + ghosts
        assert framed(figures.right) == len({t.right for t in step.terms if t.inside})
        assert framed(figures.result) == 1
        shown = [text for text in texts(figures.result)[1:] if not text.startswith("[")]
        results = lesson.result(phase).ravel()[: at + 1]
        assert shown == [number(float(value)) for value in results]
        assert framed(figures.left_storage) == len({t.left for t in step.terms if t.inside})
        assert len(elements(figures.left_storage, "rect")) == len(left.storage)
        assert len(elements(figures.right_storage, "rect")) == len(right.storage)
        words = sum_in_words(lesson, phase, step)
        assert words.split("  (")[0].endswith(f"= {number(float(results[at]))}")
        products = words.split(" = ")[1].replace("·", "*")
        assert eval(products) == pytest.approx(results[at])


def test_windows_of_a_pooling() -> None:
    lesson = pool(np.arange(24.0).reshape(4, 6), (2, 3), "maximum")
    for at in range(4):
        image, tiles, output, gradient = draw_windows(lesson, at)
        assert framed(image) == framed(gradient) == framed(tiles) == 6
        assert framed(output) == 1
        assert len(texts(output)) == 1 + at + 1


@pytest.mark.parametrize("of", OPERATORS, ids=lambda of: of.name)
@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_curves_stay_in_their_frame(of: Operator, share: float) -> None:
    x = of.lowest + share * (of.highest - of.lowest)
    drawing = draw_curve(curve(of, 1.0), tangent(of, x, 1.0))
    for line in elements(drawing, "polyline"):
        numbers = [float(part) for part in re.split("[ ,]", line.attrib["points"])]
        assert all(-1 <= n <= 481 for n in numbers[::2])
        assert all(-1 <= n <= 321 for n in numbers[1::2])


def test_a_pole_is_no_vertical_line() -> None:
    inv = next(of for of in OPERATORS if of.name == "inv")
    drawing = draw_curve(curve(inv), tangent(inv, 1.0))
    signs = []
    for line in elements(drawing, "polyline"):
        if line.get("stroke-width") == "2.5":  # The formula and its derivative.
            xs = [float(pair.split(",")[0]) for pair in line.attrib["points"].split()]
            signs.append((min(xs) < 240, max(xs) > 240))
    assert signs and (True, True) not in signs


def test_the_graph_shows_values_and_then_derivatives() -> None:
    x, y = Scalar(2.0, name="x"), Scalar(3.0, name="y")
    graph = graph_of(x * y + x)
    before = texts(draw_graph(graph, 0))
    assert "x" in before and "6" in before and "8" in before
    assert not any(text.startswith("d =") for text in before)
    after = texts(draw_graph(graph, len(graph.visits)))
    assert sorted(text for text in after if text.startswith("d =")) == [
        "d = 1",
        "d = 1",
        "d = 2",
        "d = 4",
    ]


@pytest.mark.parametrize("chain", ["", "permute(1, 0)", "[1]", "[1, 2]", "[None, :, ::2]"])
def test_a_tensor_is_drawn_with_its_storage(chain: str) -> None:
    link = follow((3, 4), chain)[-1]
    index = next(iter(link.data.indices()))
    drawing = draw_tensor(link, "x", [index])
    assert len(elements(drawing, "rect")) == link.data.size
    assert framed(drawing) == 1
    cells = draw_whole_storage(link, "memory", [link.positions[index]])
    assert len(elements(cells, "rect")) == 12
    assert framed(cells) == 1


def test_misclassified_points_have_a_ring() -> None:
    points = DATASETS["Simple"](30, 0)
    grid = np.zeros((4, 4))
    drawing = draw_map(points, grid, np.zeros(30))
    circles = elements(drawing, "circle")
    assert len(circles) == 30 + sum(points.y)
    # One run of equal cells in each row, behind them the ground.
    assert len(elements(drawing, "rect")) == 1 + 4


@pytest.mark.parametrize(
    ("line", "drawn"),
    [
        (Line(2.0, 0.0, -1.0), 1),
        (Line(0.0, 2.0, -1.0), 1),
        (Line(1.0, 1.0, -1.0), 1),
        (Line(0.0, 0.0, 0.0), 0),
        (Line(1.0, 1.0, 5.0), 0),
        (Line(1.0, 1.0, 0.0), 0),
    ],
)
def test_a_line_is_drawn_where_it_crosses_the_square(line: Line, drawn: int) -> None:
    drawing = Drawing()
    draw_line(drawing, line)
    lines = elements(drawing, "polyline")
    assert len(lines) == drawn
    for element in lines:
        for pair in element.attrib["points"].split():
            x, y = (float(part) / 360 for part in pair.split(","))
            assert line.w1 * x + line.w2 * (1 - y) + line.b == pytest.approx(0.0, abs=1e-6)


def test_nan_is_drawn_as_undecided() -> None:
    drawing = draw_map(DATASETS["Diag"](5, 0), np.full((3, 3), np.nan))
    assert len(elements(drawing, "rect")) == 1


def test_bars_and_dropped_units() -> None:
    drawing = draw_bars(softmax_steps([2.0, 1.0, 0.0], 1), ("a", "b", "c"))
    assert {"a", "b", "c"} < set(texts(drawing))
    lesson = drop(np.ones((3, 4)), 0.5, 1)
    _, (function, _), _, _ = draw_dropped(lesson)
    dashed = [e for e in elements(function, "rect") if e.get("stroke-dasharray")]
    assert len(dashed) == (lesson.function == 0).sum()
