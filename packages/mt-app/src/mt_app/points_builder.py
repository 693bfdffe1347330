"""The part of the page on points in which the user edits layers and adds points."""

from typing import Any

import numpy as np
import streamlit as st

from mt_app.components import component
from mt_app.figures.points import SIDE, draw_map
from mt_app.lessons.layers import MOST_POINTS, Fitted, fit, joined, read_points
from mt_models.datasets import DATASETS, Graph

CELLS = 40
NONE = "None"
EMPTY = Graph(0, [], [])

_component = component("plane", "tools")


@st.fragment
def build_network() -> None:
    """Let the user edit layers and points, and show the regions of the network at once."""
    name = st.segmented_control(
        "Points",
        [NONE, *DATASETS],
        default="Circle",
        key="build.set",
        required=True,
        bind="query-params",
    )
    left, right = st.columns(2)
    with right:
        layers = st.slider("Hidden layers", 0, 4, 1, key="build.layers", bind="query-params")
        units = [
            st.slider(
                f"Units of layer {at + 1}",
                1,
                16,
                6,
                key=f"build.units{at + 1}",
                bind="query-params",
            )
            for at in range(layers)
        ]
        steps = st.select_slider(
            "Training steps",
            (0, 10, 30, 100, 300, 1000),
            300,
            key="build.steps",
            bind="query-params",
        )
        seed = st.number_input("Seed", 0, 999, 0, key="build.seed", bind="query-params")
        result = st.container()
    with left:
        added = _added_points(name or NONE, tuple(units), steps, int(seed), result)
    with result:
        st.caption(f"{added} added points. The address of this page contains them.")


def _added_points(name: str, units: tuple[int, ...], steps: int, seed: int, result: Any) -> int:
    """Show the plane; return the number of added points."""
    state = st.session_state.get("build.plane")
    text = st.query_params.get("points", "") if state is None else state.points
    try:
        own = read_points(text)
    except ValueError as error:
        st.warning(f"The address contains no points: {error}.")
        text, own = "", EMPTY
    if text != st.query_params.get("points", ""):
        st.query_params["points"] = text
    points = joined(EMPTY if name == NONE else DATASETS[name](50, 0), own)
    fitted = _fit(tuple(points.X), tuple(points.y), units, steps, seed)
    svg = draw_map(points, fitted.grid, fitted.probabilities).svg()
    _component(
        key="build.plane",
        data={"svg": svg, "points": text, "side": SIDE, "most": MOST_POINTS},
        default={"points": text},
        on_points_change=lambda: None,
    )
    right = int(((fitted.probabilities > 0.5) == np.array(points.y, bool)).sum())
    with result:
        one, two, three = st.columns(3)
        one.metric("loss", f"{fitted.loss:.4f}" if points.N else "none")
        two.metric("right", f"{right} of {points.N}")
        three.metric("parameters", fitted.parameters)
    return own.N


@st.cache_data(max_entries=100, show_spinner=False)
def _fit(
    xs: tuple[tuple[float, float], ...],
    labels: tuple[int, ...],
    units: tuple[int, ...],
    steps: int,
    seed: int,
) -> Fitted:
    return fit(Graph(len(xs), list(xs), list(labels)), units, steps, seed, CELLS)
