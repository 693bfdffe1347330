"""The page on digits: prediction of a LeNet with explanations, and training."""

import math
from html import escape

import numpy as np
import numpy.typing as npt
import streamlit as st

from mt_app.announcer import announce
from mt_app.canvas import drawing_area
from mt_app.explorer import explorer
from mt_app.insight.digits import DigitInsight, explain_digit, first_kernels, second_kernels
from mt_app.insight.flips import smallest_flip
from mt_app.insight.networks import PRETRAINED_DIGITS, DigitReader
from mt_app.insight.windows import explorer_data
from mt_app.jobs import find_runs
from mt_app.shared import choose_network, digit_reader, images_of, job_queue
from mt_app.style import page_head
from mt_app.tiles import Tile, bars, heat, ink, overlay, tiles
from mt_app.training_digits import train_digits
from mt_app.training_view import choose_part
from mt_models.prediction import ImageError, normalize_digit, read_digit, unlike_digit
from mt_models.recipes import DigitsRecipe
from mt_nn import CheckpointError

Image = npt.NDArray[np.uint8]
ASK, TRAIN = "Ask", "Train"
DRAW, PICK, UPLOAD = "Draw", "Pick", "Upload"
FORMATS = ("png", "jpg", "jpeg", "webp", "bmp", "gif", "tif", "tiff")


def render() -> None:
    """Draw the page."""
    page_head(
        "Digits",
        "A small convolutional network looks at a digit. Follow the picture through its layers: "
        "the first finds edges, the second combines them, and in the end there are ten numbers, "
        "one for each digit.",
        [
            "Clear the seven and draw a 4. Close it slowly into a 9: when does the answer flip?",
            "Draw something that is no digit. How sure is the network then?",
        ],
    )
    part = choose_part([ASK, TRAIN], "digits.part")
    if part == TRAIN:
        train_digits()
    else:
        _ask()


@st.fragment
def _ask() -> None:
    """Ask the user for a digit, and show the network's prediction."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        how = st.segmented_control(
            "Digit",
            [DRAW, PICK, UPLOAD],
            default=DRAW,
            key="digits.from",
            bind="query-params",
            required=True,
        )
        st.button("Random example", icon=":material/casino:", on_click=_pick_randomly)
    with st.container(key="digits-board"):
        question, answer = st.columns([1, 1], gap="medium")
    source = choose_network(PRETRAINED_DIGITS, find_runs(job_queue(), "mnist"), "digits.network")
    try:
        reader = digit_reader(source)
    except (CheckpointError, OSError, ValueError) as error:
        st.error(str(error))
        return
    st.caption(
        f"{type(reader.network).__name__}, which classified {reader.accuracy:.2%} of the "
        "validation images correctly"
    )
    with question:
        image = _given_digit(how or DRAW)
    with answer:
        if image is None:
            st.html('<div class="mt-answer mt-waiting">?</div>')
            announce("no digit", "digits.announcer")
            return
        insight = explain_digit(reader, image)
        name = reader.classes[insight.answer]
        st.html(f'<div class="mt-answer" data-answer="{escape(name)}">{escape(name)}</div>')
        shares = list(zip(reader.classes, insight.probabilities.tolist(), strict=True))
        st.html(bars(shares))
        # Other classes than digits have other shapes.
        knows_digits = reader.classes == DigitsRecipe.classes and reader.recipe.data is None
        doubt = unlike_digit(image) if knows_digits else ""
        if doubt:
            st.warning(
                f"This does not look like one digit: {doubt}. The network names a digit for every "
                "picture.",
                icon=":material/help:",
            )
        warned = ", does not look like one digit" if doubt else ""
        announce(f"{name}, {insight.probabilities.max():.0%}{warned}", "digits.announcer")
    _why(reader, insight)


def _pick_randomly() -> None:
    """Show a random test image of MNIST."""
    st.session_state["digits.from"] = PICK
    st.session_state["digits.number"] = int(
        np.random.default_rng().integers(len(images_of(None).test_images))
    )


def _given_digit(how: str) -> Image | None:
    """Return the digit that the user draws, picks or uploads, in MNIST's format."""
    if how == PICK:
        images: Image = images_of(None).test_images
        number = st.number_input(
            "Test image of MNIST",
            0,
            len(images) - 1,
            18,
            key="digits.number",
            bind="query-params",
        )
        st.html(tiles([Tile(ink(images[number]), f"test image {number}")], "10rem"))
        image: Image = images[number]
        return image
    if how == UPLOAD:
        return _uploaded_digit()
    drawing = drawing_area("drawing")
    try:
        return None if drawing is None else normalize_digit(drawing, "the drawing")
    except ImageError:
        return None


def _uploaded_digit() -> Image | None:
    """Let the user upload a picture. The page keeps it while it shows another one."""
    file = st.file_uploader("A picture of one digit", type=FORMATS, key="digits.file")
    kept = "digits.uploaded"
    if file is not None:
        try:
            st.session_state[kept] = (file.name, read_digit(file, file.name))
        except ImageError as error:
            st.warning(f"{error}.")
            return None
    if kept not in st.session_state:
        return None
    name, image = st.session_state[kept]
    if file is None:
        st.caption(f"The last upload: {name}")
    st.html(tiles([Tile(ink(image), f"the uploaded picture {name}, 28 by 28")], "10rem"))
    uploaded: Image = image
    return uploaded


def _why(reader: DigitReader, insight: DigitInsight) -> None:
    """Show the intermediate results."""
    st.header("The gradient of each pixel")
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
        f"Blue: more ink here would raise the score of {reader.classes[insight.answer]}. "
        "Orange: it would lower it. This is the gradient of that score by each pixel."
    )
    _flip(reader, insight)
    st.header("Layer by layer")
    st.caption(
        "Point at a value: the frames show what it depends on in the earlier layers, and what "
        "depends on it in the later ones."
    )
    explorer(explorer_data(reader, insight), "digits.explorer")
    for layer in insight.layers:
        if layer.values.ndim == 3:
            continue
        shape = " × ".join(map(str, layer.shape))
        learnt = f" · {layer.parameters:,} trained parameters" if layer.parameters else ""
        st.html(
            f'<div class="mt-layer"><b>{layer.name}</b> <code>{shape}</code> '
            f"<span>{layer.does}{learnt}</span></div>"
        )
        st.html(_layer_tiles(layer.values, reader.classes))
    _kernels(reader)


def _flip(reader: DigitReader, insight: DigitInsight) -> None:
    """Show a small change of the pixels that flips the answer."""
    st.header("A change that flips the answer")
    shown = st.toggle("Search", key="digits.flip", bind="query-params")
    if not shown:
        return
    flip = smallest_flip(reader, insight.image)
    if flip is None:
        st.info("The search found no change that flips the answer.")
        return
    after, before = reader.classes[flip.answer], reader.classes[insight.answer]
    st.html(
        tiles(
            [
                Tile(ink(insight.image), f"the digit, read as {before}", before),
                Tile(heat(flip.change), "the change", "the change"),
                Tile(ink(flip.image), f"the changed digit, read as {after}", after),
            ],
            "9rem",
            one_row=True,
        )
    )
    length = float(np.sqrt((flip.change.astype(np.float64) ** 2).sum()))
    st.caption(
        f"With this change of {flip.pixels} pixels by at most {flip.largest} of 255 grey values "
        f"(Euclidean length {length:.0f}), the network reads {after}. The search is DeepFool's: it "
        "goes to the nearest boundary of the linearised scores. Blue adds ink, orange removes it."
    )


def _layer_tiles(values: npt.NDArray[np.floating], classes: tuple[str, ...]) -> str:
    """Return pictures of the output of a linear layer."""
    if len(values) == len(classes):
        limit = float(np.abs(values).max()) or 1.0
        return tiles(
            [
                Tile(heat(np.array([[value]]), limit), f"{name}: {value:.2f}", name)
                for name, value in zip(classes, values.tolist(), strict=True)
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
    st.header("Filters")
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
