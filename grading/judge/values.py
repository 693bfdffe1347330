"""Expected and received values as text, with marks around the elements that differ.

A mark is a pair of asterisks, as in ``[1., *5.*, 3.]``. It can be read without colours and by a
screen reader; the reports add colours.
"""

import re

import numpy as np

from grading.checking.compare import alike
from grading.checking.finding import Finding
from grading.judge.text import clean
from grading.protocol.messages import Array, Plain

MAX_SHOWN_ELEMENTS = 40
"""Maximum number of elements of an array that is shown completely."""

ROWS_AROUND, COLUMNS_AROUND = 2, 3
"""Number of rows and columns of a large array on each side of the first differing element."""

MARKED = re.compile(r"(\*[^*\n]+\*)")
"""Pattern of a marked element, with its marks."""

ELEMENT = re.compile(r"[^\s\[\],]+")
"""Pattern of an element in the text of an array."""


def shown_pair(finding: Finding) -> tuple[str, str]:
    """Return the expected and the received value of a finding as text.

    The first is empty if a property is required instead of a value.
    """
    expected, received, differing = finding.expected, finding.received, finding.differing
    if isinstance(expected, list | tuple | dict) and isinstance(received, list | tuple | dict):
        return clean(_marked(expected, received, expected)), clean(
            _marked(received, received, expected)
        )
    return (
        "" if expected is None else _shown(expected, differing),
        "nothing" if received is None else _shown(received, differing),
    )


def _shown(value: object, differing: Array | None = None) -> str:
    """Return a value as text; of a large array only the elements around the first difference."""
    if isinstance(value, tuple) and any(isinstance(each, np.ndarray) for each in value):
        return clean("\n".join(map(_shown, value)))
    if not isinstance(value, np.ndarray):
        return clean(repr(value))
    if differing is None or not value.ndim:
        return clean(_text(value))
    if value.size <= MAX_SHOWN_ELEMENTS:
        return clean(_text(value, differing))
    *outer, last = np.argwhere(differing)[0].tolist()
    window: list[int | slice] = [*outer, _around(last, value.shape[-1], COLUMNS_AROUND)]
    if outer:
        window[-2] = _around(outer[-1], value.shape[-2], ROWS_AROUND)
    place = ", ".join(
        f"{part.start}:{part.stop}" if isinstance(part, slice) else str(part) for part in window
    )
    shown = _text(value[tuple(window)], differing[tuple(window)])
    return clean(f"[{place}] of shape {value.shape}\n{shown}")


def _around(index: int, size: int, distance: int) -> slice:
    """Return the range of a dimension up to a distance from an index."""
    return slice(max(0, index - distance), min(size, index + distance + 1))


def _text(array: Array, differing: Array | None = None) -> str:
    text = np.array2string(array, separator=", ", threshold=200, precision=6)
    if differing is None:
        return text
    marks = iter(differing.ravel().tolist())
    # Two blanks keep the columns of unmarked elements aligned with marked ones.
    return ELEMENT.sub(lambda match: f"*{match[0]}*" if next(marks) else f"  {match[0]}", text)


def _marked(value: Plain, received: Plain, expected: Plain) -> str:
    """Return one of two values as text, with marks where they differ."""
    if isinstance(received, dict) and isinstance(expected, dict):
        parts = (
            f"{key!r}: {_marked(each, received[key], expected[key])}"
            if key in received and key in expected
            else f"*{key!r}: {each!r}*"
            for key, each in value.items()
        )
        return f"{{{', '.join(parts)}}}"
    if isinstance(received, list | tuple) and isinstance(expected, list | tuple):
        both = min(len(received), len(expected))
        elements = [
            _marked(*three)
            for three in zip(value[:both], received[:both], expected[:both], strict=True)
        ]
        return f"[{', '.join([*elements, *(f'*{each!r}*' for each in value[both:])])}]"
    return repr(value) if alike(received, expected) else f"*{value!r}*"
