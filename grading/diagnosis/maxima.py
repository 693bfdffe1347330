"""Mistakes in maxima, softmax and dropout: task 4.4."""

from collections.abc import Callable

import numpy as np

from grading.checking.finding import Finding
from grading.checking.oracles import nn
from grading.diagnosis.mistakes import Mistake, modelled
from grading.protocol.messages import Array, Request, Response

TASKS = ("4.4",)
OVERFLOW = "the maximum is not subtracted before the exponential, which overflows"


def value(
    operation: str, cause: str, wrong: Callable[[Array, int], Array], absolute: float = 1e-7
) -> Mistake:
    """Return a mistake in a result: of the elements and the dimension."""

    def model(request: Request) -> Response:
        return Response(request, (wrong(request.arrays[0], request.options["dim"]),))

    return modelled(TASKS, cause, rf"nn\.{operation}", model, absolute)


def backward(
    operation: str, cause: str, wrong: Callable[[Array, int, Array], Array], absolute: float = 1e-7
) -> Mistake:
    """Return a mistake in a gradient: of the elements, the dimension, and what arrives."""

    def model(request: Request) -> Response | None:
        if request.upstream is None:
            return None
        answer = wrong(request.arrays[0], request.options["dim"], request.upstream)
        return Response(request, gradients=(np.asarray(answer, np.float64),))

    def explains(finding: Finding) -> bool | None:
        if "gradient" not in finding.sentence or finding.answer is None:
            return None
        answer = model(finding.request)
        received = finding.answer.gradients[0] if finding.answer.gradients else None
        if answer is None or received is None:
            return None
        (wanted,) = answer.gradients
        assert wanted is not None
        return received.shape == wanted.shape and bool(
            np.allclose(received, wanted, rtol=1e-6, atol=absolute)
        )

    def of_operation(finding: Finding) -> bool | None:
        return explains(finding) if finding.request.operation == f"nn.{operation}" else None

    return Mistake(TASKS, cause, of_operation)


def _one_hot(x: Array, dim: int) -> Array:
    places = np.expand_dims(x.argmax(axis=dim), dim)
    hot = np.zeros(x.shape)
    np.put_along_axis(hot, places, 1.0, axis=dim)
    return hot


def _log_of_sum(x: Array, dim: int) -> Array:
    return np.asarray(np.log(np.exp(x).sum(axis=dim, keepdims=True)))


def dropout(cause: str, fits: Callable[[Request, Array], bool]) -> Mistake:
    """Return a mistake in dropout, known by what was dropped."""

    def explains(finding: Finding) -> bool | None:
        if finding.request.operation != "nn.dropout" or finding.answer is None:
            return None
        return fits(finding.request, finding.answer.array)

    return Mistake(TASKS, cause, explains)


def _not_ignored(request: Request, received: Array) -> bool:
    x = request.arrays[0]
    dropped = np.isclose(received, 0.0)
    return bool(request.options["ignore"] and (dropped & (x != 0)).any())


def _keeps_its_share(request: Request, received: Array) -> bool:
    x, rate = request.arrays[0], request.options["rate"]
    if request.options["ignore"] or not (x != 0).any():
        return False
    share = float((received[x != 0] == 0).mean())
    spread = 6 * np.sqrt(rate * (1 - rate) / (x != 0).sum())
    if spread == 0:
        return bool(share == 1 - rate)
    return bool(abs(share - (1 - rate)) <= spread < abs(share - rate))


def _drops_nothing(request: Request, received: Array) -> bool:
    asked = not request.options["ignore"] and request.options["rate"] > 0
    return bool(asked and (received == request.arrays[0]).all())


def alike(words: str, sentence: str) -> Mistake:
    """Return a mistake that a sentence of the check gives away."""

    def explains(finding: Finding) -> bool | None:
        if finding.request.operation != "nn.dropout":
            return None
        return sentence in finding.sentence or None

    return Mistake(TASKS, words, explains)


MISTAKES = [
    value(
        "max",
        "the search for the maximum begins with 0, so that no negative number is found",
        lambda x, dim: np.maximum(x.max(axis=dim, keepdims=True), 0.0),
    ),
    value("max", "the smallest element is taken", lambda x, dim: x.min(axis=dim, keepdims=True)),
    value(
        "max",
        "the dimension is ignored: the maximum of everything",
        lambda x, dim: x.max(keepdims=True),
    ),
    value("max", "the elements are added", lambda x, dim: x.sum(axis=dim, keepdims=True)),
    backward(
        "max",
        "the gradient of the maximum reaches every element, not only the largest",
        lambda x, dim, up: np.broadcast_to(up, x.shape),
    ),
    backward(
        "max",
        "no gradient reaches the largest element: it is zero everywhere",
        lambda x, dim, up: np.zeros(x.shape),
    ),
    backward(
        "max",
        "the gradient of the maximum is not multiplied by the gradient that arrives",
        lambda x, dim, up: _one_hot(x, dim),
    ),
    backward(
        "max",
        "the gradient goes to the smallest element",
        lambda x, dim, up: _one_hot(-x, dim) * up,
    ),
    value(
        "argmax",
        "argmax works along dimension 0, whatever it is given",
        lambda x, dim: _one_hot(x, 0),
    ),
    value("argmax", "argmax works along the last dimension", lambda x, dim: _one_hot(x, -1)),
    value(
        "argmax",
        "argmax marks the largest of everything, not of each slice",
        lambda x, dim: (x == x.max()).astype(float),
    ),
    value("argmax", "argmax marks the smallest", lambda x, dim: _one_hot(-x, dim)),
    value(
        "softmax",
        "softmax divides by the sum of everything, not of the dimension",
        lambda x, dim: (lambda e: e / e.sum())(np.exp(x - x.max(axis=dim, keepdims=True))),
    ),
    value(
        "softmax",
        "softmax divides by the sum of everything, not of the dimension",
        lambda x, dim: (lambda e: e / e.sum())(np.exp(x)),
    ),
    value(
        "softmax",
        "softmax works along dimension 0, whatever it is given",
        lambda x, dim: nn.softmax(x, 0),
    ),
    value("softmax", "softmax works along the last dimension", lambda x, dim: nn.softmax(x, -1)),
    value("softmax", "the exponentials are not divided by their sum", lambda x, dim: np.exp(x)),
    value(
        "softmax",
        "the exponentials are not divided by their sum",
        lambda x, dim: np.exp(x - x.max(axis=dim, keepdims=True)),
    ),
    value(
        "softmax",
        OVERFLOW,
        lambda x, dim: np.exp(x) / np.exp(x).sum(axis=dim, keepdims=True),
    ),
    backward(
        "softmax",
        "the sum in the denominator passes no gradient on",
        lambda x, dim, up: up * nn.softmax(x, dim),
    ),
    value("logsoftmax", OVERFLOW, lambda x, dim: x - _log_of_sum(x, dim)),
    value(
        "logsoftmax",
        OVERFLOW,
        lambda x, dim: np.log(np.exp(x) / np.exp(x).sum(axis=dim, keepdims=True) + 1e-6),
    ),
    value(
        "logsoftmax",
        "the logarithm is taken of the rounded softmax: subtract the logarithm of the sum instead",
        lambda x, dim: np.log(nn.softmax(x, dim) + 1e-6),
    ),
    value(
        "logsoftmax",
        "the logarithm of the sum of exponentials is missing: the sum itself is subtracted",
        lambda x, dim: (lambda s: s - np.exp(s).sum(axis=dim, keepdims=True))(
            x - x.max(axis=dim, keepdims=True)
        ),
    ),
    value(
        "logsoftmax",
        "the maximum that was subtracted first is missing from the result",
        lambda x, dim: nn.logsoftmax(x, dim) + x.max(axis=dim, keepdims=True),
    ),
    value("logsoftmax", "the logarithm is missing: this is the softmax", nn.softmax),
    value(
        "logsoftmax",
        "logsoftmax works along dimension 0, whatever it is given",
        lambda x, dim: nn.logsoftmax(x, 0),
        1e-4,
    ),
    dropout("elements are dropped although `ignore` is set", _not_ignored),
    dropout(
        "`rate` is taken for the share that dropout keeps; it is the share that is dropped",
        _keeps_its_share,
    ),
    dropout("dropout drops nothing", _drops_nothing),
    alike(
        "the random numbers come from a generator with a fixed seed, made anew in every call",
        "two calls dropped the same",
    ),
    alike(
        "one random number decides for a whole row or column; each element needs its own",
        "all rows or columns are alike",
    ),
]
