"""The app's colours for light and dark mode; Streamlit follows the system's setting."""

from dataclasses import dataclass

from mt_models.pictures.colours import INK, ORANGE

__all__ = ["BLUE", "ORANGE", "theme_options"]

BLUE = "#3b82d0"
"""The blue of the project's pictures, brighter for contrast in dark mode."""


@dataclass(frozen=True, slots=True)
class Palette:
    """The colours of one mode.

    Attributes:
        primary: The colour of buttons, sliders and links.
        background: The colour of the page.
        secondary: The colour of inputs, cards and the sidebar.
        text: The colour of text and lines.
    """

    primary: str
    background: str
    secondary: str
    text: str


LIGHT = Palette(primary=BLUE, background="#ffffff", secondary="#f3f5f8", text=INK)
DARK = Palette(primary="#6aa9e9", background="#12161c", secondary="#1c232d", text="#e4e8ee")


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
