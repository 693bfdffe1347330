"""Hooks: functions that a module calls after each of its calls."""

from typing import Any, ClassVar, Self


class HookHandle:
    """A registered hook of a module, which `remove` removes; also a context manager.

    Attributes:
        registered: The number of hooks of all modules that were ever registered.
    """

    registered: ClassVar[int] = 0

    def __init__(self, hooks: dict["HookHandle", Any]) -> None:
        HookHandle.registered += 1
        self._hooks = hooks

    def remove(self) -> None:
        """Remove the hook; later calls do nothing."""
        self._hooks.pop(self, None)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.remove()
