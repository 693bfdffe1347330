"""Checks of the settings and inputs of layers."""

from collections.abc import Sequence
from numbers import Integral
from typing import TypeVar

from mt_autodiff import Tensor


def check_sizes(
    layer: str, name: str, value: int | Sequence[int], count: int, least: int
) -> tuple[int, ...]:
    """Return one size for each of `count` dimensions; a single number applies to all.

    Raises:
        ValueError: There are too few or too many sizes, or one is smaller than `least`.
        TypeError: A size is not an integer.
    """
    sizes = (value,) * count if isinstance(value, Integral) else value
    if isinstance(sizes, str) or not isinstance(sizes, Sequence):
        raise TypeError(f"{layer}: {name} {value!r} must be an integer{_or_several(count)}")
    if any(not isinstance(size, Integral) for size in sizes):
        raise TypeError(f"{layer}: {name} {value!r} must contain integers only")
    if len(sizes) != count or any(size < least for size in sizes):
        raise ValueError(
            f"{layer}: {name} {value!r} must be an integer{_or_several(count)}, {least} or more"
        )
    return tuple(int(size) for size in sizes)


A = TypeVar("A", bound=str | None)


def check_activation(layer: str, activation: A, allowed: Sequence[str] = ("relu",)) -> A:
    """Return the name of an activation.

    Raises:
        ValueError: There is no such activation.
    """
    if activation is not None and activation not in allowed:
        names = ", ".join(f'"{name}"' for name in allowed)
        raise ValueError(f"{layer}: activation {activation!r} is unknown; allowed: {names}, None")
    return activation


def check_tensor(layer: object, input: object) -> None:
    """Raise TypeError unless the input of a layer is a tensor."""
    if not isinstance(input, Tensor):
        raise TypeError(
            f"{layer!r}: the input is of type {type(input).__name__}, not Tensor; "
            "convert it with mt_autodiff.tensor()"
        )


def _or_several(count: int) -> str:
    return "" if count == 1 else f" or {count} of them"
