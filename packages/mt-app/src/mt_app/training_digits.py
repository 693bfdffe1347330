"""The training part of the page on digits."""

from html import escape
from pathlib import Path

import numpy as np
import numpy.typing as npt
import streamlit as st

from mt_app.insight.networks import PRETRAINED_DIGITS
from mt_app.jobs import RunView
from mt_app.shared import images_of
from mt_app.tiles import Tile, ink, tiles
from mt_app.training_view import (
    choose_backend,
    choose_data,
    choose_size,
    show_pictures,
    start_button,
    training_panel,
)
from mt_models.datasets import DataError
from mt_models.pictures import confusion_matrix, worst_errors
from mt_models.problems import Evaluation
from mt_models.recipes import DigitsRecipe
from mt_models.training import Settings


def train_digits() -> None:
    """Let the user train a network, and show the runs."""
    data = choose_data(
        "Own pictures",
        "digits.data",
        "A folder that has a folder of pictures for each class. Empty: the digits of MNIST.",
    )
    left, middle, right = st.columns(3)
    with left:
        sizes = [500, 1000, 2000, 5000, 10_000, 20_000, 60_000]
        samples = choose_size("Training images", sizes, 5000, "digits.images", data)
        epochs = st.slider("Epochs", 1, 20, 3, key="digits.epochs", bind="query-params")
    with middle:
        rate = st.select_slider(
            "Learning rate",
            [0.01, 0.03, 0.1, 0.25, 0.5, 1.0, 3.0],
            0.25,
            key="digits.rate",
            bind="query-params",
        )
        batch = st.select_slider(
            "Batch size", [8, 16, 32, 64], 16, key="digits.batch", bind="query-params"
        )
    with right:
        backend, dtype = choose_backend("digits.backend")
        sizes = [100, 500, 2000, 10_000]
        judged = choose_size("Validation images", sizes, 2000, "digits.validation", data)
    recipe = DigitsRecipe(
        backend=backend,
        dtype=dtype,
        lr=rate,
        schedule="cosine",
        data=data,
        train_size=samples,
        validation_size=judged,
    )
    start_button(recipe, Settings(epochs=epochs, batch_size=batch), "digits.start")
    training_panel("mnist", _details, shipped=PRETRAINED_DIGITS)


def _details(run: RunView) -> None:
    """Show the confusion matrix and the worst errors of a run."""
    evaluation = run.evaluation()
    if evaluation is None:
        show_pictures(run)
        return
    left, right = st.columns(2, gap="large")
    with left:
        st.markdown("**Confusion matrix**")
        st.html(_confusion(evaluation, run.classes))
    with right:
        st.markdown("**The most confident errors**")
        data = run.options.get("data")
        try:
            images = images_of(None if data is None else Path(data)).test_images
        except DataError as error:
            st.warning(f"The pictures cannot be read: {error}")
            return
        if len(images) < len(evaluation.labels):
            st.warning(f"The pictures in {data} have changed since the run.")
            return
        st.html(_mistakes(evaluation, run.classes, images))


def _confusion(evaluation: Evaluation, classes: tuple[str, ...]) -> str:
    """Return the confusion matrix as a table, each row shaded by its fractions."""
    counts = confusion_matrix(evaluation, len(classes))
    shares = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in classes)
    rows = []
    for truth, name in enumerate(classes):
        cells = "".join(
            f'<td class="{"mt-right" if answer == truth else "mt-wrong"}" '
            f'style="--mt-share: {100 * shares[truth, answer]:.0f}%">'
            f"{counts[truth, answer] or ''}</td>"
            for answer in range(len(classes))
        )
        rows.append(f'<tr><th scope="row">{escape(name)}</th>{cells}</tr>')
    return (
        '<table class="mt-confusion"><caption>rows: the truth; columns: the answer</caption>'
        f"<thead><tr><td></td>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
    )


def _mistakes(
    evaluation: Evaluation, classes: tuple[str, ...], images: npt.NDArray[np.uint8]
) -> str:
    """Return the misclassified images with the greatest confidence."""
    chosen = worst_errors(evaluation, 16).tolist()
    if not chosen:
        return "<p>None.</p>"
    shown = []
    for number in chosen:
        predicted = int(evaluation.predictions[number])
        sure = float(evaluation.probabilities[number, predicted])
        label = f"{classes[evaluation.labels[number]]} as {classes[predicted]}"
        shown.append(Tile(ink(images[number]), f"{label}, {sure:.0%} sure", f"{label}, {sure:.0%}"))
    return tiles(shown, "4.5rem")
