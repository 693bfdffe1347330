"""Charts of a training run, in the colours of the page."""

import math
from collections.abc import Sequence
from typing import Any

import streamlit as st

from mt_app.jobs.live import CurvePoint
from mt_app.theme import BLUE, ORANGE
from mt_models.training import EpochRecord

HEIGHT = 300

Point = tuple[float, float]


def training_curves(
    points: Sequence[CurvePoint], records: Sequence[EpochRecord], epochs: int, judged_by: str
) -> None:
    """Draw loss and accuracy over the epochs: lines for training, dots for validation.

    Args:
        points: The points of the training curve.
        records: The finished epochs.
        epochs: The number of epochs of the run.
        judged_by: The description of the validation examples.
    """
    judged = f"on {judged_by}"
    loss = [(point.epoch, point.loss) for point in points]
    accuracy = [(point.epoch, 100 * point.accuracy) for point in points]
    unseen_loss = [(float(record.epoch), record.validation_loss) for record in records]
    unseen_accuracy = [
        (float(record.epoch), 100 * record.validation_accuracy) for record in records
    ]
    highest = max((y for _, y in loss + unseen_loss), default=1.0)
    lowest = min((y for _, y in accuracy + unseen_accuracy), default=0.0)
    left, right = st.columns(2)
    with left:
        _curve("loss", loss, unseen_loss, epochs, (0.0, highest), judged)
    with right:
        heights = (math.floor(lowest), 100.0)
        _curve("accuracy in %", accuracy, unseen_accuracy, epochs, heights, judged)


def _curve(
    title: str,
    learnt: Sequence[Point],
    unseen: Sequence[Point],
    epochs: int,
    heights: Point,
    judged: str,
) -> None:
    """Draw one chart, whose axis covers all epochs."""
    rows = [{"epoch": x, "value": y, "of": "in training"} for x, y in learnt]
    rows += [{"epoch": x, "value": y, "of": judged} for x, y in unseen]
    # No dots in long runs, because they would hide the line.
    dot = 60 if len(unseen) <= 30 else 6
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
                "range": [BLUE, ORANGE],
            },
            "legend": {"orient": "top"},
        },
        "tooltip": [
            {"field": "of", "title": " "},
            {"field": "epoch", "format": ".2f"},
            {"field": "value", "format": ".4f", "title": title},
        ],
    }
    st.vega_lite_chart(
        {
            "height": HEIGHT,
            "data": {"values": rows},
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
