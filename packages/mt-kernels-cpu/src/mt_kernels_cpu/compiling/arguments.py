"""Groups of arguments of kernels.

A kernel with many arguments takes them in groups. In Python a group is a named tuple, whose class
documents its fields. The kernel receives it as a plain tuple and unpacks it on its first line:
numba finds the type of a plain tuple in native code, but that of a named one in Python, which takes
longer than a small kernel runs.
"""

from typing import Any


def plain(group: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return a group as a plain tuple, and so all groups in it.

    >>> from typing import NamedTuple
    >>> class Size(NamedTuple):
    ...     rows: int
    ...     columns: int
    >>> plain((Size(rows=2, columns=3), 1.5))
    ((2, 3), 1.5)
    """
    return tuple([plain(each) if isinstance(each, tuple) else each for each in group])
