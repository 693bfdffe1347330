"""The curves of a training, drawn by the browser in the colours of the page."""

from collections.abc import Sequence
from typing import Any

import streamlit as st

from mt_models.app.jobs.live import CurvePoint
from mt_models.app.theme import BLUE, ORANGE
from mt_models.training import EpochRecord

HEIGHT = 230


def training_curves(points: Sequence[CurvePoint], records: Sequence[EpochRecord]) -> None:
    """Draw loss and accuracy over the epochs: lines while learning, dots on unseen examples."""
    loss = [(point.epoch, point.loss) for point in points]
    accuracy = [(point.epoch, 100 * point.accuracy) for point in points]
    unseen_loss = [(float(record.epoch), record.validation_loss) for record in records]
    unseen_accuracy = [
        (float(record.epoch), 100 * record.validation_accuracy) for record in records
    ]
    left, right = st.columns(2)
    with left:
        _curve("loss", loss, unseen_loss, [0, None])
    with right:
        _curve("accuracy in %", accuracy, unseen_accuracy, [None, 100])


def _curve(
    title: str,
    learnt: Sequence[tuple[float, float]],
    unseen: Sequence[tuple[float, float]],
    domain: Sequence[float | None],
) -> None:
    """Draw one chart."""
    rows = [{"epoch": x, "value": y, "of": "while learning"} for x, y in learnt]
    rows += [{"epoch": x, "value": y, "of": "on unseen examples"} for x, y in unseen]
    encoding: dict[str, Any] = {
        "x": {
            "field": "epoch",
            "type": "quantitative",
            "title": "epochs",
            "axis": {"tickMinStep": 1, "format": "d", "grid": False},
        },
        "y": {
            "field": "value",
            "type": "quantitative",
            "title": title,
            "scale": {"zero": False}
            | {
                name: value
                for name, value in zip(("domainMin", "domainMax"), domain, strict=True)
                if value is not None
            },
        },
        "color": {
            "field": "of",
            "type": "nominal",
            "title": None,
            "scale": {
                "domain": ["while learning", "on unseen examples"],
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
                    "transform": [{"filter": "datum.of == 'while learning'"}],
                },
                {
                    "mark": {"type": "line", "point": {"size": 60}, "strokeWidth": 1.6},
                    "transform": [{"filter": "datum.of != 'while learning'"}],
                },
            ],
        },
        width="stretch",
    )
