"""All diagrams by name of their file in `docs/images`."""

from collections.abc import Callable

from tools.diagrams import (
    essays,
    module0,
    module1,
    module2,
    module3,
    module4,
    module5,
    module6,
    packages,
    transformers,
)
from tools.diagrams.picture import Picture
from tools.workspace import ROOT

FOLDER = ROOT / "docs" / "images"

PICTURES: dict[str, Callable[[], Picture]] = {
    **module0.PICTURES,
    **module1.PICTURES,
    **module2.PICTURES,
    **module3.PICTURES,
    **module4.PICTURES,
    **module5.PICTURES,
    **module6.PICTURES,
    **essays.PICTURES,
    **transformers.PICTURES,
    **packages.PICTURES,
}
