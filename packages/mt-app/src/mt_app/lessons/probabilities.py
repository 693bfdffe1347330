"""Softmax step by step with its gradients, and dropout."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mt_autodiff import ones, tensor
from mt_nn import Dropout, cross_entropy, dropout, logsoftmax, max, softmax
from mt_tensor import operators

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Softmax:
    """The steps from logits to probabilities.

    Attributes:
        logits: The logits, (n,).
        shifted: The logits minus the largest one, (n,).
        exponentials: The exponentials of the shifted logits, at most 1, (n,).
        naive: The exponentials of the logits, infinite for large ones, (n,).
        probabilities: The probabilities, (n,).
        log_probabilities: The log-probabilities, (n,).
        jacobian: The derivative of probability i with respect to logit j, (n, n).
        loss: The cross-entropy for the class `label`.
        loss_gradient: The gradient of the loss with respect to the logits, (n,).
        label: The true class.
    """

    logits: Array
    shifted: Array
    exponentials: Array
    naive: Array
    probabilities: Array
    log_probabilities: Array
    jacobian: Array
    loss: float
    loss_gradient: Array
    label: int


def softmax_steps(logits: npt.ArrayLike, label: int) -> Softmax:
    """Compute softmax and cross-entropy forward and backward.

    Raises:
        IndexError: The label is out of range.
    """
    numbers = np.asarray(logits, np.float64)
    if not 0 <= label < len(numbers):
        raise IndexError(f"softmax_steps: label {label}; the classes are 0 to {len(numbers) - 1}")
    x = tensor(numbers[None])
    shifted = x - max(x, 1)
    leaf = tensor(numbers[None], requires_grad=True)
    loss = cross_entropy(leaf, np.array([label]))
    loss.backward()
    assert leaf.grad is not None
    return Softmax(
        numbers,
        shifted.to_numpy()[0],
        shifted.exp().to_numpy()[0],
        np.array([operators.exp(z) for z in numbers.tolist()]),
        softmax(x, 1).to_numpy()[0],
        logsoftmax(x, 1).to_numpy()[0],
        _jacobian(numbers),
        float(loss),
        leaf.grad.to_numpy()[0],
        label,
    )


def _jacobian(logits: Array) -> Array:
    """Return the Jacobian of the probabilities, (n, n)."""
    rows = []
    for chosen in np.eye(len(logits)):
        x = tensor(logits[None], requires_grad=True)
        softmax(x, 1).backward(tensor(chosen[None]))
        assert x.grad is not None
        rows.append(x.grad.to_numpy()[0])
    return np.array(rows)


@dataclass(frozen=True, slots=True, eq=False)
class Dropped:
    """The results of dropout for a layer's outputs.

    Attributes:
        input: The outputs of the layer, (rows, columns).
        function: The result of the course's function `dropout`: the rest is unchanged.
        layer: The result of the layer `Dropout` in training: the rest is scaled.
        evaluated: The result of the layer in evaluation.
        gradient: The gradient of the sum of `function`.
    """

    input: Array
    function: Array
    layer: Array
    evaluated: Array
    gradient: Array


def drop(input: npt.ArrayLike, rate: float, seed: int) -> Dropped:
    """Apply the function and the layer with the same random numbers.

    Raises:
        ValueError: The rate is not a probability.
    """
    array = np.asarray(input, np.float64)
    x = tensor(array, requires_grad=True)
    out = dropout(x, rate, rng=seed, scale=1.0)
    out.sum().backward()
    assert x.grad is not None
    layer = Dropout(rate, rng=seed)
    trained = layer(tensor(array)).to_numpy()
    layer.eval()
    evaluated = layer(tensor(array)).to_numpy()
    return Dropped(array, out.to_numpy(), trained, evaluated, x.grad.to_numpy())


def mean_after(rate: float, draws: int, seed: int) -> tuple[Array, Array]:
    """Return the running mean of dropout of the number 1.

    Args:
        rate: The probability of a zero.
        draws: The number of draws.
        seed: The seed of the draws.

    Returns:
        The mean after each draw, of the function and of the layer, (draws,) each.
    """
    counts = np.arange(1, draws + 1)
    plain = dropout(ones((draws,)), rate, rng=seed, scale=1.0).to_numpy()
    scaled = Dropout(rate, rng=seed)(ones((draws,))).to_numpy()
    return np.cumsum(plain) / counts, np.cumsum(scaled) / counts
