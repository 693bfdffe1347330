"""The search for members of a module: parameters and modules in its attributes."""

from collections import UserDict, UserList, deque
from collections.abc import Iterable, Iterator
from types import MappingProxyType
from typing import Any, TypeVar
from weakref import WeakSet

import numpy as np

Member = TypeVar("Member")

# Not every sequence and mapping: one of the user may read its items from a file.
_SEQUENCES = (list, tuple, deque, UserList)
_MAPPINGS = (dict, UserDict, MappingProxyType)
_SETS = (set, frozenset, WeakSet)
_CONTAINERS = (*_SEQUENCES, *_MAPPINGS, *_SETS, np.ndarray)


def members_of(name: str, value: Any, kinds: tuple[type, ...]) -> Iterator[tuple[str, Any]]:
    """Yield the parameters and modules in an attribute, with their dotted names.

    Args:
        name: The name of the attribute.
        value: The value of the attribute.
        kinds: The classes of parameters and of modules.

    Raises:
        TypeError: A set or an array contains parameters or modules.
    """
    if isinstance(value, kinds):
        yield name, value
    elif isinstance(value, (*_SEQUENCES, *_MAPPINGS)):
        items = value.items() if isinstance(value, _MAPPINGS) else enumerate(value)
        for key, item in items:
            # No name is built for other items: a list may be a large data set.
            if isinstance(item, kinds + _CONTAINERS):
                yield from members_of(dotted(name, str(key)), item, kinds)
    elif isinstance(value, _SETS) or (isinstance(value, np.ndarray) and value.dtype.hasobject):
        for item in value.flat if isinstance(value, np.ndarray) else value:
            if isinstance(item, kinds + _CONTAINERS) and any(members_of(name, item, kinds)):
                raise TypeError(
                    f"the attribute {name!r} is of type {type(value).__name__} and contains a "
                    f"{type(item).__name__}, which would have no name; put parameters and modules "
                    "into a list, a tuple or a dict"
                )


def by_name(pairs: Iterable[tuple[str, Member]]) -> dict[str, Member]:
    """Return named members as a dict.

    Raises:
        ValueError: Two members have the same name.
    """
    result: dict[str, Member] = {}
    for name, member in pairs:
        if name in result:
            raise ValueError(
                f"two members of one module are named {name!r}; "
                "rename the attribute or the key that contains a dot"
            )
        result[name] = member
    return result


def dotted(prefix: str, name: str) -> str:
    """Return the name of a member with the name of its module before it."""
    return f"{prefix}.{name}" if prefix else name
