"""Mistakes in the functions and the basic layers of a transformer: tasks 5.1 and 5.2."""

from collections.abc import Callable

import numpy as np

from grading.checking.finding import Finding
from grading.checking.oracles import nn, transformer
from grading.checking.oracles.transformer import Named
from grading.diagnosis.mistakes import Mistake, Model, gradient, modelled, raising, result
from grading.protocol.messages import Array, Request, Response

LARGEST = 100_000
"""Number of input elements up to which models run: they compute with whole arrays."""


ABSOLUTE = 2e-5
"""Absolute tolerance between a model and the received response: tensors may be float32."""


def function(name: str, cause: str, wrong: Callable[[Request], Array]) -> Mistake:
    """Return a mistake in the result of a function of task 5.1."""

    def model(request: Request) -> Response:
        return result(request, wrong(request))

    return modelled(("5.1",), cause, f"transformer.{name}", model, ABSOLUTE)


def slope(name: str, cause: str, wrong: Callable[[Request], Array]) -> Mistake:
    """Return a mistake in the gradient of the first operand of a function of task 5.1."""

    def model(request: Request) -> Response | None:
        return None if request.upstream is None else gradient(request, 0, wrong(request))

    return modelled(("5.1",), cause, f"transformer.{name}", model, ABSOLUTE)


def named(request: Request) -> Named:
    """Return the parameters of a request."""
    names = request.options.get("parameters", [])
    arrays = request.arrays[len(request.arrays) - len(names) :]
    return dict(zip(names, arrays, strict=True))


def of_layer(
    tasks: tuple[str, ...],
    layer: str,
    cause: str,
    model: Model,
    operation: str = "layer",
) -> Mistake:
    """Return a mistake in a layer."""

    def of(request: Request) -> Response | None:
        return model(request) if request.options.get("layer") == layer else None

    return modelled(tasks, cause, f"transformer.{operation}", of, ABSOLUTE, largest=LARGEST)


def saying(
    tasks: tuple[str, ...],
    layer: str,
    cause: str,
    words: str,
    fits: Callable[[Finding], bool] = lambda finding: True,
) -> Mistake:
    """Return a mistake that is recognised by the sentence of a check."""

    def explains(finding: Finding) -> bool | None:
        if finding.request.options.get("layer") != layer or words not in finding.sentence:
            return None
        return fits(finding)

    return Mistake(tasks, cause, explains)


def missing_names(tasks: tuple[str, ...], layer: str, cause: str) -> Mistake:
    """Return a mistake that is recognised by parameters that are not registered."""

    def explains(finding: Finding) -> bool | None:
        if finding.request.options.get("layer") != layer or finding.right:
            return None
        if finding.request.operation != "transformer.parameters":
            return None
        if not isinstance(finding.expected, dict) or not isinstance(finding.received, dict):
            return None
        return bool(finding.expected.keys() - finding.received.keys())

    return Mistake(tasks, cause, explains)


def _kept_share(request: Request, received: Array) -> float:
    return float((received != 0).mean())


def no_gradient(tasks: tuple[str, ...], layer: str, cause: str) -> Mistake:
    """Return a mistake that is recognised by the missing gradient of the input."""

    def explains(finding: Finding) -> bool | None:
        if finding.request.options.get("layer") != layer or finding.right:
            return None
        if finding.name != "the gradient of operand 0":
            return None
        return finding.received is None or not np.any(finding.received)

    return Mistake(tasks, cause, explains)


def _dropout(cause: str, fits: Callable[[Request, Array], bool | None]) -> Mistake:
    """Return a mistake in `Dropout`, recognised by its result for an input of ones."""

    def explains(finding: Finding) -> bool | None:
        request, response = finding.request, finding.response
        if request.options.get("layer") != "Dropout" or response is None or not response.arrays:
            return None
        return fits(request, response.arrays[0])

    return Mistake(("5.2",), cause, explains)


def _is_evaluation(request: Request) -> bool:
    return not request.options.get("train", False)


def _drops_in_evaluation(request: Request, received: Array) -> bool | None:
    if not _is_evaluation(request):
        return None
    return not np.array_equal(received, request.arrays[0])


def _keeps_the_wrong_share(request: Request, received: Array) -> bool:
    p = request.options["sizes"]["p_dropout"]
    if _is_evaluation(request):
        return bool(np.array_equal(received, request.arrays[0]))
    if received.size < 400:
        return bool(p == 0.0)
    share = _kept_share(request, received)
    spread = 6 * np.sqrt(p * (1 - p) / received.size)
    return bool(abs(share - p) <= spread)


def _scale(expected: Callable[[float], float]) -> Callable[[Request, Array], bool | None]:
    def fits(request: Request, received: Array) -> bool | None:
        p = request.options["sizes"]["p_dropout"]
        if _is_evaluation(request) or p == 0.0 or np.isclose(expected(p), 1 / (1 - p)):
            return None
        kept = received[received != 0]
        right_share = abs(_kept_share(request, received) - (1 - p)) < 0.2
        return bool(right_share and np.allclose(kept, expected(p)))

    return fits


def _ignores_the_probability(request: Request, received: Array) -> bool | None:
    p = request.options["sizes"]["p_dropout"]
    if _is_evaluation(request):
        return None
    kept = received[received != 0]
    if p == 0.0 or received.size < 400 or not kept.size:
        return not np.array_equal(received, request.arrays[0]) if p == 0.0 else None
    # The result is that of another probability q, whose scale is 1 / (1 - q).
    other = 1.0 - 1.0 / float(kept[0])
    near = abs((received == 0).mean() - other) < 0.05
    return bool(np.allclose(kept, kept[0]) and near and abs(other - p) > 0.01)


def unwanted_bias(finding: Finding) -> bool | None:
    """Return whether a linear map without a bias has one; None for other findings."""
    if finding.request.operation != "transformer.parameters" or finding.right:
        return None
    if finding.request.options["sizes"].get("bias", True):
        return None
    if not isinstance(finding.received, dict) or not isinstance(finding.expected, dict):
        return None
    more = finding.received.keys() - finding.expected.keys()
    return bool(more) and all(name.endswith("bias") for name in more)


def _table_rows(request: Request, upstream: Array, first: bool) -> Array:
    """Return the table's gradient if a repeated token keeps one of its gradients."""
    ids = request.arrays[0].astype(np.int64).reshape(-1)
    grads = upstream.reshape(len(ids), -1)
    out = np.zeros_like(request.arrays[1])
    for token, row in list(zip(ids, grads, strict=True))[:: -1 if first else 1]:
        out[token] = row
    return out


def _embedding_gradient(cause: str, wrong: Callable[[Request, Array], Array]) -> Mistake:
    def model(request: Request) -> Response | None:
        if request.upstream is None:
            return None
        return gradient(request, 1, wrong(request, request.upstream))

    return of_layer(("5.2",), "Embedding", cause, model)


def _x(request: Request) -> Array:
    return request.arrays[0]


def _linear(cause: str, wrong: Callable[[Array, Named], Array]) -> Mistake:
    def model(request: Request) -> Response | None:
        p = named(request)
        return result(request, wrong(request.arrays[0], p)) if p else None

    return of_layer(("5.2",), "Linear", cause, model)


def _chosen(request: Request, shift: int) -> Array:
    logits, target = request.arrays
    return transformer.losses(logits, np.roll(target, shift))


def _log_of_sum(request: Request, dim: int | None) -> Array:
    return np.asarray(np.log(np.exp(_x(request)).sum(axis=dim, keepdims=True)))


def _random(layer: str, cause: str, fits: Callable[[Request, Array], bool]) -> Mistake:
    """Return a mistake in the first values of parameters."""

    def explains(finding: Finding) -> bool | None:
        request, response = finding.request, finding.response
        if request.operation != "transformer.parameters" or finding.right:
            return None
        if request.options["layer"] != layer or response is None or not response.arrays:
            return None
        if "distribution" not in finding.sentence:
            return None
        return fits(request, response.arrays[-1])

    return Mistake(("5.2",), cause, explains)


PLAIN = (
    "Parameters are plain tensors. Wrap each in `Parameter`, so that the module has it and an "
    "optimizer finds it."
)


MISTAKES = [
    function(
        "gelu",
        "You compute GELU by a sigmoid. The task names the approximation with tanh.",
        lambda r: _x(r) / (1.0 + np.exp(-1.702 * _x(r))),
    ),
    function(
        "gelu",
        "The cubic term of GELU is missing: 0.044715 x³.",
        lambda r: 0.5 * _x(r) * (1.0 + np.tanh(np.sqrt(2.0 / np.pi) * _x(r))),
    ),
    function("gelu", "The factor 0.5 of GELU is missing.", lambda r: 2.0 * transformer.gelu(_x(r))),
    function("gelu", "You compute ReLU. GELU is smooth.", lambda r: np.maximum(_x(r), 0.0)),
    function(
        "logsumexp",
        "The maximum is not subtracted before the exponential, which overflows.",
        lambda r: _log_of_sum(r, r.options["dim"]),
    ),
    raising(
        ("5.1",),
        "The maximum is not subtracted before the exponential, which overflows.",
        r"transformer\.logsumexp",
        "ArithmeticError",
        lambda r: bool((abs(r.arrays[0]) > 700).any()),
    ),
    function(
        "logsumexp",
        "The result lacks the maximum that you subtracted first. Add it.",
        lambda r: transformer.logsumexp(
            _x(r) - _x(r).max(r.options["dim"], keepdims=True), r.options["dim"]
        ),
    ),
    function(
        "logsumexp",
        "You add up the whole tensor. Add up along the dimension.",
        lambda r: (
            np.log(np.exp(_x(r) - _x(r).max(r.options["dim"], keepdims=True)).sum())
            + _x(r).max(r.options["dim"], keepdims=True)
        ),
    ),
    function(
        "logsumexp",
        "You add up along dimension 0. Use the argument `dim`.",
        lambda r: _log_of_sum(r, 0),
    ),
    function(
        "logsumexp",
        "You add up along the last dimension. Use the argument `dim`.",
        lambda r: _log_of_sum(r, -1),
    ),
    slope(
        "logsumexp",
        "`logsumexp` has the gradient of its maximum only. Its gradient is the softmax.",
        lambda r: nn.max_gradient(_x(r), r.options["dim"], np.asarray(r.upstream)),
    ),
    function(
        "one_hot",
        "The 1 is one place too far to the left: class numbers begin with 0.",
        lambda r: np.eye(r.options["classes"])[_x(r).astype(int) - 1],
    ),
    function(
        "softmax_loss",
        "You return the mean of the losses. Return a loss for each row.",
        lambda r: transformer.losses(*r.arrays).mean().reshape(1),
    ),
    function(
        "softmax_loss",
        "You return the mean of the losses. Return a loss for each row.",
        lambda r: np.full(len(r.arrays[0]), transformer.losses(*r.arrays).mean()),
    ),
    function(
        "softmax_loss",
        "You return the mean of the losses. Return a loss for each row.",
        lambda r: transformer.losses(*r.arrays).mean(),
    ),
    function(
        "softmax_loss",
        "You return the sum of the losses. Return a loss for each row.",
        lambda r: transformer.losses(*r.arrays).sum(),
    ),
    function(
        "softmax_loss",
        "Each row gets the class of another row. Use its own.",
        lambda r: _chosen(r, 1),
    ),
    function(
        "softmax_loss",
        "Each row gets the class of another row. Use its own.",
        lambda r: _chosen(r, -1),
    ),
    function(
        "softmax_loss",
        "The loss has the wrong sign.",
        lambda r: -transformer.losses(*r.arrays),
    ),
    function(
        "softmax_loss",
        "You return the score of the right class. Subtract it from the logsumexp of the row.",
        lambda r: r.arrays[0][np.arange(len(r.arrays[0])), r.arrays[1].astype(int)],
    ),
    slope(
        "softmax_loss",
        "No gradient passes through `logsumexp`. Do not detach the scores.",
        lambda r: (
            -np.eye(_x(r).shape[1])[r.arrays[1].astype(int)] * np.asarray(r.upstream)[:, None]
        ),
    ),
    slope(
        "softmax_loss",
        "You ignore the upstream gradient in the gradient of the loss.",
        lambda r: transformer.losses_gradient(_x(r), r.arrays[1], np.ones(len(_x(r)))),
    ),
    # Basic layers
    _embedding_gradient(
        "The gradient of a token that occurs several times is overwritten. Add to it.",
        lambda r, up: _table_rows(r, up, first=False),
    ),
    _embedding_gradient(
        "The gradient of a token that occurs several times is overwritten. Add to it.",
        lambda r, up: _table_rows(r, up, first=True),
    ),
    of_layer(
        ("5.2",),
        "Embedding",
        "The vectors are multiplied by the root of their size. Return those of the table.",
        lambda r: result(
            r, r.arrays[1][_x(r).astype(int)] * r.options["sizes"]["embedding_dim"] ** 0.5
        ),
    ),
    _random(
        "Embedding",
        "The table is drawn from a uniform distribution. Draw it from the standard normal one.",
        lambda r, values: bool(abs(values).max() <= 1.0),
    ),
    _random(
        "Linear",
        "The weights have the range of 1 / n. The range is 1 / sqrt(n) for n inputs.",
        lambda r, values: bool(abs(values).max() <= 1.0 / r.options["sizes"]["in_size"] + 1e-6),
    ),
    _random(
        "Linear",
        "The weights are never negative. Draw them from -1 / sqrt(n) to 1 / sqrt(n).",
        lambda r, values: bool(values.min() >= 0.0),
    ),
    *(
        raising(
            ("5.2", "5.3", "5.4", "5.5"),
            PLAIN,
            r"transformer\..*",
            "AttributeError",
            message=f"{kind} has no attribute 'update'",
        )
        for kind in ("'Tensor' object", "Tensor")
    ),
    *(
        missing_names(tasks, layer, PLAIN)
        for tasks, layer in (
            (("5.2",), "Embedding"),
            (("5.2",), "Linear"),
            (("5.3",), "LayerNorm1d"),
        )
    ),
    raising(
        ("5.2", "5.3", "5.4", "5.5"),
        "A parameter is missing: the attribute with its name is None.",
        r"transformer\..*",
        "AttributeError",
        message="'NoneType' object has no attribute 'update'",
    ),
    _linear("The bias is not added.", lambda x, p: x @ p["weights"]),
    _linear("The bias is subtracted. Add it.", lambda x, p: x @ p["weights"] - p.get("bias", 0.0)),
    no_gradient(("5.2",), "Linear", "The input's gradient is zero: do not detach the input."),
    _dropout("Elements are dropped in evaluation. Test `self.training`.", _drops_in_evaluation),
    _dropout("You keep elements with the probability to drop them.", _keeps_the_wrong_share),
    _dropout(
        "The kept elements are not divided by 1 - p.",
        _scale(lambda p: 1.0),
    ),
    _dropout(
        "The kept elements are divided by p. Divide them by 1 - p.",
        _scale(lambda p: 1.0 / p),
    ),
    _dropout(
        "The kept elements are multiplied by 1 - p. Divide them by it.",
        _scale(lambda p: 1.0 - p),
    ),
    _dropout("The probability is always the same. Use `p_dropout`.", _ignores_the_probability),
    Mistake(
        ("5.2", "5.4", "5.5"), "A linear map has a bias although `bias` is False.", unwanted_bias
    ),
    of_layer(
        ("5.3",),
        "LayerNorm1d",
        "The weights begin with 0, so the layer returns zeros. Begin with ones.",
        lambda r: Response(r, (np.zeros(0), np.zeros(r.options["sizes"]["dim"]))),
        "parameters",
    ),
    saying(
        ("5.2",),
        "Dropout",
        "All calls drop the same elements: the generator begins with the same seed in each call.",
        "two calls dropped the same",
    ),
    saying(
        ("5.2",),
        "Dropout",
        "One random number is used for a whole row or column. Draw one for each element.",
        "all rows or columns are alike",
    ),
]
