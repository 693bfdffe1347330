"""Softmax step by step, its gradients, and what dropout leaves of a layer."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mt_autodiff import ones, tensor
from mt_nn import Dropout, cross_entropy, dropout, logsoftmax, max, softmax
from mt_tensor import operators

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Softmax:
    """Logits on their way to probabilities.

    Attributes:
        logits: (n,).
        shifted: (n,), the largest one taken away.
        exponentials: (n,), of the shifted logits: none is larger than 1.
        naive: (n,), of the logits themselves: infinite if they are large.
        probabilities: (n,).
        log_probabilities: (n,).
        jacobian: (n, n): how probability i changes with logit j.
        loss: The cross-entropy, if class `label` is the right one.
        loss_gradient: (n,): how the loss changes with each logit.
        label: The right class.
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
    """Go from logits to probabilities, and from the loss back.

    Raises:
        IndexError: No logit has the number of the label.
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
    """Differentiate one probability after the other, (n, n)."""
    rows = []
    for chosen in np.eye(len(logits)):
        x = tensor(logits[None], requires_grad=True)
        softmax(x, 1).backward(tensor(chosen[None]))
        assert x.grad is not None
        rows.append(x.grad.to_numpy()[0])
    return np.array(rows)


@dataclass(frozen=True, slots=True, eq=False)
class Dropped:
    """What dropout makes of a layer's outputs.

    Attributes:
        input: (rows, columns).
        function: What the function `dropout` returns: zeros, and the rest as it was.
        layer: What the layer `Dropout` returns in training: the rest is enlarged.
        evaluated: What the layer returns in evaluation.
        gradient: How the sum of `function` changes with each input.
    """

    input: Array
    function: Array
    layer: Array
    evaluated: Array
    gradient: Array


def drop(input: npt.ArrayLike, rate: float, seed: int) -> Dropped:
    """Drop elements by the function and by the layer, with the same draws.

    Raises:
        ValueError: The rate is not a probability.
    """
    array = np.asarray(input, np.float64)
    x = tensor(array, requires_grad=True)
    out = dropout(x, rate, rng=seed)
    out.sum().backward()
    assert x.grad is not None
    layer = Dropout(rate, rng=seed)
    trained = layer(tensor(array)).to_numpy()
    layer.eval()
    evaluated = layer(tensor(array)).to_numpy()
    return Dropped(array, out.to_numpy(), trained, evaluated, x.grad.to_numpy())


def mean_after(rate: float, draws: int, seed: int) -> tuple[Array, Array]:
    """Return the running mean of what becomes of a 1 under dropout.

    Args:
        rate: The probability of a zero.
        draws: How often.
        seed: Of the draws.

    Returns:
        The mean after each draw, by the function and by the layer, (draws,) each.
    """
    counts = np.arange(1, draws + 1)
    plain = dropout(ones((draws,)), rate, rng=seed).to_numpy()
    scaled = Dropout(rate, rng=seed)(ones((draws,))).to_numpy()
    return np.cumsum(plain) / counts, np.cumsum(scaled) / counts
