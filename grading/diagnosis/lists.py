"""Mistakes in the functions of lists: task 0.3."""

import math
import operator
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial, reduce
from typing import TypeAlias

import numpy as np

from grading.checking.finding import Finding
from grading.diagnosis.mistakes import Mistake, modelled, raising, result
from grading.protocol.messages import Request, Response

LISTS = ("0.3",)

Fold: TypeAlias = Callable[[float, float], float]

FOLDS: Mapping[str, Fold] = {
    "total": lambda x, y: x + y,
    "middle": lambda x, y: (x + y) / 2,
    "difference": lambda x, y: x - y,
}
"""The functions of two numbers that the checks pass to list functions."""

RIGHT_LISTS: Mapping[str, Callable[[list[list[float]]], list[float]]] = {
    "map": lambda xs: [2 * x for x in xs[0]],
    "negList": lambda xs: [-x for x in xs[0]],
    "zipWith": lambda xs: [x - y for x, y in zip(*xs, strict=False)],
    "addLists": lambda xs: [x + y for x, y in zip(*xs, strict=False)],
}
"""The right results of functions that return a list, for the functions of the checks."""


def listed(
    name: str,
    cause: str,
    wrong: Callable[[Request, list[list[float]]], object],
    composed: frozenset[str] | None = None,
) -> Mistake:
    """Return a mistake in one list function; `wrong` gets the request and its lists."""

    def model(request: Request) -> Response | None:
        if request.options["function"] != name:
            return None
        response = wrong(request, [array.tolist() for array in request.arrays])
        return result(request, np.array(response, np.float64))

    return modelled(LISTS, cause, r"operators\.lists", model, composed=composed)


def in_place(name: str, right: Callable[[list[list[float]]], list[float]]) -> Mistake:
    """Return the mistake of writing the result of a list function into its first list."""

    def model(request: Request) -> Response | None:
        if request.options["function"] != name:
            return None
        return result(request, np.array(right([array.tolist() for array in request.arrays])))

    cause = "The function writes its result into its argument. Build a new list."
    return modelled(LISTS, cause, r"operators\.arguments", model)


def folded(cause: str, wrong: Callable[[Fold, float, list[float]], float]) -> Mistake:
    """Return a mistake in `reduce`; `wrong` gets the function, the start value and the list."""

    def fold(request: Request, xs: list[list[float]]) -> float:
        return wrong(FOLDS[request.options["fn"]], request.options["start"], xs[0])

    return listed("reduce", cause, fold)


def _folding(
    wrong: Callable[[Fold, float, list[float]], float],
    f: Fold,
    start: float,
    request: Request,
    xs: list[list[float]],
) -> float:
    return wrong(f, start, xs[0])


def inherited(cause: str, wrong: Callable[[Fold, float, list[float]], float]) -> Iterator[Mistake]:
    """Yield a mistake in `reduce`, alone and in a solution whose `sum` and `prod` call it.

    Args:
        cause: The likely cause, see `Mistake`.
        wrong: As in `folded`.
    """
    alone, composing = folded(cause, wrong), frozenset({"sum", "prod"})
    yield replace(alone, composed=frozenset())
    yield replace(alone, composed=composing)
    for name, f, start in (("sum", operator.add, 0.0), ("prod", operator.mul, 1.0)):
        yield listed(name, cause, partial(_folding, wrong, f, start), composing)


def through(
    base: str, name: str, cause: str, first: Callable[..., object], second: Callable[..., object]
) -> Iterator[Mistake]:
    """Yield a mistake in a function that returns a list, alone and with one that calls it.

    Args:
        base: The function with the mistake, "map" or "zipWith".
        name: The function that a solution may compose of it, "negList" or "addLists".
        cause: The likely cause, see `Mistake`.
        first: Returns the wrong list of `base` for the request and its lists.
        second: Returns the wrong list of `name`.
    """
    alone, composing = listed(base, cause, first), frozenset({name})
    yield replace(alone, composed=frozenset())
    yield replace(alone, composed=composing)
    yield listed(name, cause, second, composing)


def changes_argument(finding: Finding) -> bool | None:
    """Return whether a list function changed its argument."""
    if finding.request.operation != "operators.arguments":
        return None
    return "changes its argument" in finding.sentence or None


WRONG_LISTS: Mapping[str, Callable[[list[float]], list[float]]] = {
    "the last element is missing": lambda ys: ys[:-1],
    "the first element is missing": lambda ys: ys[1:],
    "the result contains only the first element": lambda ys: ys[:1],
    "the result contains only the last element": lambda ys: ys[-1:],
    "the elements are in reverse order": lambda ys: ys[::-1],
    "the elements have the wrong sign": lambda ys: [-y for y in ys],
}
"""Mistakes of functions that return a list: sentences, and changes of the right result."""


def _zipped(f: Fold) -> Callable[[Request, list[list[float]]], list[float]]:
    return lambda request, xs: list(map(f, *xs))


def _changed(
    right: Callable[[list[list[float]]], list[float]], wrong: Callable[[list[float]], list[float]]
) -> Callable[[Request, list[list[float]]], list[float]]:
    return lambda request, xs: wrong(right(xs))


MISTAKES = [
    *inherited(
        "`reduce` ignores its start value and begins with 0.", lambda f, _, xs: reduce(f, xs, 0.0)
    ),
    *inherited(
        "`reduce` begins with the first element. Begin with the start value.",
        lambda f, start, xs: reduce(f, xs) if xs else start,
    ),
    *inherited(
        "`reduce` begins with the start value, but omits the first element.",
        lambda f, start, xs: reduce(f, xs[1:], start),
    ),
    *inherited("`reduce` omits the last element.", lambda f, start, xs: reduce(f, xs[:-1], start)),
    *inherited("`reduce` folds from the right.", lambda f, start, xs: reduce(f, xs[::-1], start)),
    *inherited(
        "`reduce` exchanges the arguments of the function.",
        lambda f, start, xs: reduce(lambda x, y: f(y, x), xs, start),
    ),
    *inherited(
        "`reduce` returns after the first element.",
        lambda f, start, xs: reduce(f, xs[:1], start),
    ),
    *inherited(
        "`reduce` combines each element with the start value. Combine it with the result so far.",
        lambda f, start, xs: f(start, xs[-1]),
    ),
    *inherited(
        "`reduce` counts its start value twice.",
        lambda f, start, xs: f(reduce(f, xs, start), start),
    ),
    raising(
        LISTS,
        "`reduce` begins with the first element, and an empty list has none. Begin with the "
        "start value.",
        r"operators\.lists",
        "IndexError",
        lambda request: request.options["function"] in ("reduce", "sum", "prod"),
    ),
    listed(
        "prod",
        "You return 0 for an empty list. The product of no numbers is 1.",
        lambda request, xs: math.prod(xs[0]) if xs[0] else 0.0,
    ),
    listed("prod", "The product starts with 0, so it is always 0.", lambda request, xs: 0.0),
    listed("prod", "You add the elements. Multiply them.", lambda request, xs: sum(xs[0])),
    listed("prod", "The product lacks its first factor.", lambda r, xs: math.prod(xs[0][1:])),
    listed("prod", "The product lacks its last factor.", lambda r, xs: math.prod(xs[0][:-1])),
    listed("sum", "The sum starts with 1.", lambda request, xs: 1.0 + math.fsum(xs[0])),
    listed("sum", "You multiply the elements. Add them.", lambda request, xs: math.prod(xs[0])),
    listed("sum", "The sum lacks its first term.", lambda request, xs: math.fsum(xs[0][1:])),
    listed("sum", "The sum lacks its last term.", lambda request, xs: math.fsum(xs[0][:-1])),
    *through(
        "map",
        "negList",
        "The function is not applied.",
        lambda request, xs: xs[0],
        lambda request, xs: xs[0],
    ),
    *through(
        "map",
        "negList",
        "The function is applied twice.",
        lambda request, xs: [4 * x for x in xs[0]],
        lambda request, xs: xs[0],
    ),
    listed("negList", "The elements are not negated.", lambda request, xs: xs[0]),
    listed(
        "negList",
        "You return the negative absolute values. Negate each element.",
        lambda request, xs: [-abs(x) for x in xs[0]],
    ),
    *(
        listed(name, f"`{name}` {word} the elements.", _zipped(f))
        for name, word, f in (
            ("addLists", "subtracts", operator.sub),
            ("addLists", "multiplies", operator.mul),
            ("zipWith", "adds", operator.add),
        )
    ),
    listed(
        "zipWith",
        "The two arguments of the function are exchanged.",
        lambda request, xs: [y - x for x, y in zip(*xs, strict=False)],
    ),
    *(
        listed(name, f"`{name}` {words} twice.", _zipped(f))
        for name, words, f in (
            ("addLists", "adds the first list", lambda x, y: 2 * x),
            ("addLists", "adds the second list", lambda x, y: 2 * y),
            ("zipWith", "reads the first list", lambda x, y: 0.0),
        )
    ),
    listed(
        "addLists",
        "You concatenate the lists. Add them element by element.",
        lambda request, xs: xs[0] + xs[1],
    ),
    *(
        each
        for (base, name) in (("map", "negList"), ("zipWith", "addLists"))
        for change, wrong in WRONG_LISTS.items()
        for each in through(
            base,
            name,
            f"`{base}`: {change}.",
            _changed(RIGHT_LISTS[base], wrong),
            _changed(RIGHT_LISTS[name], wrong),
        )
    ),
    *(
        listed(name, f"`{name}`: {change}.", _changed(RIGHT_LISTS[name], wrong))
        for name in ("negList", "addLists")
        for change, wrong in WRONG_LISTS.items()
    ),
    *(
        listed(name, f"`{name}` begins with another number than {start}.", wrong)
        for name, start, wrong in (
            ("sum", 0, lambda request, xs: math.fsum(xs[0]) + 2.0),
            ("prod", 1, lambda request, xs: math.prod(xs[0]) * 2.0),
            ("prod", 1, lambda request, xs: -math.prod(xs[0])),
            ("sum", 0, lambda request, xs: math.fsum(xs[0]) - 1.0),
        )
    ),
    *(
        listed(name, f"`{name}` ignores the list and returns its start value.", wrong)
        for name, wrong in (
            ("sum", lambda request, xs: 0.0),
            ("prod", lambda request, xs: 1.0),
            ("reduce", lambda request, xs: request.options["start"]),
        )
    ),
    *(in_place(name, right) for name, right in RIGHT_LISTS.items()),
    Mistake(LISTS, "The function changes the list that it receives.", changes_argument),
]
