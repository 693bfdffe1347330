"""Puts the data sets into what is built of mt-models.

The data lie beside `packages/` in a checkout and beside this file in a source distribution.
A wheel holds them as `mt_models/data`, a source distribution as `data`, so that a wheel built
from either is the same. An editable install reads the checkout and copies nothing.
"""

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class DataHook(BuildHookInterface):  # type: ignore[type-arg]
    """Adds `data/` to wheels and source distributions."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Choose where the data come from and where they go."""
        if version == "editable":
            return
        root = Path(self.root)
        places = [root / "data", root.parent.parent / "data"]
        found = [place for place in places if (place / "SHA256SUMS").is_file()]
        if not found:
            looked_in = " and ".join(map(str, places))
            message = f"mt-models cannot be built without its data: no SHA256SUMS in {looked_in}"
            raise FileNotFoundError(message)
        inside = "mt_models/data" if self.target_name == "wheel" else "data"
        build_data["force_include"][str(found[0])] = inside
