"""The page on points in the plane: a line with sliders, and training of networks."""

from typing import Literal

import streamlit as st

from mt_app.figures.points import draw_line, draw_map
from mt_app.insight.networks import PRETRAINED_POINTS
from mt_app.jobs import RunView
from mt_app.lessons.points import Line, judge, line_on_grid, predict_run
from mt_app.points_builder import build_network
from mt_app.style import figure, page_head
from mt_app.training_view import start_button, training_panel
from mt_models.backends import default_dtype
from mt_models.datasets import DATASETS, Graph
from mt_models.problems import Points
from mt_models.recipes import PointsRecipe
from mt_models.training import LAST, Settings
from mt_nn import CheckpointError

CELLS = 40
"""The number of rows and columns of the map."""

START = {"w1": 6.0, "w2": 0.0, "b": -2.0}

MODELS = {
    "scalars (module 1)": ("scalar", "reference"),
    "tensors (module 2)": ("tensor", "reference"),
    "fast tensors (module 3)": ("tensor", "fast"),
    "tuned tensors": ("tensor", "tuned"),
}
"""The kind of model and the backend of each choice."""


def render() -> None:
    """Draw the page."""
    page_head(
        "Points in the plane",
        "Six sets of points, in order of difficulty. A line has three parameters, which you can "
        "set "
        "by hand; a network learns hundreds. The colour of the plane is the model's prediction, "
        "the colour of a point is its class.",
        (
            "Separate Simple by hand, then try Xor: no line separates it.",
            "Under Layers of your own, remove the hidden layer, and add a point in the circle.",
            "Take single steps of gradient descent and watch the three parameters change.",
        ),
    )
    by_hand, building, learning = st.tabs(
        ["A line by hand", "Layers of your own", "A network that learns"],
        key="points.tab",
        bind="query-params",
    )
    with by_hand:
        _by_hand()
    with building:
        build_network()
    with learning:
        _learning()


@st.fragment
def _by_hand() -> None:
    name = st.segmented_control(
        "Points",
        list(DATASETS),
        default="Simple",
        key="points.set",
        bind="query-params",
        required=True,
    )
    points = _points(name or "Simple", 50)
    left, right = st.columns(2)
    with right:
        w1 = _slider("w1, how much x1 counts", "w1")
        w2 = _slider("w2, how much x2 counts", "w2")
        b = _slider("b, the bias", "b")
        rate = st.select_slider(
            "Learning rate", (0.5, 1.0, 2.0, 5.0, 10.0), 5.0, key="points.rate", bind="query-params"
        )
        line = Line(w1, w2, b)
        judged = judge(line, points)
        with st.container(horizontal=True):
            for steps in (1, 20):
                label = "One step of gradient descent" if steps == 1 else f"{steps} steps"
                st.button(
                    label,
                    key=f"points.step{steps}",
                    on_click=_step,
                    args=(line, points, rate, steps),
                )
        one, two = st.columns(2)
        one.metric("loss", f"{judged.loss:.4f}")
        two.metric("right", f"{judged.right} of {points.N}")
        gradient = judged.gradient
        st.caption(
            f"The loss changes with w1 by {gradient.w1:+.3f}, with w2 by {gradient.w2:+.3f}, with "
            f"b by {gradient.b:+.3f}. A step subtracts the rate times these."
        )
    with left:
        drawing = draw_map(points, line_on_grid(line, CELLS), judged.probabilities)
        draw_line(drawing, line)
        figure(
            drawing.svg(),
            f"{points.N} points; the line classifies {judged.right} of them correctly",
        )


def _slider(label: str, name: str) -> float:
    return float(
        st.slider(label, -20.0, 20.0, START[name], 0.1, key=f"points.{name}", bind="query-params")
    )


def _step(line: Line, points: Graph, rate: float, steps: int) -> None:
    """Move the sliders by steps of gradient descent, within their range."""
    for _ in range(steps):
        line = line.stepped(judge(line, points).gradient, rate)
    for name in START:
        st.session_state[f"points.{name}"] = min(max(getattr(line, name), -20.0), 20.0)


@st.cache_data
def _points(name: str, n: int) -> Graph:
    return DATASETS[name](n, 0)


def _learning() -> None:
    """Start training runs and show them."""
    with st.container(border=True):
        name = st.segmented_control(
            "Points",
            list(DATASETS),
            default="Xor",
            key="learn.set",
            bind="query-params",
            required=True,
        )
        left, middle, right = st.columns(3)
        made_of = left.selectbox(
            "A network of", list(MODELS), index=3, key="learn.model", bind="query-params"
        )
        hidden = left.slider(
            "Units in each hidden layer", 2, 32, 10, key="learn.hidden", bind="query-params"
        )
        n = middle.slider("Number of points", 10, 200, 50, 10, key="learn.n", bind="query-params")
        epochs = middle.slider("Epochs", 10, 1000, 200, 10, key="learn.epochs", bind="query-params")
        rate = right.select_slider(
            "Learning rate",
            (0.001, 0.003, 0.01, 0.03, 0.1),
            0.01,
            key="learn.rate",
            bind="query-params",
        )
        seed = right.number_input("Seed", 0, 999, 0, key="learn.seed", bind="query-params")
        kind, backend = MODELS[made_of]
        model: Literal["scalar", "tensor"] = "scalar" if kind == "scalar" else "tensor"
        recipe = PointsRecipe(
            dataset=name or "Xor",
            model=model,
            backend=backend,
            dtype=default_dtype(backend),
            n=n,
            hidden=hidden,
            optimizer="adam",
            lr=rate,
            seed=int(seed),
        )
        start_button(recipe, Settings(epochs=epochs, batch_size=10, seed=int(seed)), "learn.start")
    training_panel(
        Points.name,
        _map_of_run,
        judged_by="training points",
        details_first=True,
        shipped=PRETRAINED_POINTS,
    )


def _map_of_run(run: RunView) -> None:
    """Draw the predictions of a run's network at its last checkpoint."""
    checkpoint = run.shipped or run.folder / LAST
    if not checkpoint.is_file():
        return
    try:
        learnt = predict_run(checkpoint, CELLS)
    except (OSError, CheckpointError, ValueError) as error:
        st.warning(f"The network cannot be read: {error}")
        return
    svg = draw_map(learnt.points, learnt.grid, learnt.probabilities).svg()
    figure(svg, f"The network's predictions after {learnt.epochs} epochs")
    st.caption(
        f"After **{learnt.epochs}** epochs. Blue is class 1, orange class 0; "
        "a ring marks a misclassified point."
    )
