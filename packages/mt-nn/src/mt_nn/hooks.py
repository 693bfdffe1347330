"""Hooks: functions that a module calls after each of its calls."""

from typing import Any, Self


class HookHandle:
    """A registered hook of a module, which `remove` removes; also a context manager."""

    def __init__(self, hooks: dict["HookHandle", Any]) -> None:
        self._hooks = hooks

    def remove(self) -> None:
        """Remove the hook; later calls do nothing."""
        self._hooks.pop(self, None)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.remove()
