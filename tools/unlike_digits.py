"""Measure the recognition of pictures that do not look like one digit.

`hatch run python -m tools.unlike_digits` prints the table of the guide "Command line": the share of
MNIST's test digits that is refused, and the share of other pictures that is recognised. Letters are
drawn in fonts that matplotlib contains.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from mt_models.datasets import load_mnist_split, normalize_digit
from mt_models.prediction.likeness import unlike_digit

Picture = npt.NDArray[np.uint8]

FONTS = ("DejaVuSans", "DejaVuSerif", "DejaVuSans-Bold", "DejaVuSansMono", "DejaVuSerif-Italic")
"""The fonts of letters and printed digits."""
HEBREW_FONTS = FONTS[:1]
"""The fonts that contain Hebrew letters."""
# Letters with the shape of a digit, such as O, l, S or Z, are left out.
GREEK = "ΓΔΘΛΞΠΣΦΨΩαβγδεζηθκλμξπσφψω"
CYRILLIC = "БДЖИЙЛФЦЧШЩЪЫЭЮЯбджимкшщюя"
HEBREW = "אבגדהחטכלמםנסעפצקרשת"
LATIN = "ACDEFGHJKLMNPQRTUVWXYadefhkmnrtuvwx"
DIGITS = "0123456789"
COUNT = 500
"""The number of drawn pictures of a kind."""
SIZE = 120
"""The size of letters in pixels."""


def letters(characters: str, fonts: tuple[str, ...] = FONTS) -> Iterator[Picture]:
    """Draw characters in several fonts."""
    folder = Path(mpl.get_data_path()) / "fonts" / "ttf"
    for name in fonts:
        font = ImageFont.truetype(str(folder / f"{name}.ttf"), SIZE)
        for character in characters:
            picture = Image.new("L", (3 * SIZE, 3 * SIZE), 255)
            ImageDraw.Draw(picture).text((SIZE, SIZE // 2), character, font=font, fill=0)
            yield np.asarray(picture)


def pairs(rng: np.random.Generator) -> Iterator[Picture]:
    """Place two test digits side by side, from touching to eight pixels apart."""
    digits, _ = load_mnist_split("test")
    for _ in range(COUNT):
        chosen = [digits[i][:, digits[i].any(0)] for i in rng.integers(len(digits), size=2)]
        gap = np.zeros((28, int(rng.integers(0, 9))), np.uint8)
        yield np.pad(np.hstack([chosen[0], gap, chosen[1]]), 3)


def dots(rng: np.random.Generator) -> Iterator[Picture]:
    """Draw ellipses that are nearly round, from one pixel to a third of the picture."""
    for _ in range(COUNT):
        side = int(rng.integers(60, 300))
        picture = Image.new("L", (side, side), 255)
        radius = rng.uniform(1, side / 6)
        height = radius * rng.uniform(0.7, 1.3)
        x, y = rng.uniform(side / 4, 3 * side / 4, 2)
        box = (x - radius, y - height, x + radius, y + height)
        ImageDraw.Draw(picture).ellipse(box, fill=0)
        yield np.asarray(picture)


def specks(rng: np.random.Generator) -> Iterator[Picture]:
    """Draw one to four dark pixels, next to each other, in a large picture."""
    for _ in range(COUNT):
        picture = np.full((280, 280), 255, np.uint8)
        row, column = rng.integers(20, 250, 2)
        picture[row : row + rng.integers(1, 3), column : column + rng.integers(1, 3)] = 0
        yield picture


def share(pictures: Iterator[Picture]) -> tuple[float, int]:
    """Return the share of pictures that do not look like one digit, and the number of pictures."""
    refused = [bool(unlike_digit(normalize_digit(picture))) for picture in pictures]
    return float(np.mean(refused)), len(refused)


def main() -> None:
    """Print the table."""
    rng = np.random.default_rng(0)
    rows: dict[str, Callable[[], Iterator[Picture]]] = {
        "test digits of MNIST": lambda: iter(load_mnist_split("test")[0]),
        "digits in five fonts": lambda: letters(DIGITS),
        "two digits": lambda: pairs(rng),
        "dots": lambda: dots(rng),
        "one to four pixels": lambda: specks(rng),
        "Greek letters": lambda: letters(GREEK),
        "Cyrillic letters": lambda: letters(CYRILLIC),
        "Hebrew letters": lambda: letters(HEBREW, HEBREW_FONTS),
        "Latin letters": lambda: letters(LATIN),
    }
    print("| pictures | number | not like one digit |\n| --- | ---: | ---: |")
    for name, pictures in rows.items():
        refused, number = share(pictures())
        print(f"| {name} | {number:,} | {refused:.1%} |")


if __name__ == "__main__":
    main()
