"""Definition of a known mistake, and the test whether it explains a finding."""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from grading.checking.finding import Finding
from grading.diagnosis.memory import OutsideMemoryError
from grading.protocol.messages import Array, Plain, Request, Response

RELATIVE = 1e-6
"""Relative tolerance between a model's response and the received one.

A larger value confuses mistakes with similar results; a smaller one fails on rounding.
"""

ABSOLUTE = 1e-8
"""Absolute tolerance between a model's response and the received one."""

LARGEST = 3000
"""Number of input elements up to which models run: they read one element at a time."""

Gradients: TypeAlias = tuple[Array | None, Array | None]
"""The gradients of two operands; None for one that is not predicted."""

Model: TypeAlias = Callable[[Request], Response | None]
"""Returns the response of a wrong solution; None where it is right or cannot be predicted."""


@dataclass(frozen=True)
class Mistake:
    """A mistake that learners make.

    Attributes:
        tasks: The tasks in which learners make it.
        cause: The hint that a report shows as the likely cause: one or two sentences.
        explains: Returns whether the mistake leads to a finding; None if it does not apply to the
            request.
        predicts: True if the mistake predicts a response for each request that it applies to, so
            that a right response contradicts it. Otherwise it only recognises wrong responses.
        composed: The functions that the solution composes of others; None if this does not matter.
    """

    tasks: tuple[str, ...]
    cause: str
    explains: Callable[[Finding], bool | None]
    predicts: bool = False
    composed: frozenset[str] | None = None


def modelled(
    tasks: tuple[str, ...],
    cause: str,
    operation: str,
    model: Model,
    absolute: float = ABSOLUTE,
    composed: frozenset[str] | None = None,
    largest: int = LARGEST,
) -> Mistake:
    """Return a mistake that is recognised by the response of a solution with it.

    Args:
        tasks: As in `Mistake`.
        cause: The likely cause, see `Mistake`.
        operation: A regular expression for the operations that show the mistake.
        model: Returns the response of the wrong solution; parts that are right may be missing.
        absolute: Absolute tolerance of the comparison.
        composed: As in `Mistake`.
        largest: Number of input elements up to which the model runs.
    """

    def explains(finding: Finding) -> bool | None:
        request = finding.request
        if not re.fullmatch(operation, request.operation):
            return None
        if sum(array.size for array in request.arrays) > largest:
            return None
        try:
            with np.errstate(all="ignore"):
                response = model(request)
        except OutsideMemoryError:
            # A solution that reads outside the memory has no right answer.
            return False if finding.right else "IndexError" in finding.kinds[:1] or None
        except (IndexError, ValueError, ZeroDivisionError, OverflowError, KeyError) as error:
            # A solution with the mistake may raise the same exception as the model.
            return type(error).__name__ in finding.kinds[:1] or None
        if response is None:
            return None
        return _same(response, finding, absolute)

    return Mistake(tasks, cause, explains, predicts=True, composed=composed)


def gradients(
    tasks: tuple[str, ...],
    cause: str,
    operation: str,
    wrong: Callable[[Array, Array, Array], Gradients],
) -> Mistake:
    """Return a mistake in the gradients of two operands alone.

    Args:
        tasks: As in `Mistake`.
        cause: The likely cause, see `Mistake`.
        operation: A regular expression for the operations that show the mistake.
        wrong: Returns the gradients from both operands and the upstream gradient; None for one
            that is right.
    """

    def model(request: Request) -> Response | None:
        if request.upstream is None:
            return None
        first, second = request.arrays
        return Response(request, gradients=wrong(first, second, request.upstream))

    return modelled(tasks, cause, operation, model)


def raising(
    tasks: tuple[str, ...],
    cause: str,
    operation: str,
    kind: str,
    when: Callable[[Request], bool] = lambda request: True,
    message: str = "",
) -> Mistake:
    """Return a mistake that is recognised by an exception.

    Args:
        tasks: As in `Mistake`.
        cause: The likely cause, see `Mistake`.
        operation: A regular expression for the operations that show the mistake.
        kind: The name of the exception's class or of one of its bases.
        when: Returns whether the mistake raises the exception for a request.
        message: A part of the message.
    """

    def explains(finding: Finding) -> bool | None:
        if not re.fullmatch(operation, finding.request.operation):
            return None
        if not finding.kinds:
            return None
        return kind in finding.kinds and message in finding.sentence and when(finding.request)

    return Mistake(tasks, cause, explains)


def missing_gradient(tasks: tuple[str, ...], cause: str, operation: str) -> Mistake:
    """Return a mistake that is recognised by the missing gradient of an operand.

    Args:
        tasks: As in `Mistake`.
        cause: The likely cause, see `Mistake`.
        operation: A regular expression for the operations that show the mistake.
    """

    def explains(finding: Finding) -> bool | None:
        response = finding.response
        if not re.fullmatch(operation, finding.request.operation) or response is None:
            return None
        if finding.request.upstream is None:
            return None
        return all(gradient is None or not gradient.any() for gradient in response.gradients)

    return Mistake(tasks, cause, explains)


def result(request: Request, array: Array | float) -> Response:
    """Return a response of one array, converted to float64."""
    return Response(request, (np.asarray(array, np.float64),))


def gradient(request: Request, which: int, array: Array) -> Response:
    """Return a response with the gradient of one operand; those of the others are None."""
    gradients: list[Array | None] = [None] * len(request.arrays)
    gradients[which] = np.asarray(array, np.float64)
    return Response(request, gradients=tuple(gradients))


def plain(request: Request, value: Plain) -> Response:
    """Return a response of a plain value."""
    return Response(request, plain=value)


def _same(response: Response, finding: Finding, absolute: float) -> bool | None:
    """Return whether a model's response equals the received one in all parts that it predicts.

    None if the model does not predict the part that was compared.
    """
    received = finding.response
    if received is None:
        return None  # No model predicts the exceptions that a mistake causes elsewhere.
    parts: dict[str, tuple[Plain, Plain]] = {}
    for i, (model, array) in enumerate(zip(response.arrays, received.arrays, strict=False)):
        if model.size or not array.size:  # Otherwise it stands for a part without prediction.
            parts["the result" if len(received.arrays) == 1 else f"result {i}"] = array, model
    for i, (wrong, own) in enumerate(zip(response.gradients, received.gradients, strict=False)):
        name = f"the gradient of operand {i}"
        if wrong is not None and (own is not None or name == finding.name):
            parts[name] = own, wrong
    name = finding.name
    if response.plain is not None:
        parts[name] = received.plain, response.plain
    if name not in parts and "result 0" in parts and "gradient" not in name:
        name = "result 0"  # A required property of several results has no number.
    if name not in parts:
        return None
    return all(same_values(array, model, absolute) for array, model in parts.values())


def same_values(received: Plain, wrong: Plain, absolute: float = ABSOLUTE) -> bool:
    """Return whether two values are equal up to `RELATIVE` and an absolute tolerance."""
    if isinstance(received, np.ndarray) or isinstance(wrong, np.ndarray):
        if not (isinstance(received, np.ndarray) and isinstance(wrong, np.ndarray)):
            return False
        return received.shape == wrong.shape and bool(
            np.allclose(received, wrong, rtol=RELATIVE, atol=absolute, equal_nan=True)
        )
    if isinstance(wrong, dict) and isinstance(received, dict):
        return received.keys() == wrong.keys() and all(
            same_values(received[key], wrong[key], absolute) for key in wrong
        )
    if isinstance(wrong, list | tuple) and isinstance(received, list | tuple):
        return len(received) == len(wrong) and all(
            same_values(r, w, absolute) for r, w in zip(received, wrong, strict=True)
        )
    if isinstance(wrong, float) and isinstance(received, int | float):
        return math.isclose(received, wrong, rel_tol=RELATIVE, abs_tol=absolute)
    return bool(received == wrong)
