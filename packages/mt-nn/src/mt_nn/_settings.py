"""Checks of numbers that users pass as settings."""

from typing import Any


def as_number(owner: str, name: str, value: Any) -> float:
    """Return a setting as a float.

    Args:
        owner: The class, for the message.
        name: The name of the setting.
        value: A number, or an object that converts to one, such as a tensor of one element.

    Raises:
        TypeError: The value is not a number.
    """
    try:
        if not isinstance(value, str | bytes):
            return float(value)
    except (TypeError, ValueError):
        pass
    raise TypeError(
        f"{owner}: {name} is {value!r} of type {type(value).__name__}; it must be a number"
    )


def check_above_0(owner: str, name: str, value: float) -> None:
    """Raise ValueError unless a setting is above 0.

    Args:
        owner: The function or class, for the message.
        name: The name of the setting.
        value: Its value.
    """
    if not value > 0.0:
        raise ValueError(f"{owner}: {name} {value} must be above 0")
