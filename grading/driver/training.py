"""Training the submission's networks on data that the judge sends.

The labels of the examples that a network is judged by never come here.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from grading.driver.family import Family
from grading.subject import Answer, Array, Request
from mt_autodiff import Scalar, no_grad, tensor
from mt_kernels_cpu import Fast
from mt_models.networks import CourseLeNet, KimCNN, ScalarMLP, TensorMLP
from mt_nn import SGD, Adam, Optimizer, binary_cross_entropy, nll_loss
from mt_nn.losses import binary_cross_entropy_with_logits
from mt_tensor import REFERENCE, Backend

family = Family()


@family.operation
def points(request: Request) -> Answer:
    """Learn points and their classes, a batch at a time; return the probabilities of class 1.

    Options: `model` ("scalar", or a tensor network on the "simple" or the "fast" backend),
    `hidden`, `rate`, `epochs`, `batch`, `seed`.
    """
    options = request.options
    xs, labels = request.arrays
    rng = np.random.default_rng(options["seed"])
    if options["model"] == "scalar":
        return Answer(request, (scalar_points(xs, labels, rng, options),))
    backend: Backend = Fast() if options["model"] == "fast" else REFERENCE
    network = TensorMLP(options["hidden"], rng, backend)

    def loss(chosen: npt.NDArray[np.int64]) -> Any:
        probabilities = network(tensor(xs[chosen], backend))
        return binary_cross_entropy(probabilities, labels[chosen].astype(np.int64))

    descend(len(xs), loss, SGD(network.parameters(), lr=options["rate"]), rng, options)
    with no_grad():
        return Answer(request, (network(tensor(xs, backend)).to_numpy().copy(),))


def scalar_points(xs: Array, labels: Array, rng: np.random.Generator, options: Any) -> Array:
    """Learn points with a network of scalars."""
    network = ScalarMLP(options["hidden"], rng)

    def loss(chosen: npt.NDArray[np.int64]) -> Any:
        total = Scalar(0.0)
        for probability, label in zip(network(xs[chosen]), labels[chosen], strict=True):
            total = total - (probability if label else 1.0 - probability).log()
        return total / len(chosen)

    descend(len(xs), loss, SGD(network.parameters(), lr=options["rate"]), rng, options)
    return np.array([probability.data for probability in network(xs)])


@family.operation
def digits(request: Request) -> Answer:
    """Learn digits from images and labels; return log-probabilities for further images."""
    images, labels, others = request.arrays
    backend, rng = Fast(), np.random.default_rng(request.options["seed"])
    network = CourseLeNet(rng, backend)
    optimizer = Adam(network.parameters(), lr=request.options["rate"])

    def loss(chosen: npt.NDArray[np.int64]) -> Any:
        log_probabilities = network(tensor(images[chosen], backend))
        return nll_loss(log_probabilities, labels[chosen].astype(np.int64))

    descend(len(images), loss, optimizer, rng, request.options)
    network.eval()
    with no_grad():
        return Answer(request, (network(tensor(others, backend)).to_numpy().copy(),))


@family.operation
def sentences(request: Request) -> Answer:
    """Learn sentences from rows of a table of vectors; return logits for further ones."""
    vectors, rows, labels, others = request.arrays
    backend, rng = Fast(), np.random.default_rng(request.options["seed"])
    network = KimCNN(vectors.astype(np.float32), rng, backend, maps=request.options["maps"])
    optimizer = Adam(network.parameters(), lr=request.options["rate"])

    def loss(chosen: npt.NDArray[np.int64]) -> Any:
        logits = network(rows[chosen].astype(np.int64))
        return binary_cross_entropy_with_logits(logits, labels[chosen].astype(np.int64))

    descend(len(rows), loss, optimizer, rng, request.options)
    network.eval()
    with no_grad():
        return Answer(request, (network(others.astype(np.int64)).to_numpy().copy(),))


def descend(
    count: int, loss: Any, optimizer: Optimizer, rng: np.random.Generator, options: Any
) -> None:
    """Go through the examples in shuffled batches."""
    for _ in range(options["epochs"]):
        order = rng.permutation(count)
        for start in range(0, count, options["batch"]):
            loss(order[start : start + options["batch"]]).backward()
            optimizer.step()
