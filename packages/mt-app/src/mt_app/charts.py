"""Charts of training runs, in the colours of the page."""

import math
from collections.abc import Sequence
from typing import Any

import streamlit as st

from mt_app.jobs import RunView
from mt_app.theme import TRAINING, VALIDATION

HEIGHT = 300
DASHES = ([1, 0], [6, 4])
"""The dashes of the first run's lines, and of the second's."""


def training_curves(runs: Sequence[RunView], judged_by: str) -> None:
    """Draw loss and accuracy over the epochs: lines for training, dots for validation.

    Args:
        runs: One run, or two runs to compare; the lines of the second are dashed.
        judged_by: The description of the validation examples.
    """
    judged = f"on {judged_by}"
    losses, accuracies = [], []
    for run in runs:
        for point in run.curve():
            losses.append(_row(run, "in training", point.epoch, point.loss))
            accuracies.append(_row(run, "in training", point.epoch, 100 * point.accuracy))
        for record in run.records:
            epoch, accuracy = float(record.epoch), 100 * record.validation_accuracy
            losses.append(_row(run, judged, epoch, record.validation_loss))
            accuracies.append(_row(run, judged, epoch, accuracy))
    epochs = max(int(run.settings["epochs"]) for run in runs)
    highest = max((row["value"] for row in losses), default=1.0)
    lowest = min((row["value"] for row in accuracies), default=0.0)
    names = [run.name for run in runs]
    left, right = st.columns(2)
    with left:
        _curve("loss", losses, epochs, (0.0, highest), judged, names)
    with right:
        _curve("accuracy in %", accuracies, epochs, (math.floor(lowest), 100.0), judged, names)


def _row(run: RunView, of: str, epoch: float, value: float) -> dict[str, Any]:
    return {"epoch": epoch, "value": value, "of": of, "run": run.name}


def _curve(
    title: str,
    rows: Sequence[dict[str, Any]],
    epochs: int,
    heights: tuple[float, float],
    judged: str,
    names: Sequence[str],
) -> None:
    """Draw one chart, whose axis covers all epochs."""
    # No dots in long runs, because they would hide the line.
    dot = 60 if sum(row["of"] == judged for row in rows) <= 30 else 6
    encoding: dict[str, Any] = {
        "x": {
            "field": "epoch",
            "type": "quantitative",
            "title": "epochs",
            "axis": {"tickMinStep": 1, "format": "d", "grid": False},
            "scale": {"domain": [0, epochs], "nice": False},
        },
        "y": {
            "field": "value",
            "type": "quantitative",
            "title": title,
            "scale": {"domain": heights, "nice": False, "clamp": True},
        },
        "color": {
            "field": "of",
            "type": "nominal",
            "title": None,
            "scale": {
                "domain": ["in training", judged],
                "range": [TRAINING, VALIDATION],
            },
            "legend": {"orient": "top"},
        },
        "tooltip": [
            {"field": "run", "title": "run"},
            {"field": "of", "title": " "},
            {"field": "epoch", "format": ".2f"},
            {"field": "value", "format": ".4f", "title": title},
        ],
    }
    if len(names) > 1:
        encoding["strokeDash"] = {
            "field": "run",
            "type": "nominal",
            "title": None,
            "scale": {"domain": list(names), "range": list(DASHES)},
            "legend": {"orient": "top"},
        }
    st.vega_lite_chart(
        {
            "height": HEIGHT,
            "data": {"values": list(rows)},
            "encoding": encoding,
            "layer": [
                {
                    "mark": {"type": "line", "strokeWidth": 1.6},
                    "transform": [{"filter": "datum.of == 'in training'"}],
                },
                {
                    "mark": {"type": "line", "point": {"size": dot}, "strokeWidth": 1.6},
                    "transform": [{"filter": "datum.of != 'in training'"}],
                },
            ],
        },
        width="stretch",
    )
