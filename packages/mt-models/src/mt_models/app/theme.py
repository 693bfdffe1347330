"""The app's colours, for a bright and for a dark window; Streamlit follows the system's choice.

Two colours carry meaning everywhere, as in the project's other pictures: orange is for gradients
and for "no", blue for kernels and for "yes".
"""

from dataclasses import dataclass

BLUE = "#2f6fb3"
ORANGE = "#d97a2b"


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


LIGHT = Palette(primary=BLUE, background="#ffffff", secondary="#f3f5f8", text="#1f2933")
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
