"""Mistakes in the gradients of tensors: task 2.4."""

from collections.abc import Callable

import numpy as np

from grading.checking.finding import Finding
from grading.checking.oracles.programs import PARTIALS, Program
from grading.checking.oracles.tensors import unbroadcast
from grading.diagnosis.backward import (
    COMPOSITIONS,
    SLOPES,
    Rule,
    backpropagated,
    wrong_rules,
)
from grading.diagnosis.mistakes import Mistake, gradient, modelled, raising
from grading.protocol.messages import Array, Request, Response

TASKS = ("2.4",)


def _all(request: Request, gradients: list[Array | None]) -> Response:
    return Response(request, gradients=tuple(gradients))


def slope(name: str, cause: str, rule: Rule, composed: frozenset[str]) -> Mistake:
    """Return a mistake in the gradient of one elementwise function.

    Args:
        name: The function.
        cause: The likely cause, see `Mistake`.
        rule: The wrong rule of the function.
        composed: The functions that the solution composes of others.
    """

    def model(request: Request) -> Response | None:
        called, upstream = request.operation.removeprefix("tensor."), request.upstream
        if upstream is None or called not in SLOPES:
            return None
        program: Program = [[called, *range(len(request.arrays))]]
        full = np.broadcast_arrays(upstream, *request.arrays)
        if called != name and called not in composed:
            return None
        rows = [
            backpropagated(program, xs, d, {name: rule}, composed)
            for d, *xs in zip(*(array.reshape(-1).tolist() for array in full), strict=True)
        ]
        gradients = np.array(rows).reshape(*upstream.shape, len(request.arrays))
        return _all(
            request,
            [unbroadcast(gradients[..., i], x.shape) for i, x in enumerate(request.arrays)],
        )

    return modelled(TASKS, cause, r"tensor\..*", model, composed=composed)


def broadcasting(cause: str, undo: Callable[[Array, tuple[int, ...]], Array]) -> Mistake:
    """Return a mistake in reducing a gradient to the shape of an operand that was broadcast.

    Args:
        cause: The likely cause, see `Mistake`.
        undo: Returns the wrong gradient of the full gradient and the shape of the operand.
    """

    def model(request: Request) -> Response | None:
        name = request.operation.removeprefix("tensor.")
        upstream = request.upstream
        if upstream is None or name not in PARTIALS or len(request.arrays) != 2:
            return None
        gradients: list[Array | None] = []
        for i, x in enumerate(request.arrays):
            if name == "div" and i == 1:  # `div` composes several functions.
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


def _expanded(wrong: Array, shape: tuple[int, ...]) -> Array:
    """Return a gradient of another shape as an engine adds it to a tensor of this shape.

    The engine broadcasts both to one shape and sums over what the tensor repeats. If the shapes
    cannot be broadcast, the gradient is returned unchanged.
    """
    try:
        common = np.broadcast_shapes(wrong.shape, shape)
    except ValueError:
        return wrong
    return unbroadcast(np.broadcast_to(wrong, common), shape)


def permuted_forward(request: Request) -> Response | None:
    """Permute the gradient by the order instead of its inverse."""
    if request.upstream is None:
        return None
    permuted = request.upstream.transpose(request.options["order"])
    return gradient(request, 0, _expanded(permuted, request.arrays[0].shape))


def _has_another_shape(request: Request) -> bool:
    """Return whether the gradient, permuted by the order, has another shape than the tensor."""
    if request.upstream is None:
        return False
    permuted = request.upstream.transpose(request.options["order"])
    return permuted.shape != request.arrays[0].shape


def not_permuted(request: Request) -> Response | None:
    """Return the upstream gradient unchanged."""
    if request.upstream is None:
        return None
    return gradient(request, 0, _expanded(request.upstream, request.arrays[0].shape))


def summed(name: str, cause: str, wrong: Callable[[Array, Array], Array]) -> Mistake:
    """Return a mistake in the gradient of a reduction.

    Args:
        name: The operation.
        cause: The likely cause, see `Mistake`.
        wrong: Returns the wrong gradient of the tensor and the upstream gradient.
    """

    def model(request: Request) -> Response | None:
        if request.upstream is None:
            return None
        (x,) = request.arrays
        return gradient(request, 0, np.broadcast_to(wrong(x, request.upstream), x.shape))

    return modelled(TASKS, cause, rf"tensor\.{name}", model)


REDUCED: tuple[tuple[str, Callable[[Array, Array], Array]], ...] = (
    ("is always 0", lambda x, g: g * 0.0),
    ("has the wrong sign", lambda x, g: -g),
    ("is multiplied by 2, so that it is twice as large as it has to be", lambda x, g: 2.0 * g),
    ("is half as large as it has to be", lambda x, g: g / 2.0),
    ("is multiplied by the tensor", lambda x, g: g * x),
    ("is multiplied by the number of elements", lambda x, g: g * x.size / g.size),
    ("is multiplied by itself", lambda x, g: g * g),
    ("contains only the first element of the upstream gradient", lambda x, g: g.reshape(-1)[:1]),
    ("is 1 more than the upstream gradient", lambda x, g: g + 1.0),
)
"""Wrong gradients of a sum, from the tensor and the upstream gradient."""


def summed_everywhere(cause: str, wrong: Callable[[Array, Array], Array]) -> Mistake:
    """Return a mistake in the gradient of a sum, which the mean of a tensor inherits."""

    def model(request: Request) -> Response | None:
        if request.upstream is None:
            return None
        (x,), dim, g = request.arrays, request.options.get("dim"), request.upstream
        if request.operation == "tensor.mean":
            g = g / (x.size if dim is None else x.shape[dim])
        if dim is None:
            g = g.reshape((1,) * x.ndim)
        return gradient(request, 0, np.broadcast_to(wrong(x, g), x.shape))

    return modelled(TASKS, cause, r"tensor\.(sum|mean)", model)


def moved(operation: str, cause: str, wrong: Callable[[Array], Array]) -> Mistake:
    """Return a change of the right gradient of an operation that only moves elements."""

    def model(request: Request) -> Response | None:
        if request.upstream is None:
            return None
        (x,), up = request.arrays, request.upstream
        right = (
            up.transpose(np.argsort(request.options["order"]))
            if operation == "permute"
            else up.reshape(x.shape)
        )
        return gradient(request, 0, wrong(right))

    return modelled(TASKS, cause, rf"tensor\.{operation}", model)


def overwritten(request: Request) -> Response | None:
    """Keep only the gradient of the last call of `backward`."""
    if request.upstream is None:
        return None
    a, b = request.arrays
    return _all(request, [request.upstream * b, request.upstream * a])


def without_gradients(finding: Finding) -> bool | None:
    """Return whether no operand has a gradient, whatever the function."""
    response = finding.response
    if response is None or not response.gradients:
        return None
    if any(gradient is not None for gradient in response.gradients):
        return False
    return None if finding.right else True


MISTAKES = [
    *(
        slope(name, cause, rule, composed)
        for name, cause, rule in wrong_rules("gradient")
        for composed in COMPOSITIONS
    ),
    broadcasting(
        "The gradient is not added up over broadcast dimensions: you keep only the last element.",
        _last_repetition,
    ),
    broadcasting(
        "The gradient is not added up over broadcast dimensions: you keep only the first element.",
        _first_repetition,
    ),
    broadcasting(
        "You take the mean of the gradient over broadcast dimensions. Take the sum.",
        _mean_of_repetitions,
    ),
    broadcasting("The gradient is not added up over broadcast dimensions.", _not_summed),
    modelled(
        TASKS,
        "You permute the gradient of `permute` by the same order. Use the inverse of the order.",
        r"tensor\.permute",
        permuted_forward,
    ),
    raising(
        TASKS,
        "You permute the gradient of `permute` by the same order. Use the inverse of the order.",
        r"tensor\.permute",
        "Exception",
        _has_another_shape,
    ),
    modelled(TASKS, "The gradient of `permute` is not permuted.", r"tensor\.permute", not_permuted),
    summed(
        "sum",
        "You divide the gradient of a sum by the number of elements. Do not divide it.",
        lambda x, g: g * g.size / x.size,
    ),
    summed(
        "sum",
        "You ignore the upstream gradient in the gradient of a sum.",
        lambda x, g: np.ones_like(x),
    ),
    summed(
        "mean", "The gradient of a mean is not divided by the number of elements.", lambda x, g: g
    ),
    summed(
        "mean",
        "You divide the gradient of a mean by the number of all elements. Divide by the "
        "size of the dimension.",
        lambda x, g: g / x.size,
    ),
    *(summed_everywhere(f"The gradient of a sum {words}.", wrong) for words, wrong in REDUCED),
    *(
        moved(operation, f"The gradient of `{operation}` {words}.", wrong)
        for operation in ("permute", "view")
        for words, wrong in (
            ("is always 0", lambda g: g * 0.0),
            ("has the wrong sign", lambda g: -g),
            ("is always 1: the upstream gradient is ignored", lambda g: g * 0.0 + 1.0),
            ("is twice as large as it has to be", lambda g: 2.0 * g),
        )
    ),
    Mistake(
        TASKS,
        "No gradient arrives at any operand: the chain rule passes nothing on.",
        without_gradients,
        predicts=True,
    ),
    modelled(
        TASKS,
        "The gradient of an earlier call of `backward` is overwritten. Add to it.",
        r"tensor\.twice",
        overwritten,
    ),
]
