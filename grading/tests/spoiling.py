"""Subjects with one mistake: they hand requests on to the packages and spoil some answers."""

import re
from collections.abc import Callable
from typing import Any

import numpy as np

from grading.driver.in_process import InProcessSubject
from grading.protocol.messages import Array, Request, Response, Subject

Mistake = Callable[[Response], Response]


class Spoiled(Subject):
    """The packages, with a mistake in the answers to some requests."""

    def __init__(self, pattern: str, mistake: Mistake) -> None:
        self.pattern = pattern
        self.mistake = mistake
        self.packages = InProcessSubject()
        self.folder = self.packages.folder

    def answer(self, request: Request) -> Response:
        answer = self.packages.answer(request)
        return self.mistake(answer) if re.fullmatch(self.pattern, request.operation) else answer


def array(change: Callable[[Request, Array], Array]) -> Mistake:
    """Spoil the first result."""

    def mistake(answer: Response) -> Response:
        first, *others = answer.arrays
        wrong = np.asarray(change(answer.request, first.copy()), np.float64)
        return Response(answer.request, (wrong, *others), answer.gradients, answer.plain)

    return mistake


def second(change: Callable[[Request, Array], Array]) -> Mistake:
    """Spoil the second result: of scalars the derivatives, of kernels the guard cells."""

    def mistake(answer: Response) -> Response:
        if len(answer.arrays) < 2:
            return answer
        first, other, *others = answer.arrays
        wrong = change(answer.request, other.copy())
        return Response(answer.request, (first, wrong, *others))

    return mistake


def gradient(which: int, change: Callable[[Request, Array], Array | None]) -> Mistake:
    """Spoil the gradient of one operand."""

    def mistake(answer: Response) -> Response:
        gradients = list(answer.gradients)
        right = gradients[which] if gradients else None
        if right is not None:
            gradients[which] = change(answer.request, right.copy())
        return Response(answer.request, answer.arrays, tuple(gradients), answer.plain)

    return mistake


def plain(change: Callable[[Request, Any], Any]) -> Mistake:
    """Spoil a result that is not an array."""
    return lambda answer: Response(
        answer.request, answer.arrays, plain=change(answer.request, answer.plain)
    )


def formula(name: str, wrong: Callable[..., float]) -> tuple[str, Mistake]:
    """Replace a scalar formula."""

    def change(request: Request, right: Array) -> Array:
        if request.options["formula"] != name:
            return right
        return np.array([wrong(*xs) for xs in zip(*request.arrays, strict=True)])

    return "operators.each", array(change)
