"""The page home."""

from mt_models.app.style import page_head


def render() -> None:
    """Draw the page."""
    page_head("Home", "")
