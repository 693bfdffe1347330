"""Fused forms of losses: one pass for the value, one for the gradient.

Scores of three rows of four classes; the targets are 1, 3 and 0::

    scores          probabilities      loss                gradient / (g / 3)
    x  [x]  x  x    p  p  p  p         - log p[0, 1]       p  p-1  p  p
    x  x  x  [x]    p  p  p  p         - log p[1, 3]       p  p  p  p-1
    [x]  x  x  x    p  p  p  p         - log p[2, 0]       p-1  p  p  p
                                     = sum, divided by 3

The losses of all rows are added in double precision: a sum in single precision stalls.
"""

import math
from abc import abstractmethod
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from mt_kernels_cpu.compiling.jit import helper, strict_kernel
from mt_kernels_cpu.tuned.layers.probabilities import row_max, row_sum
from mt_kernels_cpu.tuned.memory import Memory
from mt_kernels_cpu.tuned.operations.formulas import formula_for
from mt_tensor import FusedForm, Gradients, TensorData, host_array, operators, recording
from mt_tensor.fused.targets import class_targets, flat_targets, min_probability
from mt_tensor.layout import Storage


class NllLoss(FusedForm[Memory]):
    r"""Negative log-likelihood $-\frac{1}{N} \sum_n l_{n, t_n}$.

    Only the elements of the targets have a gradient.
    """

    @staticmethod
    def forward(
        backend: Memory, needs_grad: tuple[bool, ...], log_probabilities: TensorData, targets: Any
    ) -> Any:
        """Compute the loss, (1,).

        Returns None, so that the composed function runs, if targets are not one class for each row.

        Shape:
            log_probabilities (N, classes), targets (N,) → (1,).
        """
        classes = class_numbers(backend, needs_grad, log_probabilities, targets)
        if classes is None:
            return None
        out = backend.new((1,))
        elements = backend.elements(log_probabilities)
        if not nll(backend.dtype)(out.storage, elements, classes, log_probabilities.shape[1]):
            return None
        return out, (log_probabilities.shape, classes, len(needs_grad))

    @staticmethod
    def backward(backend: Memory, saved: Any, grad: TensorData) -> Gradients:
        """Return the gradient: -1 / N times `grad` at the targets, 0 elsewhere."""
        shape, classes, tensors = saved
        to = backend.new(shape)
        nll_back(backend.dtype)(to.storage, grad.storage, classes, shape[1])
        return (to, None)[:tensors]


class CrossEntropy(FusedForm[Memory]):
    r"""Mean of $-\log \mathrm{softmax}(x)_{t}$; $\bar x_n = (p_n - e_{t_n}) / N$."""

    @staticmethod
    def forward(
        backend: Memory, needs_grad: tuple[bool, ...], logits: TensorData, targets: Any
    ) -> Any:
        """Compute the loss, and keep the probabilities for the gradient.

        Returns None, so that the composed function runs, if targets are not one class for each row.

        Shape:
            logits (N, classes), targets (N,) → (1,).
        """
        classes = class_numbers(backend, needs_grad, logits, targets)
        if classes is None:
            return None
        out, p = backend.new((1,)), backend.new(logits.shape)
        scores = backend.elements(logits)
        kernel = cross_entropy(backend.dtype)
        if not kernel(out.storage, p.storage, scores, classes, logits.shape[1]):
            return None
        return out, (p, classes, len(needs_grad))

    @staticmethod
    def backward(backend: Memory, saved: Any, grad: TensorData) -> Gradients:
        """Return the gradient of the logits, computed from the probabilities."""
        p, classes, tensors = saved
        to = backend.new(p.shape)
        cross_entropy_back(backend.dtype)(to.storage, p.storage, grad.storage, classes, p.shape[1])
        return (to, None)[:tensors]


class _Binary(FusedForm[Memory]):
    """Base of the binary losses: the mean over all elements, each with its target."""

    @staticmethod
    @abstractmethod
    def kernels(dtype: np.dtype[Any]) -> tuple[Any, Any]:
        """Return forward, ``kernel(out, x, t)``, and backward, ``kernel(to, x, t, g)``.

        Forward returns False for a probability or target outside of [0, 1].
        """

    @classmethod
    def forward(
        cls, backend: Memory, needs_grad: tuple[bool, ...], input: TensorData, targets: Any
    ) -> Any:
        """Compute the loss.

        Returns None, so that the composed function runs, if targets need a gradient or are not one
        number for each element, for an empty input, and for targets or probabilities outside of [0,
        1].

        Shape:
            input (...), targets of the same shape → (1,).
        """
        if any(needs_grad[1:]) or input.size == 0:
            return None
        if isinstance(targets, TensorData):
            targets = host_array(targets)
        # A copy: the caller may change its array before the backward pass.
        target_values = recording.computed(flat_targets, targets, input.shape, backend.dtype)
        if target_values is None:
            return None
        out, elements = backend.new((1,)), backend.elements(input)
        forward, _ = cls.kernels(backend.dtype)
        if not forward(out.storage, elements, target_values):
            return None
        return out, (input, target_values, len(needs_grad))

    @classmethod
    def backward(cls, backend: Memory, saved: Any, grad: TensorData) -> Gradients:
        """Return the gradient of the input, computed from input and targets."""
        input, target_values, tensors = saved
        to = backend.new(input.shape)
        elements = backend.elements(input)
        _, backward = cls.kernels(backend.dtype)
        backward(to.storage, elements, target_values, grad.storage)
        return (to, None)[:tensors]


class BinaryCrossEntropy(_Binary):
    r"""Mean of $-(t \log p + (1 - t) \log(1 - p))$; $\bar p = ((1-t)/(1-p) - t/p) / N$.

    As in the definition, $p$ and $1 - p$ count as at least $e^{-100}$ or the smallest normal
    number, whichever is larger, and have no gradient below.
    """

    @staticmethod
    def kernels(dtype: np.dtype[Any]) -> tuple[Any, Any]:
        """Return the compiled loops forward and backward."""
        return bce_of_probabilities(dtype), bce_of_probabilities_back(dtype)


class BinaryCrossEntropyWithLogits(_Binary):
    r"""Mean of $\log(1 + e^x) - t x$; $\bar x = (\sigma(x) - t) / N$."""

    @staticmethod
    def kernels(dtype: np.dtype[Any]) -> tuple[Any, Any]:
        """Return the compiled loops forward and backward."""
        return bce(dtype), bce_back(dtype)


def class_numbers(
    backend: Memory, needs_grad: tuple[bool, ...], scores: TensorData, targets: Any
) -> npt.NDArray[np.int64] | None:
    """Return a copy of the targets, None unless there is one integer for each row."""
    if len(scores.shape) != 2 or scores.size == 0 or any(needs_grad[1:]):
        return None
    if isinstance(targets, TensorData):
        targets = host_array(targets)
    rows = scores.shape[:1]
    if isinstance(targets, np.ndarray) and targets.dtype == np.int64 and targets.shape == rows:
        # The most frequent case: a recorded step repeats it without Python.
        return recording.copied(targets)
    return recording.computed(class_targets, targets, rows[0])


@lru_cache
def nll(dtype: np.dtype[Any]) -> Any:
    """Return the forward loop ``kernel(out, log_p, classes, count)``.

    It returns False for a class out of range.

    Shape:
        out (1,), log_p (N · count,), classes (N,).
    """

    def nll_forward(out: Storage, log_p: Storage, classes: Storage, count: int) -> bool:
        total = 0.0
        for n in range(len(classes)):
            if not 0 <= classes[n] < count:
                return False
            total += log_p[n * count + classes[n]]
        out[0] = -total / len(classes)
        return True

    return strict_kernel(nll_forward)


@lru_cache
def nll_back(dtype: np.dtype[Any]) -> Any:
    """Return the backward loop of `nll`, ``kernel(to, g, classes, count)``."""
    number = dtype.type

    def nll_backward(to: Storage, g: Storage, classes: Storage, count: int) -> None:
        share = -g[0] / number(len(classes))
        for i in range(len(to)):
            to[i] = number(0)
        for n in range(len(classes)):
            to[n * count + classes[n]] = share

    return strict_kernel(nll_backward)


@lru_cache
def cross_entropy(dtype: np.dtype[Any]) -> Any:
    """Return the forward loop ``kernel(out, p, x, classes, count)``.

    It also writes the probabilities `p`. It returns False for a class out of range.

    Shape:
        out (1,), p and x (N · count,), classes (N,).
    """
    exp, number = formula_for(operators.exp, dtype), dtype.type

    def cross_entropy_forward(
        out: Storage, p: Storage, x: Storage, classes: Storage, count: int
    ) -> bool:
        cost = 0.0
        for n in range(len(classes)):
            if not 0 <= classes[n] < count:
                return False
            scores, to = x[n * count : (n + 1) * count], p[n * count : (n + 1) * count]
            top = row_max(scores)
            for j in range(len(to)):
                to[j] = exp(scores[j] - top)
            total = row_sum(to)
            cost -= (scores[classes[n]] - top) - number(math.log(total))
            for j in range(len(to)):
                to[j] = to[j] / total
        out[0] = cost / len(classes)
        return True

    return strict_kernel(cross_entropy_forward)


@lru_cache
def cross_entropy_back(dtype: np.dtype[Any]) -> Any:
    """Return the backward loop of `cross_entropy`, ``kernel(to, p, g, classes, count)``."""
    number = dtype.type

    def cross_entropy_backward(
        to: Storage, p: Storage, g: Storage, classes: Storage, count: int
    ) -> None:
        share = g[0] / number(len(classes))
        for i in range(len(to)):
            to[i] = p[i] * share
        for n in range(len(classes)):
            to[n * count + classes[n]] -= share

    return strict_kernel(cross_entropy_backward)


@lru_cache
def bce_of_probabilities(dtype: np.dtype[Any]) -> Any:
    """Return the forward loop ``kernel(out, p, t)``.

    It returns False for a number outside of [0, 1].

    Shape:
        out (1,), p and t (N,).
    """
    number, least = dtype.type, dtype.type(min_probability(dtype))
    relu = formula_for(operators.relu, dtype)

    def bce_of_probabilities_forward(out: Storage, p: Storage, t: Storage) -> bool:
        total = 0.0
        for i in range(len(p)):
            for x in (p[i], t[i]):
                if x < number(0) or x > number(1):
                    return False
            log_p = number(math.log(relu(p[i] - least) + least))
            log_q = number(math.log(relu(number(1) - p[i] - least) + least))
            total -= log_p * t[i] + log_q * (number(1) - t[i])
        out[0] = total / len(p)
        return True

    return strict_kernel(bce_of_probabilities_forward)


@lru_cache
def bce_of_probabilities_back(dtype: np.dtype[Any]) -> Any:
    """Return the backward loop of `bce_of_probabilities`, ``kernel(to, p, t, g)``."""
    number, least = dtype.type, dtype.type(min_probability(dtype))

    @helper
    def slope(x: float) -> float:
        above = x - least
        result: float = number(1) / (above + least) if above > number(0) else number(0)
        return result

    def bce_of_probabilities_backward(to: Storage, p: Storage, t: Storage, g: Storage) -> None:
        share = g[0] / number(len(p))
        for i in range(len(p)):
            one_minus_t = number(1) - t[i]
            to[i] = (one_minus_t * slope(number(1) - p[i]) - t[i] * slope(p[i])) * share

    return strict_kernel(bce_of_probabilities_backward)


@lru_cache
def bce(dtype: np.dtype[Any]) -> Any:
    """Return the forward loop ``kernel(out, x, t)``.

    It returns False for a target outside of [0, 1].

    Shape:
        out (1,), x and t (N,).
    """
    exp, number = formula_for(operators.exp, dtype), dtype.type

    def bce_forward(out: Storage, x: Storage, t: Storage) -> bool:
        total = 0.0
        for i in range(len(x)):
            if t[i] < number(0) or t[i] > number(1):
                return False
            top = number(0) if x[i] <= number(0) else x[i]
            log_sum = number(math.log(exp(-top) + exp(x[i] - top)))
            # Large terms first: they may cancel, and adding the small one last keeps its digits.
            total += (top - x[i] * t[i]) + log_sum
        out[0] = total / len(x)
        return True

    return strict_kernel(bce_forward)


@lru_cache
def bce_back(dtype: np.dtype[Any]) -> Any:
    """Return the backward loop of `bce`, ``kernel(to, x, t, g)``."""
    sigmoid, number = formula_for(operators.sigmoid, dtype), dtype.type

    def bce_backward(to: Storage, x: Storage, t: Storage, g: Storage) -> None:
        share = g[0] / number(len(x))
        for i in range(len(x)):
            to[i] = (sigmoid(x[i]) - t[i]) * share

    return strict_kernel(bce_backward)
