"""The page on digits: prediction of a LeNet with explanations, and training."""

import math

import numpy as np
import numpy.typing as npt
import streamlit as st

from mt_app.canvas import drawing_area
from mt_app.insight.digits import DigitInsight, explain_digit, first_kernels, second_kernels
from mt_app.insight.networks import DigitReader
from mt_app.jobs import RunView, find_runs
from mt_app.shared import choose_network, digit_reader, job_queue, mnist
from mt_app.style import page_head
from mt_app.tiles import Tile, bars, heat, ink, overlay, tiles
from mt_app.training_view import choose_backend, start_button, training_panel
from mt_models.pictures import confusion_matrix, worst_errors
from mt_models.prediction import ImageError, normalize_digit, read_digit
from mt_models.problems import Evaluation
from mt_models.recipes import DigitsRecipe
from mt_models.training import Settings
from mt_nn import CheckpointError

Image = npt.NDArray[np.uint8]
ASK, TRAIN = "Ask", "Train"


def render() -> None:
    """Draw the page."""
    page_head(
        "Digits",
        "A small convolutional network looks at a digit. Follow the picture through its layers: "
        "the first finds edges, the second combines them, and in the end there are ten numbers, "
        "one for each digit.",
        [
            "Draw a 7, then give it a bar. Draw a 4 and close it slowly into a 9: "
            "when does the answer flip?",
            "Draw something that is no digit. How sure is the network then?",
        ],
    )
    part = st.segmented_control(
        "Part", [ASK, TRAIN], default=ASK, key="digits part", label_visibility="collapsed"
    )
    if part == TRAIN:
        _train()
    else:
        _ask()


@st.fragment
def _ask() -> None:
    """Ask the user for a digit, and show the network's prediction."""
    question, answer = st.columns([1, 1], gap="large")
    with question:
        source = choose_network("digits.safetensors", find_runs(job_queue(), "mnist"), "digits net")
        image = _given_digit()
    try:
        reader = digit_reader(source)
    except (CheckpointError, OSError, ValueError) as error:
        st.error(str(error))
        return
    with answer:
        st.caption(
            f"{type(reader.network).__name__}, which read {reader.accuracy:.2%} of the validation "
            "digits right"
        )
        if image is None:
            st.html('<div class="mt-answer mt-waiting">?</div>')
            return
        insight = explain_digit(reader, image)
        st.html(f'<div class="mt-answer" data-answer="{insight.answer}">{insight.answer}</div>')
        shares = [(str(digit), float(p)) for digit, p in enumerate(insight.probabilities)]
        st.html(bars(shares))
    _why(reader, insight)


def _given_digit() -> Image | None:
    """Return the digit that the user draws, picks or uploads, in MNIST's format."""
    how = st.segmented_control(
        "Digit", ["Draw", "Pick", "Upload"], default="Draw", key="digits how"
    )
    if how == "Pick":
        images: Image = mnist().test_images
        number = st.number_input("Test image of MNIST", 0, len(images) - 1, 18, key="digits number")
        st.html(tiles([Tile(ink(images[number]), f"test image {number}")], "10rem"))
        image: Image = images[number]
        return image
    try:
        if how == "Upload":
            file = st.file_uploader(
                "A picture of one digit",
                type=["png", "jpg", "jpeg", "webp", "bmp", "gif", "tif", "tiff"],
            )
            return None if file is None else read_digit(file, file.name)
        drawing = drawing_area("digits drawing")
        return None if drawing is None else normalize_digit(drawing, "the drawing")
    except ImageError as error:
        if how == "Upload":
            st.warning(str(error))
        return None


def _why(reader: DigitReader, insight: DigitInsight) -> None:
    """Show the intermediate results."""
    st.subheader("The gradient of each pixel")
    st.html(
        tiles(
            [
                Tile(ink(insight.image), "the digit, 28 by 28", "the input of the network"),
                Tile(heat(insight.relevance), "gradient of the winner's score", "gradient"),
                Tile(overlay(insight.image, insight.relevance), "both", "both"),
            ],
            "9rem",
            one_row=True,
        )
    )
    st.caption(
        f"Blue: more ink here would raise the score of {insight.answer}. "
        "Orange: it would lower it. This is the gradient of that score by each pixel."
    )
    st.subheader("Layer by layer")
    for layer in insight.layers:
        shape = " × ".join(map(str, layer.shape))
        learnt = f" · {layer.parameters:,} trained parameters" if layer.parameters else ""
        st.html(
            f'<div class="mt-layer"><b>{layer.name}</b> <code>{shape}</code> '
            f"<span>{layer.does}{learnt}</span></div>"
        )
        st.html(_layer_tiles(layer.values, insight))
    _kernels(reader)


def _layer_tiles(values: npt.NDArray[np.floating], insight: DigitInsight) -> str:
    """Return pictures of a layer's output."""
    if values.ndim == 3:
        if len(values) == 1:
            return tiles([Tile(ink(insight.image), "the digit")], "5rem")
        limit = float(np.abs(values).max()) or 1.0
        return tiles(
            [Tile(heat(channel, limit), f"channel {i}") for i, channel in enumerate(values)], "5rem"
        )
    if len(values) == 10:
        limit = float(np.abs(values).max()) or 1.0
        return tiles(
            [
                Tile(heat(np.array([[value]]), limit), f"{digit}: {value:.2f}", f"{digit}")
                for digit, value in enumerate(values.tolist())
            ],
            "2rem",
            one_row=True,
        )
    columns = math.ceil(len(values) / 4)
    grid = np.zeros(4 * columns)
    grid[: len(values)] = values
    return tiles([Tile(heat(grid.reshape(4, columns)), f"{len(values)} units")], "14rem")


def _kernels(reader: DigitReader) -> None:
    """Show the kernels of the convolutions."""
    st.subheader("Filters")
    first, second = first_kernels(reader), second_kernels(reader)
    limit = float(np.abs(first).max()) or 1.0
    st.caption(
        "The kernels of the first convolution: blue weights are positive, orange ones negative."
    )
    st.html(
        tiles(
            [Tile(heat(k, limit), f"kernel {i}") for i, k in enumerate(first)], "5rem", one_row=True
        )
    )
    st.caption("The kernels of the second convolution, a row for each channel of `mid`.")
    limit = float(np.abs(second).max()) or 1.0
    for channel in range(second.shape[1]):
        row = [Tile(heat(k, limit), f"kernel {i}") for i, k in enumerate(second[:, channel])]
        st.html(tiles(row, "2.5rem", one_row=True))


def _train() -> None:
    """Let the user train a network."""
    left, middle, right = st.columns(3)
    with left:
        samples = st.select_slider(
            "Training images", [500, 1000, 2000, 5000, 10_000, 20_000, 60_000], 5000
        )
        epochs = st.slider("Epochs", 1, 20, 3)
    with middle:
        rate = st.select_slider("Learning rate", [0.01, 0.03, 0.1, 0.25, 0.5, 1.0, 3.0], 0.25)
        batch = st.select_slider("Batch size", [8, 16, 32, 64], 16)
    with right:
        backend, dtype = choose_backend("digits backend")
        judged = st.select_slider("Unseen images to judge by", [100, 500, 2000, 10_000], 2000)
    recipe = DigitsRecipe(
        backend=backend,
        dtype=dtype,
        lr=rate,
        schedule="cosine",
        train_size=samples,
        validation_size=judged,
    )
    start_button(recipe, Settings(epochs=epochs, batch_size=batch), "digits start")
    training_panel("mnist", _details)


def _details(run: RunView) -> None:
    """Show the confusion matrix and the worst errors of a run."""
    evaluation = run.evaluation()
    if evaluation is None or not len(evaluation.labels):
        return
    left, right = st.columns(2, gap="large")
    with left:
        st.markdown("**Confusion matrix**")
        st.html(_confusion(evaluation))
    with right:
        st.markdown("**The most confident errors**")
        st.html(_mistakes(evaluation))


def _confusion(evaluation: Evaluation) -> str:
    """Return the confusion matrix as a table, each row shaded by its fractions."""
    counts = confusion_matrix(evaluation, 10)
    shares = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    head = "".join(f"<th>{digit}</th>" for digit in range(10))
    rows = []
    for digit in range(10):
        cells = "".join(
            f'<td class="{"mt-right" if other == digit else "mt-wrong"}" '
            f'style="--mt-share: {100 * shares[digit, other]:.0f}%">{counts[digit, other] or ""}'
            "</td>"
            for other in range(10)
        )
        rows.append(f"<tr><th>{digit}</th>{cells}</tr>")
    return (
        '<table class="mt-confusion"><caption>rows: the truth; columns: the answer</caption>'
        f"<thead><tr><th></th>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
    )


def _mistakes(evaluation: Evaluation) -> str:
    """Return the misclassified digits with the greatest confidence."""
    images = mnist().test_images
    chosen = worst_errors(evaluation, 16).tolist()
    if not chosen:
        return "<p>None.</p>"
    shown = []
    for number in chosen:
        predicted = int(evaluation.predictions[number])
        sure = float(evaluation.probabilities[number, predicted])
        label = f"{evaluation.labels[number]} as {predicted}"
        shown.append(Tile(ink(images[number]), f"{label}, {sure:.0%} sure", f"{label}, {sure:.0%}"))
    return tiles(shown, "4.5rem")
