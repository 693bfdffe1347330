"""Contrast of the colours in both modes, by the formula of WCAG 2.2."""

import pytest

from mt_app.drawing import FAINT, shaded
from mt_app.theme import DARK, LIGHT, Palette

ENOUGH = 4.5


def channels(colour: str) -> list[float]:
    return [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]


def blend(above: list[float], opacity: float, below: list[float]) -> list[float]:
    return [opacity * a + (1 - opacity) * b for a, b in zip(above, below, strict=True)]


def contrast(first: list[float], second: list[float]) -> float:
    """Return the ratio of https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio."""
    heights = []
    for colour in (first, second):
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in colour]
        heights.append(0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2] + 0.05)
    return max(heights) / min(heights)


@pytest.mark.parametrize("palette", [LIGHT, DARK], ids=["light", "dark"])
def test_text_has_contrast(palette: Palette) -> None:
    for ground in (palette.background, palette.secondary):
        for name in ("text", "primary", "positive", "negative", "derivative"):
            colour = channels(getattr(palette, name))
            assert contrast(colour, channels(ground)) >= ENOUGH, (name, ground)


@pytest.mark.parametrize("palette", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize("value", [-1.0, -0.5, 0.0, 0.5, 1.0])
def test_text_in_cells_has_contrast(palette: Palette, value: float) -> None:
    style = shaded(value, 1.0)
    cell = blend(channels(style.fill), style.strength, channels(palette.background))
    for opacity in (1.0, FAINT):
        text = blend(channels(palette.text), opacity, cell)
        assert contrast(text, cell) >= ENOUGH
