"""Mistakes in the gradients of tensors: task 2.4, and where fast kernels show them."""

from collections.abc import Callable

import numpy as np

from grading.checking.oracles.programs import EPS, PARTIALS, Partials, sigmoid
from grading.checking.oracles.tensors import unbroadcast
from grading.diagnosis.mistakes import Mistake, gradient, modelled, raising
from grading.protocol.messages import Array, Request, Response

TASKS = ("2.4",)


def _all(request: Request, gradients: list[Array | None]) -> Response:
    return Response(request, gradients=tuple(gradients))


def slope(name: str, cause: str, wrong: Partials) -> Mistake:
    """Return a mistake in the derivative of one function of each element."""

    def model(request: Request) -> Response | None:
        if request.upstream is None:
            return None
        gradients: list[Array | None] = []
        for i, x in enumerate(request.arrays):
            slopes = np.vectorize(lambda *xs, i=i: wrong(*xs)[i], otypes=[np.float64])
            full = request.upstream * slopes(*request.arrays)
            gradients.append(unbroadcast(full, x.shape))
        return _all(request, gradients)

    return modelled(TASKS, cause, rf"tensor\.{name}", model)


def combined(name: str, cause: str, wrong: Callable[[Array, Array], Array]) -> Mistake:
    """Return a mistake in a gradient: of the only operand and the gradient of the result."""

    def model(request: Request) -> Response | None:
        if request.upstream is None or len(request.arrays) != 1:
            return None
        return gradient(request, 0, wrong(request.arrays[0], request.upstream))

    return modelled(TASKS, cause, rf"tensor\.{name}", model)


def broadcasting(cause: str, undo: Callable[[Array, tuple[int, ...]], Array]) -> Mistake:
    """Return a mistake in how a gradient gets the shape of an operand that was broadcast."""

    def model(request: Request) -> Response | None:
        name = request.operation.removeprefix("tensor.")
        upstream = request.upstream
        if upstream is None or name not in PARTIALS or len(request.arrays) != 2:
            return None
        gradients: list[Array | None] = []
        for i, x in enumerate(request.arrays):
            if name == "div" and i == 1:  # It is made of several functions.
                gradients.append(None)
                continue
            slopes = np.vectorize(lambda *xs, i=i: PARTIALS[name](*xs)[i], otypes=[np.float64])
            gradients.append(undo(upstream * slopes(*request.arrays), x.shape))
        return _all(request, gradients)

    return modelled(TASKS, cause, r"tensor\..*", model)


def _repeated_dims(full: Array, shape: tuple[int, ...]) -> list[int]:
    lead = full.ndim - len(shape)
    return [
        dim
        for dim in range(full.ndim)
        if dim < lead or (shape[dim - lead] == 1 and full.shape[dim] > 1)
    ]


def _last_repetition(full: Array, shape: tuple[int, ...]) -> Array:
    for dim in _repeated_dims(full, shape):
        full = full.take([-1], axis=dim)
    return full.reshape(shape)


def _first_repetition(full: Array, shape: tuple[int, ...]) -> Array:
    for dim in _repeated_dims(full, shape):
        full = full.take([0], axis=dim)
    return full.reshape(shape)


def _mean_of_repetitions(full: Array, shape: tuple[int, ...]) -> Array:
    for dim in _repeated_dims(full, shape):
        full = full.mean(axis=dim, keepdims=True)
    return full.reshape(shape)


def _not_summed(full: Array, shape: tuple[int, ...]) -> Array:
    return full


def permuted_forward(request: Request) -> Response | None:
    """Permute the gradient by the order itself."""
    if request.upstream is None:
        return None
    return gradient(request, 0, request.upstream.transpose(request.options["order"]))


def _has_another_shape(request: Request) -> bool:
    """Return whether the gradient, permuted forward, does not fit the tensor."""
    if request.upstream is None:
        return False
    permuted = request.upstream.transpose(request.options["order"])
    return permuted.shape != request.arrays[0].shape


def not_permuted(request: Request) -> Response | None:
    """Leave the gradient as it comes."""
    return None if request.upstream is None else gradient(request, 0, request.upstream)


def summed(name: str, cause: str, wrong: Callable[[Array, Array], Array]) -> Mistake:
    """Return a mistake in the gradient of a reduction: of the tensor and what arrives."""

    def model(request: Request) -> Response | None:
        if request.upstream is None:
            return None
        (x,) = request.arrays
        return gradient(request, 0, np.broadcast_to(wrong(x, request.upstream), x.shape))

    return modelled(TASKS, cause, rf"tensor\.{name}", model)


def overwritten(request: Request) -> Response | None:
    """Keep the gradient of the last call of backward only."""
    if request.upstream is None:
        return None
    a, b = request.arrays
    return _all(request, [request.upstream * b, request.upstream * a])


MISTAKES = [
    slope("mul", "the gradients of the two factors are exchanged", lambda a, b: (a, b)),
    slope("mul", "the gradients of a product are those of a sum", lambda a, b: (1.0, 1.0)),
    slope("neg", "the sign of the gradient of `neg` is missing", lambda a: (1.0,)),
    slope(
        "sigmoid",
        "the gradient of `sigmoid` is worked out with its input, not with its value",
        lambda a: (a * (1 - a),),
    ),
    slope("sigmoid", "the gradient of `sigmoid` is its value", lambda a: (sigmoid(a),)),
    slope(
        "exp",
        "the gradient of `exp` is worked out with its input, not with its value",
        lambda a: (a,),
    ),
    slope("relu", "the gradient of `relu` is 1 everywhere", lambda a: (1.0,)),
    slope("log", "the gradient of the logarithm is 1", lambda a: (1.0,)),
    slope("log", "the gradient is multiplied in place of divided", lambda a: (a,)),
    slope(
        "(lt|gt|eq)", "comparisons pass a gradient on, though they are flat", lambda a, b: (1, 1)
    ),
    combined(
        "exp",
        "the gradient of `exp` is not multiplied by the gradient that arrives",
        lambda x, upstream: np.exp(x),
    ),
    combined(
        "sigmoid",
        "the gradient of `sigmoid` is not multiplied by the gradient that arrives",
        lambda x, upstream: (lambda s: s * (1 - s))(1 / (1 + np.exp(-x))),
    ),
    combined(
        "log", "in `log_back` the arguments are exchanged", lambda x, upstream: x / (upstream + EPS)
    ),
    combined(
        "relu",
        "in `relu_back` the arguments are exchanged",
        lambda x, upstream: np.where(upstream > 0, x, 0.0),
    ),
    combined(
        "inv", "in `inv_back` the arguments are exchanged", lambda x, upstream: -x / upstream**2
    ),
    broadcasting(
        "what broadcasting repeated is not added up: only the last repetition counts",
        _last_repetition,
    ),
    broadcasting(
        "what broadcasting repeated is not added up: only the first repetition counts",
        _first_repetition,
    ),
    broadcasting(
        "the mean over what broadcasting repeated is taken, not the sum", _mean_of_repetitions
    ),
    broadcasting("what broadcasting repeated is not added up", _not_summed),
    modelled(
        TASKS,
        "the gradient of `permute` is permuted forward again: it needs the inverse of the order",
        r"tensor\.permute",
        permuted_forward,
    ),
    raising(
        TASKS,
        "the gradient of `permute` is permuted forward again: it needs the inverse of the order",
        r"tensor\.permute",
        "Exception",
        _has_another_shape,
    ),
    modelled(TASKS, "the gradient of `permute` is not permuted", r"tensor\.permute", not_permuted),
    summed(
        "sum",
        "the gradient of a sum is divided among the elements",
        lambda x, g: g * g.size / x.size,
    ),
    summed(
        "sum",
        "the gradient of a sum ignores the gradient that arrives",
        lambda x, g: np.ones_like(x),
    ),
    summed("mean", "the gradient of a mean is that of a sum", lambda x, g: g),
    summed(
        "mean",
        "the gradient of a mean is divided by the number of all elements",
        lambda x, g: g / x.size,
    ),
    modelled(
        TASKS,
        "the gradient of an earlier call of backward is overwritten, not added to",
        r"tensor\.twice",
        overwritten,
    ),
]
