"""Facts about wrong answers that no known mistake explains: when they are wrong, and how."""

from collections.abc import Callable, Iterator, Sequence
from itertools import islice, permutations

import numpy as np

from grading.checking.finding import Finding
from grading.protocol.messages import Array, Request

Property = Callable[[Request], bool]

PROPERTIES: tuple[tuple[str, Property], ...] = (
    ("an operand is not row-major in memory", lambda r: not _contiguous(r.arrays)),
    (
        "the upstream gradient is not row-major in memory",
        lambda r: r.upstream is not None and not r.upstream.flags.c_contiguous,
    ),
    ("the operands have different shapes", lambda r: len({a.shape for a in r.arrays}) > 1),
    ("an operand has more than one dimension", lambda r: any(a.ndim > 1 for a in r.arrays)),
    ("the first dimension has more than one entry", lambda r: _size(r, 0) > 1),
    ("the second dimension has more than one entry", lambda r: _size(r, 1) > 1),
    ("the last dimension has more than one entry", lambda r: _size(r, -1) > 1),
    ("the operand has more than one element", lambda r: any(a.size > 1 for a in r.arrays)),
    ("the operand has no element", lambda r: any(a.size == 0 for a in r.arrays)),
    ("an operand contains a negative number", lambda r: _any(r, lambda a: a < 0)),
    ("an operand contains a zero", lambda r: _any(r, lambda a: a == 0)),
    ("an operand contains NaN", lambda r: _any(r, np.isnan)),
    ("an operand contains a number above 100", lambda r: _any(r, lambda a: abs(a) > 100)),
    (
        "an operand contains a number twice",
        lambda r: any(np.unique(a).size < a.size for a in r.arrays),
    ),
)
"""Properties of a request, as the end of a sentence that begins with "wrong where"."""


def known_facts(wrong: Sequence[Finding], right: Sequence[Finding]) -> str:
    """Return what the wrong answers of a check have in common, as sentences; empty if nothing.

    Args:
        wrong: The wrong answers of the check.
        right: Right answers of the same check, and of others of the same task.
    """
    if not wrong:
        return ""
    # Wrong answers may be so large that quotients and products overflow.
    with np.errstate(all="ignore"):
        facts = [*_parts(wrong), *_conditions(wrong, right), *_changes(wrong)]
    return " ".join(f"{fact[0].upper()}{fact[1:]}." for fact in facts)


def _parts(wrong: Sequence[Finding]) -> Iterator[str]:
    """Yield which part of the response is wrong, if it is always the same of several."""
    names = {finding.name for finding in wrong}
    if len(names) != 1 or not all(finding.response for finding in wrong):
        return
    (name,) = names
    if name.startswith("the gradient"):
        yield f"the result is right, and {name} is wrong"


def _conditions(wrong: Sequence[Finding], right: Sequence[Finding]) -> Iterator[str]:
    """Yield the property of requests, or the option, that separates wrong from right answers."""
    operations = {finding.request.operation for finding in wrong}
    others = [f.request for f in right if f.request.operation in operations]
    requests = [finding.request for finding in wrong]
    if not others:
        return
    shared = set.intersection(*(set(request.options) for request in [*requests, *others]))
    for option in sorted(shared):
        if not all(isinstance(request.options[option], bool | str) for request in requests):
            continue  # A number or a list of an input separates a few answers by chance.
        values = {repr(request.options[option]) for request in requests}
        if len(values) == 1 and not values & {repr(r.options[option]) for r in others}:
            yield f"the answer is wrong only with {option} = {values.pop()}"
            return
    for words, holds in PROPERTIES:
        if all(map(holds, requests)) and not any(map(holds, others)):
            yield f"the answer is wrong only where {words}"
            return
    for words, holds in PROPERTIES[:3]:
        if all(map(holds, requests)):
            yield f"all wrong answers found have in common that {words}"
            return


def _changes(wrong: Sequence[Finding]) -> Iterator[str]:
    """Yield how the received arrays differ from the expected ones, if all do so alike."""
    pairs = [
        (finding.expected, finding.received)
        for finding in wrong
        if isinstance(finding.expected, np.ndarray) and isinstance(finding.received, np.ndarray)
    ]
    if len(pairs) < len(wrong):
        return
    if all(expected.shape != received.shape for expected, received in pairs):
        yield "the shape is wrong"
        return
    if any(expected.shape != received.shape for expected, received in pairs):
        return
    yield from islice(_alike(pairs), 1)


def _alike(pairs: Sequence[tuple[Array, Array]]) -> Iterator[str]:
    """Yield each known difference of all pairs of arrays of equal shapes, special ones first."""
    for words, holds in CHANGES:
        if all(holds(expected, received) for expected, received in pairs):
            yield words
    ratio = _ratio(pairs)
    if ratio is not None:
        yield f"every element is {ratio:.4g} times the expected one"
    yield from _border(pairs)
    for words, holds in SIDES:
        if all(holds(expected, received) for expected, received in pairs):
            yield words


def _ratio(pairs: Sequence[tuple[Array, Array]]) -> float | None:
    """Return the factor between expected and received elements, if it is the same for all."""
    expected = np.concatenate([pair[0].reshape(-1) for pair in pairs])
    received = np.concatenate([pair[1].reshape(-1) for pair in pairs])
    nonzero = expected != 0
    if not nonzero.any() or not np.isfinite(received).all():
        return None
    ratio = float(received[nonzero][0] / expected[nonzero][0])
    return ratio if np.allclose(received, ratio * expected, rtol=1e-6, atol=1e-8) else None


def _border(pairs: Sequence[tuple[Array, Array]]) -> Iterator[str]:
    """Yield the border of the arrays that contains all wrong elements."""
    dims = {expected.ndim for expected, _ in pairs}
    if len(dims) != 1:
        return
    (count,) = dims
    for dim in range(count):
        if any(expected.shape[dim] < 2 for expected, _ in pairs):
            continue
        places = [np.argwhere(~_close(*pair))[:, dim] for pair in pairs]
        if all((place == 0).all() for place in places):
            yield f"only elements with index 0 in dimension {dim} are wrong"
        elif all((place > 0).all() for place in places):
            yield f"elements with index 0 in dimension {dim} are right, the others are not"
        elif all(
            (place == pair[0].shape[dim] - 1).all()
            for place, pair in zip(places, pairs, strict=True)
        ):
            yield f"only the last elements of dimension {dim} are wrong"


def _close(expected: Array, received: Array) -> Array:
    close: Array = np.isclose(expected, received, rtol=1e-6, atol=1e-8, equal_nan=True)
    return close


def _is_permuted(expected: Array, received: Array) -> bool:
    """Return whether an array of several different elements has its dimensions permuted."""
    return any(
        expected.transpose(order).shape == expected.shape
        and bool(_close(expected.transpose(order), received).all())
        for order in permutations(range(min(expected.ndim, 4)))
        if len(order) == expected.ndim
    )


CHANGES: tuple[tuple[str, Callable[[Array, Array], bool]], ...] = (
    ("every element is 0", lambda expected, received: not received.any()),
    ("the wrong elements are NaN", lambda e, r: bool(np.isnan(r[~_close(e, r)]).all())),
    ("the wrong elements are infinite", lambda e, r: bool(np.isinf(r[~_close(e, r)]).all())),
    ("the sign of every element is wrong", lambda e, r: bool(_close(-e, r).all())),
    ("two dimensions of the result are exchanged", _is_permuted),
    (
        "the elements are right, but in the wrong order",
        lambda e, r: bool(_close(np.sort(e, axis=None), np.sort(r, axis=None)).all()),
    ),
    ("the wrong elements are 0", lambda e, r: not r[~_close(e, r)].any()),
)
"""Changes of an array: sentences, and tests of the expected and the received array."""

SIDES: tuple[tuple[str, Callable[[Array, Array], bool]], ...] = (
    ("the wrong elements are too large", lambda e, r: bool((r > e)[~_close(e, r)].all())),
    ("the wrong elements are too small", lambda e, r: bool((r < e)[~_close(e, r)].all())),
)
"""Changes that say less than a factor or a border."""


def _contiguous(arrays: Sequence[Array]) -> bool:
    return all(array.flags.c_contiguous for array in arrays)


def _size(request: Request, dim: int) -> int:
    """Return the size of a dimension of the first operand; 1 if it has no such dimension."""
    if not request.arrays or request.arrays[0].ndim <= max(dim, 0):
        return 1
    return int(request.arrays[0].shape[dim])


def _any(request: Request, test: Callable[[Array], Array]) -> bool:
    return any(bool(test(array).any()) for array in request.arrays)
