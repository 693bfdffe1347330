"""Mistakes in maxima, softmax and dropout: task 4.4."""

from collections.abc import Callable, Iterator
from functools import partial

import numpy as np

from grading.checking.finding import Finding
from grading.checking.oracles import nn
from grading.diagnosis.mistakes import Mistake, missing_gradient, modelled, raising
from grading.protocol.messages import Array, Request, Response

TASKS = ("4.4",)
OVERFLOW = "In `{}`, the maximum is not subtracted before the exponential, which overflows."
BEGINS_WITH_0 = "The search for the maximum begins with 0, so it finds no negative number."
NOT_DIVIDED = "In `softmax`, the exponentials are not divided by their sum."


def value(
    operation: str, cause: str, wrong: Callable[[Array, int], Array], absolute: float = 1e-7
) -> Mistake:
    """Return a mistake in a result; `wrong` gets the elements and the dimension."""

    def model(request: Request) -> Response:
        return Response(request, (wrong(request.arrays[0], request.options["dim"]),))

    return modelled(TASKS, cause, rf"nn\.{operation}", model, absolute)


def backward(
    operation: str, cause: str, wrong: Callable[[Array, int, Array], Array], absolute: float = 1e-7
) -> Mistake:
    """Return a mistake in a gradient; `wrong` gets the elements, the dimension and the upstream."""

    def model(request: Request) -> Response | None:
        if request.upstream is None:
            return None
        response = wrong(request.arrays[0], request.options["dim"], request.upstream)
        return Response(request, gradients=(np.asarray(response, np.float64),))

    def explains(finding: Finding) -> bool | None:
        if "gradient" not in finding.sentence or finding.response is None:
            return None
        response = model(finding.request)
        received = finding.response.gradients[0] if finding.response.gradients else None
        if response is None or received is None:
            return None
        (modelled_gradient,) = response.gradients
        assert modelled_gradient is not None
        return received.shape == modelled_gradient.shape and bool(
            np.allclose(received, modelled_gradient, rtol=1e-6, atol=absolute)
        )

    def of_operation(finding: Finding) -> bool | None:
        return explains(finding) if finding.request.operation == f"nn.{operation}" else None

    return Mistake(TASKS, cause, of_operation)


def _one_hot(x: Array, dim: int) -> Array:
    positions = np.expand_dims(x.argmax(axis=dim), dim)
    hot = np.zeros(x.shape)
    np.put_along_axis(hot, positions, 1.0, axis=dim)
    return hot


def _log_of_sum(x: Array, dim: int) -> Array:
    return np.asarray(np.log(np.exp(x).sum(axis=dim, keepdims=True)))


def _from_zero(x: Array, dim: int) -> tuple[Array, Array]:
    """Return softmax and its logarithm if the maximum that is subtracted is never negative."""
    shifted = x - np.maximum(x.max(axis=dim, keepdims=True), 0.0)
    powers = np.exp(shifted)
    total = powers.sum(axis=dim, keepdims=True)
    return np.asarray(powers / total), np.asarray(shifted - np.log(total))


def _softened(change: Callable[[Array, Array], Array], x: Array, dim: int) -> Array:
    """Return softmax with changed scores; `change` gets the scores and their maximum."""
    powers = np.exp(change(x, x.max(axis=dim, keepdims=True)))
    return np.asarray(powers / powers.sum(axis=dim, keepdims=True))


def _combined(shift: int, sign: int, of_log: int, x: Array, dim: int) -> Array:
    """Return x + shift * max with the logarithm of the sum of its exponentials added, by signs."""
    shifted = x + shift * x.max(axis=dim, keepdims=True)
    total = np.log(np.exp(shifted).sum(axis=dim, keepdims=True))
    return np.asarray(sign * shifted + of_log * total)


def _log_gradient(sign: int, x: Array, dim: int, up: Array) -> Array:
    """Return the gradient of logsoftmax whose second term has a factor."""
    return np.asarray(up - sign * nn.softmax(x, dim) * up.sum(axis=dim, keepdims=True))


NEGATIVE = "In `{}`, the scores have the wrong sign: you take the exponential of max - x."
ADDED = "You add the logarithm of the sum. Subtract it."
NO_LOGARITHM = "The logarithm of the sum of the exponentials is missing."


def _families() -> Iterator[Mistake]:
    """Yield wrong signs, missing terms and wrong dimensions of softmax and its logarithm."""
    softened: tuple[tuple[str, Callable[[Array, Array], Array]], ...] = (
        (NEGATIVE.format("softmax"), lambda x, m: m - x),
        ("In `softmax`, you multiply the scores and their maximum. Subtract it.", np.multiply),
        ("In `softmax`, you divide the scores by their maximum. Subtract it.", np.divide),
        (
            "In `softmax`, the maximum of the scores is used for all of them.",
            lambda x, m: m + 0 * x,
        ),
        ("In `softmax`, the scores are twice as large as they have to be.", lambda x, m: 2 * x),
    )
    for cause, change in softened:
        yield value("softmax", cause, partial(_softened, change), 1e-7)
    yield backward(
        "softmax",
        NEGATIVE.format("softmax"),
        lambda x, dim, up: -nn.softmax_gradient(-x, dim, up),
        1e-6,
    )
    for operation, right in (("softmax", nn.softmax), ("logsoftmax", nn.logsoftmax)):
        for by in (1, -1):
            yield value(
                operation,
                f"`{operation}` works along another dimension than `dim`.",
                partial(_beside, right, by),
                1e-4,
            )
        yield value(
            operation,
            f"The result of `{operation}` has the wrong sign.",
            partial(_negated, right),
            1e-4,
        )
    yield value("softmax", "The result is 1 minus the softmax.", lambda x, d: 1 - nn.softmax(x, d))
    yield value(
        "softmax",
        "The exponentials are multiplied by their sum. Divide by it.",
        lambda x, dim: (lambda e: e * e.sum(axis=dim, keepdims=True))(
            np.exp(x - x.max(axis=dim, keepdims=True))
        ),
    )
    yield value(
        "softmax",
        "The sum of the exponentials is divided by them. Divide the exponentials by their sum.",
        lambda x, dim: 1 / nn.softmax(x, dim),
        1e-4,
    )
    yield value(
        "softmax",
        "The exponential is missing: you divide the scores by their sum.",
        lambda x, dim: x / x.sum(axis=dim, keepdims=True),
    )
    yield value("logsoftmax", ADDED, partial(_combined, -1, 1, 1), 1e-6)
    yield value("logsoftmax", ADDED, partial(_combined, 0, 1, 1), 1e-6)
    yield backward("logsoftmax", ADDED, partial(_log_gradient, -1), 1e-4)
    yield value("logsoftmax", NO_LOGARITHM, lambda x, dim: x - x.max(axis=dim, keepdims=True))
    yield value("logsoftmax", NO_LOGARITHM, lambda x, dim: x)
    yield backward("logsoftmax", NO_LOGARITHM, lambda x, dim, up: up, 1e-6)
    yield value("logsoftmax", NEGATIVE.format("logsoftmax"), partial(_negated_scores), 1e-4)
    yield value(
        "logsoftmax",
        "The result is the logarithm of the sum only: the scores are missing.",
        lambda x, dim: np.broadcast_to(
            -np.log(np.exp(x - x.max(axis=dim, keepdims=True)).sum(axis=dim, keepdims=True)),
            x.shape,
        ),
    )
    yield value(
        "logsoftmax",
        "The maximum is added before the exponential. Subtract it.",
        partial(_combined, 1, 1, -1),
        1e-4,
    )
    largest: tuple[tuple[str, Callable[[Array, int], Array]], ...] = (
        ("is taken along another dimension than `dim`", lambda x, d: _along_next(x, d)),
        ("has the wrong sign", lambda x, d: -x.max(axis=d, keepdims=True)),
        ("is the largest absolute value", lambda x, d: abs(x).max(axis=d, keepdims=True)),
        ("is replaced by the first element", lambda x, d: x.take([0], axis=d)),
        ("is replaced by the last element", lambda x, d: x.take([-1], axis=d)),
        ("lacks the last element", lambda x, d: x.take(range(x.shape[d] - 1), axis=d).max(d)),
        ("is replaced by the mean", lambda x, d: x.mean(axis=d, keepdims=True)),
    )
    for words, wrong in largest:
        yield value("max", f"The maximum {words}.", wrong)
    changes: tuple[tuple[str, Callable[[Array, int, Array], Array]], ...] = (
        ("has the wrong sign", lambda x, d, up: -_one_hot(x, d) * up),
        ("is twice as large as it has to be", lambda x, d, up: 2 * _one_hot(x, d) * up),
        ("reaches every element except the largest", lambda x, d, up: (1 - _one_hot(x, d)) * up),
        ("is multiplied by the maximum", lambda x, d, up: _one_hot(x, d) * x * up),
        ("is added to the mask of the largest element", lambda x, d, up: _one_hot(x, d) + up),
        ("goes to the first element", lambda x, d, up: _one_hot(_falling(x, d), d) * up),
        ("goes to the last element", lambda x, d, up: _one_hot(-_falling(x, d), d) * up),
        (
            "goes to the largest element of the whole tensor only",
            lambda x, d, up: (x == x.max()) * up,
        ),
    )
    for words, wrong_gradient in changes:
        yield backward("max", f"The gradient of the maximum {words}.", wrong_gradient)
    hot: tuple[tuple[str, Callable[[Array, int], Array]], ...] = (
        ("returns the opposite: 0 at the largest element", lambda x, d: 1 - _one_hot(x, d)),
        ("works along another dimension than `dim`", lambda x, d: _one_hot(x, (d + 1) % x.ndim)),
        ("works along another dimension than `dim`", lambda x, d: _one_hot(x, (d - 1) % x.ndim)),
        ("always returns 0", lambda x, d: np.zeros(x.shape)),
        ("always returns 1", lambda x, d: np.ones(x.shape)),
    )
    for words, wrong in hot:
        yield value("argmax", f"`argmax` {words}.", wrong)


def _beside(right: Callable[[Array, int], Array], by: int, x: Array, dim: int) -> Array:
    """Return the result along a neighbouring dimension."""
    return right(x, (dim + by) % x.ndim)


def _negated(right: Callable[[Array, int], Array], x: Array, dim: int) -> Array:
    return -right(x, dim)


def _negated_scores(x: Array, dim: int) -> Array:
    return np.asarray(nn.logsoftmax(-x, dim))


def _along_next(x: Array, dim: int) -> Array:
    return np.asarray(x.max(axis=(dim + 1) % x.ndim, keepdims=True))


def _falling(x: Array, dim: int) -> Array:
    """Return numbers that fall along a dimension."""
    shape = [1] * x.ndim
    shape[dim] = x.shape[dim]
    return np.broadcast_to(-np.arange(x.shape[dim], dtype=float).reshape(shape), x.shape)


def dropout(cause: str, fits: Callable[[Request, Array], bool]) -> Mistake:
    """Return a mistake in dropout, recognised by the elements that were dropped."""

    def explains(finding: Finding) -> bool | None:
        if finding.request.operation != "nn.dropout" or finding.response is None:
            return None
        return fits(finding.request, finding.response.array)

    return Mistake(TASKS, cause, explains)


def _not_ignored(request: Request, received: Array) -> bool:
    x = request.arrays[0]
    dropped = np.isclose(received, 0.0)
    return bool(request.options["ignore"] and (dropped & (x != 0)).any())


def _keeps_the_rate(request: Request, received: Array) -> bool:
    x, rate = request.arrays[0], request.options["rate"]
    if request.options["ignore"] or not (x != 0).any():
        return False
    dropped = float((received[x != 0] == 0).mean())
    spread = 6 * np.sqrt(rate * (1 - rate) / (x != 0).sum())
    if spread == 0:
        return bool(dropped == 1 - rate)
    return bool(abs(dropped - (1 - rate)) <= spread < abs(dropped - rate))


def _drops_nothing(request: Request, received: Array) -> bool:
    drops = not request.options["ignore"] and request.options["rate"] > 0
    return bool(drops and (received == request.arrays[0]).all())


def _drops_all(request: Request, received: Array) -> bool:
    drops = request.arrays[0].any() and request.options["rate"] < 0.9
    return bool(drops and not received.any())


def _ignores_the_opposite(request: Request, received: Array) -> bool:
    """Return whether `ignore` drops elements, and its absence drops none."""
    if request.options["ignore"]:
        return _not_ignored(request, received)
    return _drops_nothing(request, received)


def alike(cause: str, sentence: str) -> Mistake:
    """Return a mistake in the random numbers, recognised by the sentence of the check."""

    def explains(finding: Finding) -> bool | None:
        if finding.request.operation != "nn.dropout":
            return None
        return sentence in finding.sentence or None

    return Mistake(TASKS, cause, explains)


MISTAKES = [
    value(
        "max",
        BEGINS_WITH_0,
        lambda x, dim: np.maximum(x.max(axis=dim, keepdims=True), 0.0),
    ),
    value(
        "max",
        "You take the smallest element. Take the largest.",
        lambda x, dim: x.min(axis=dim, keepdims=True),
    ),
    value(
        "max",
        "The dimension is ignored: you take the maximum of the whole tensor.",
        lambda x, dim: x.max(keepdims=True),
    ),
    value(
        "max", "You add the elements. Multiply them.", lambda x, dim: x.sum(axis=dim, keepdims=True)
    ),
    backward(
        "max",
        "The gradient of the maximum reaches every element. Pass it to the largest one only.",
        lambda x, dim, up: np.broadcast_to(up, x.shape),
    ),
    backward(
        "max",
        "The gradient of the maximum is zero everywhere: no gradient reaches the largest element.",
        lambda x, dim, up: np.zeros(x.shape),
    ),
    backward(
        "max",
        "The gradient of the maximum is not multiplied by the upstream gradient.",
        lambda x, dim, up: _one_hot(x, dim),
    ),
    backward(
        "max",
        "The gradient goes to the smallest element. Pass it to the largest one.",
        lambda x, dim, up: _one_hot(-x, dim) * up,
    ),
    value(
        "argmax",
        "`argmax` always works along dimension 0. Use its argument `dim`.",
        lambda x, dim: _one_hot(x, 0),
    ),
    value(
        "argmax",
        "`argmax` always works along the last dimension. Use its argument `dim`.",
        lambda x, dim: _one_hot(x, -1),
    ),
    value(
        "argmax",
        "`argmax` returns 1 at the largest element of the whole tensor. Return it at the "
        "largest element of each slice.",
        lambda x, dim: (x == x.max()).astype(float),
    ),
    value(
        "argmax",
        "`argmax` returns 1 at the smallest element. Return it at the largest.",
        lambda x, dim: _one_hot(-x, dim),
    ),
    value(
        "softmax",
        "`softmax` divides by the sum of the whole tensor. Divide by the sum over the dimension.",
        lambda x, dim: (lambda e: e / e.sum())(np.exp(x - x.max(axis=dim, keepdims=True))),
    ),
    value(
        "softmax",
        "`softmax` divides by the sum of the whole tensor. Divide by the sum over the dimension.",
        lambda x, dim: (lambda e: e / e.sum())(np.exp(x)),
    ),
    value(
        "softmax",
        "`softmax` always works along dimension 0. Use its argument `dim`.",
        lambda x, dim: nn.softmax(x, 0),
    ),
    value(
        "softmax",
        "`softmax` always works along the last dimension. Use its argument `dim`.",
        lambda x, dim: nn.softmax(x, -1),
    ),
    *(
        raising(
            TASKS,
            OVERFLOW.format(name),
            rf"nn\.{name}",
            "OverflowError",
            lambda r: bool((r.arrays[0] > 700).any()),
        )
        for name in ("softmax", "logsoftmax")
    ),
    *(
        missing_gradient(
            TASKS,
            f"`{name}` has no gradient: its result does not depend on the input in the graph. Do "
            "not detach the input.",
            rf"nn\.{name}",
        )
        for name in ("max", "softmax", "logsoftmax", "dropout")
    ),
    value("softmax", NOT_DIVIDED, lambda x, dim: np.exp(x)),
    value(
        "softmax",
        NOT_DIVIDED,
        lambda x, dim: np.exp(x - x.max(axis=dim, keepdims=True)),
    ),
    value(
        "softmax",
        OVERFLOW.format("softmax"),
        lambda x, dim: np.exp(x) / np.exp(x).sum(axis=dim, keepdims=True),
    ),
    value("softmax", "The result is the logarithm of the softmax.", nn.logsoftmax, 1e-4),
    backward(
        "softmax",
        "The gradient of `softmax` has the wrong sign.",
        lambda x, dim, up: -nn.softmax_gradient(x, dim, up),
        1e-6,
    ),
    backward("softmax", NOT_DIVIDED, lambda x, dim, up: up * np.exp(x)),
    backward(
        "softmax",
        NOT_DIVIDED,
        lambda x, dim, up: up * np.exp(x - x.max(axis=dim, keepdims=True)),
    ),
    value("softmax", BEGINS_WITH_0, lambda x, dim: _from_zero(x, dim)[0]),
    value("logsoftmax", BEGINS_WITH_0, lambda x, dim: _from_zero(x, dim)[1], 1e-4),
    backward(
        "softmax",
        "You treat the sum in the denominator as a constant. It needs a gradient, too.",
        lambda x, dim, up: up * nn.softmax(x, dim),
    ),
    value("logsoftmax", OVERFLOW.format("logsoftmax"), lambda x, dim: x - _log_of_sum(x, dim)),
    value(
        "logsoftmax",
        OVERFLOW.format("logsoftmax"),
        lambda x, dim: np.log(np.exp(x) / np.exp(x).sum(axis=dim, keepdims=True) + 1e-6),
    ),
    value(
        "logsoftmax",
        "You take the logarithm of a rounded softmax. Subtract the logarithm of the sum.",
        lambda x, dim: np.log(nn.softmax(x, dim) + 1e-6),
    ),
    value(
        "logsoftmax",
        "You subtract the sum of the exponentials. Subtract its logarithm.",
        lambda x, dim: (lambda s: s - np.exp(s).sum(axis=dim, keepdims=True))(
            x - x.max(axis=dim, keepdims=True)
        ),
    ),
    value(
        "logsoftmax",
        "The result lacks the maximum that you subtracted first.",
        lambda x, dim: nn.logsoftmax(x, dim) + x.max(axis=dim, keepdims=True),
    ),
    value(
        "logsoftmax",
        "The result has the wrong sign.",
        lambda x, dim: -nn.logsoftmax(x, dim),
        1e-4,
    ),
    value(
        "logsoftmax",
        "`logsoftmax` always works along the last dimension. Use its argument `dim`.",
        lambda x, dim: nn.logsoftmax(x, -1),
        1e-4,
    ),
    value(
        "logsoftmax",
        "You subtract the logarithm of the sum of the whole tensor. Add up along the dimension.",
        lambda x, dim: x - np.log(np.exp(x).sum()),
        1e-4,
    ),
    *(
        value(
            "max",
            f"The maximum is taken along the {words} dimension. Use the argument `dim`.",
            wrong,
        )
        for words, wrong in (
            ("first", lambda x, dim: x.max(axis=0, keepdims=True)),
            ("last", lambda x, dim: x.max(axis=-1, keepdims=True)),
        )
    ),
    value("logsoftmax", "The logarithm is missing: you return the softmax.", nn.softmax),
    value(
        "logsoftmax",
        "`logsoftmax` always works along dimension 0. Use its argument `dim`.",
        lambda x, dim: nn.logsoftmax(x, 0),
        1e-4,
    ),
    *_families(),
    dropout("Elements are dropped although `ignore` is set.", _not_ignored),
    dropout(
        "You use `rate` as the fraction that dropout keeps. It is the fraction that is dropped.",
        _keeps_the_rate,
    ),
    dropout("Dropout drops nothing.", _drops_nothing),
    dropout("Dropout drops every element.", _drops_all),
    dropout("`ignore` has the opposite effect.", _ignores_the_opposite),
    alike(
        "The kept elements are changed by another factor than 1 / (1 - rate). Keep them as they "
        "are, or multiply them by 1 / (1 - rate).",
        "a kept element has changed",
    ),
    alike(
        "Every call creates a generator with the same seed. All calls drop the same elements.",
        "two calls dropped the same",
    ),
    alike(
        "One random number is used for a whole row or column. Draw one for each element.",
        "all rows or columns are alike",
    ),
]
