"""The app's colours for light and dark mode; Streamlit follows the system's setting.

On every page, blue is a positive number, class 1 and a right prediction; orange is a negative
number, class 0 and a wrong one; violet is a derivative. A frame in the colour of the text marks the
element of the current step. Training curves are grey, validation curves green.
"""

from dataclasses import dataclass

from mt_models.pictures.colours import INK, ORANGE

__all__ = [
    "BLUE",
    "DARK",
    "DERIVATIVE",
    "LIGHT",
    "ORANGE",
    "TRAINING",
    "VALIDATION",
    "Palette",
    "style_variables",
    "theme_options",
]

BLUE = "#3b82d0"
"""The blue of the project's pictures, brighter for contrast in dark mode."""

DERIVATIVE = "var(--mt-derivative)"
"""The colour of derivatives, a variable of the style sheet."""

TRAINING, VALIDATION = "#7b8794", "#2a9d70"
"""The colours of curves on training examples, and on validation examples."""


@dataclass(frozen=True, slots=True)
class Palette:
    """The colours of one mode.

    Attributes:
        primary: The colour of buttons, sliders and links; neutral, because colours have meanings.
        background: The colour of the page.
        secondary: The colour of inputs, cards and the sidebar.
        text: The colour of text and lines.
        positive: The colour of text about a positive number or class 1.
        negative: The colour of text about a negative number or class 0.
        derivative: The colour of derivatives, as text or line.
    """

    primary: str
    background: str
    secondary: str
    text: str
    positive: str
    negative: str
    derivative: str


LIGHT = Palette(
    primary="#52606d",
    background="#ffffff",
    secondary="#f3f5f8",
    text=INK,
    positive="#1d63ad",
    negative="#9a5208",
    derivative="#6b3fc4",
)
DARK = Palette(
    primary="#9fb3c8",
    background="#12161c",
    secondary="#1c232d",
    text="#e4e8ee",
    positive="#7db5ee",
    negative="#eda35a",
    derivative="#b79bf5",
)


def theme_options() -> dict[str, str]:
    """Return Streamlit's theme options for both modes."""
    options = {"theme.baseRadius": "0.5rem", "theme.showWidgetBorder": "true"}
    for name, palette in (("light", LIGHT), ("dark", DARK)):
        options |= {
            f"theme.{name}.primaryColor": palette.primary,
            f"theme.{name}.backgroundColor": palette.background,
            f"theme.{name}.secondaryBackgroundColor": palette.secondary,
            f"theme.{name}.textColor": palette.text,
        }
    return options


def style_variables() -> str:
    """Return the colours as variables of a style sheet. The browser selects those of the mode."""
    variables = {"blue": BLUE, "orange": ORANGE} | {
        name: f"light-dark({getattr(LIGHT, name)}, {getattr(DARK, name)})"
        for name in ("positive", "negative", "derivative")
    }
    return "; ".join(f"--mt-{name}: {value}" for name, value in variables.items())
