"""Arrays as small pictures for a page.

A pixel is transparent for zero, blue above zero and orange below, with opacity by magnitude, so
that pictures fit light and dark mode.
"""

import base64
import html
import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

from mt_app.theme import BLUE, ORANGE

Values = npt.NDArray[np.number]


@dataclass(frozen=True, slots=True)
class Tile:
    """A picture with a caption.

    Attributes:
        source: The picture as a data URL.
        label: The description for screen readers.
        caption: A short text below, or an empty text.
    """

    source: str
    label: str
    caption: str = ""


def heat(values: Values, limit: float | None = None) -> str:
    """Return a picture of numbers, blue above zero and orange below.

    Args:
        values: The numbers.
        limit: The absolute value that is opaque, by default the largest one.

    Shape:
        (height, width).
    """
    return _address(_coloured(values, limit))


def ink(image: npt.NDArray[np.uint8]) -> str:
    """Return a picture of a digit in MNIST's format: white on black, in dark mode, too.

    Shape:
        (height, width).
    """
    return _address(Image.fromarray(np.ascontiguousarray(image)))


def overlay(image: npt.NDArray[np.uint8], values: Values) -> str:
    """Return a picture of a digit with an overlay of numbers.

    Shape:
        (height, width) both.
    """
    grey = Image.fromarray((image * 0.45).astype(np.uint8)).convert("RGBA")
    return _address(Image.alpha_composite(grey, _coloured(values, None)))


def tiles(pictures: Sequence[Tile], size: str = "4rem", *, one_row: bool = False) -> str:
    """Return pictures beside each other.

    Args:
        pictures: The tiles.
        size: The width of a tile, a CSS length.
        one_row: True shrinks the tiles on narrow pages; False wraps them to the next row.
    """
    cells = "".join(_cell(picture) for picture in pictures)
    kind = "mt-tiles mt-one-row" if one_row else "mt-tiles"
    style = f"--mt-tile: {size}; --mt-count: {len(pictures)}"
    return f'<div class="{kind}" style="{style}">{cells}</div>'


def bars(
    shares: Sequence[tuple[str, float]], winner: int | None = None, *, signed: bool = False
) -> str:
    """Return horizontal bars of probabilities, one of them highlighted.

    Args:
        shares: Pairs of a name and a number from 0 to 1.
        winner: The index of the highlighted bar, by default the longest.
        signed: True draws the second bar in orange, the colour of class 0.
    """
    if winner is None:
        winner = int(np.argmax([share for _, share in shares]))
    rows = []
    for number, (name, share) in enumerate(shares):
        strong = " mt-winner" if number == winner else ""
        strong += " mt-against" if signed and number == 1 else ""
        rows.append(
            f'<div class="mt-bar{strong}"><span>{html.escape(name)}</span>'
            f'<div><i style="width: {100 * max(0.0, min(1.0, share)):.1f}%"></i></div>'
            f"<b>{share:.1%}</b></div>"
        )
    return f'<div class="mt-bars">{"".join(rows)}</div>'


def _cell(picture: Tile) -> str:
    caption = f"<figcaption>{html.escape(picture.caption)}</figcaption>" if picture.caption else ""
    label = html.escape(picture.label, quote=True)
    return f'<figure><img src="{picture.source}" alt="{label}" title="{label}">{caption}</figure>'


def _coloured(values: Values, limit: float | None) -> Image.Image:
    numbers = np.nan_to_num(np.asarray(values, np.float64))
    strongest = float(np.abs(numbers).max(initial=0.0)) if limit is None else limit
    pixels = np.zeros((*numbers.shape, 4), np.uint8)
    pixels[numbers >= 0, :3] = _rgb(BLUE)
    pixels[numbers < 0, :3] = _rgb(ORANGE)
    if strongest > 0:
        pixels[..., 3] = np.round(255 * np.minimum(np.abs(numbers) / strongest, 1.0))
    return Image.fromarray(pixels)


def _rgb(colour: str) -> tuple[int, ...]:
    return tuple(bytes.fromhex(colour.removeprefix("#")))


def _address(picture: Image.Image) -> str:
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"
