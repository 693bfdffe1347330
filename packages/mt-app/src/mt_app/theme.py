"""The app's colours, for a bright and for a dark window; Streamlit follows the system's choice."""

from dataclasses import dataclass

from mt_models.pictures.colours import INK, ORANGE

__all__ = ["BLUE", "ORANGE", "theme_options"]

BLUE = "#3b82d0"
"""As in the project's other pictures, but bright enough for a dark page."""


@dataclass(frozen=True, slots=True)
class Palette:
    """The colours of one of the two looks.

    Attributes:
        primary: Buttons, sliders, links.
        background: The page.
        secondary: Inputs, cards, the bar at the side.
        text: Letters and lines.
    """

    primary: str
    background: str
    secondary: str
    text: str


LIGHT = Palette(primary=BLUE, background="#ffffff", secondary="#f3f5f8", text=INK)
DARK = Palette(primary="#6aa9e9", background="#12161c", secondary="#1c232d", text="#e4e8ee")


def theme_options() -> dict[str, str]:
    """Return Streamlit's options for both looks."""
    options = {"theme.baseRadius": "0.5rem", "theme.showWidgetBorder": "true"}
    for name, palette in (("light", LIGHT), ("dark", DARK)):
        options |= {
            f"theme.{name}.primaryColor": palette.primary,
            f"theme.{name}.backgroundColor": palette.background,
            f"theme.{name}.secondaryBackgroundColor": palette.secondary,
            f"theme.{name}.textColor": palette.text,
        }
    return options
