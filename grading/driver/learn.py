"""Training of a submission's networks, some steps per request, on data that the judge sends.

The judge draws the batches, counts the steps, and does not send the labels of test data. The
network, its forward pass and all gradients are the submission's. The optimizer is Adam in NumPy,
the same for every submission.
"""

import random
from typing import Any

import numpy as np

from grading.driver.family import Family
from grading.driver.networks import Network, make_network
from grading.protocol.messages import Array, Request, Response

family = Family()

_current: dict[str, "Training"] = {}


class Training:
    """A network, and the state of Adam for its parameters.

    D. P. Kingma and J. Ba: Adam: a method for stochastic optimization, ICLR 2015, algorithm 1.
    """

    def __init__(self, network: Network, rate: float, decay: float) -> None:
        self.network = network
        self.rate = rate
        self.decay = decay
        self.steps = 0
        self.means = [np.zeros(p.array().shape) for p in network.parameters]
        self.squares = [np.zeros(p.array().shape) for p in network.parameters]

    def step(self, inputs: Array, labels: Array, rate: float) -> float:
        """Take a training step on a batch; return its loss."""
        loss = self.network.learn(inputs, labels)
        self.steps += 1
        for i, parameter in enumerate(self.network.parameters):
            gradient = parameter.gradient()
            if gradient is None:
                continue
            value = parameter.array()
            gradient = gradient + self.decay * value
            self.means[i] += 0.1 * (gradient - self.means[i])
            self.squares[i] += 0.001 * (gradient**2 - self.squares[i])
            mean = self.means[i] / (1.0 - 0.9**self.steps)
            square = self.squares[i] / (1.0 - 0.999**self.steps)
            parameter.set(value - rate * mean / (np.sqrt(square) + 1e-8))
        return loss


@family.operation
def begin(request: Request) -> Response:
    """Build a network; return its number of parameters.

    Options: `problem`, `rate`, `decay` and `seed`; all others are passed to the network.
    """
    options = dict(request.options)
    seed = options.pop("seed")
    # The course's networks draw their weights from Python's own generator.
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002
    rate, decay = options.pop("rate"), options.pop("decay", 0.0)
    network = make_network(options.pop("problem"), request.arrays, seed, options)
    _current["training"] = Training(network, rate, decay)
    return Response(request, plain=len(network.parameters))


@family.operation
def describe(request: Request) -> Response:
    """Run one forward and backward pass without a training step, and describe the parameters.

    Shape:
        inputs (batch, ...), labels (batch,).
    """
    network = _current["training"].network
    network.mode(train=True)
    network.learn(*request.arrays)
    reached = [parameter.gradient() is not None for parameter in network.parameters]
    arrays = [parameter.array() for parameter in network.parameters]
    for parameter, array in zip(network.parameters, arrays, strict=True):
        parameter.set(array)  # This also resets the gradient.
    return Response(request, plain={"sizes": [a.size for a in arrays], "reached": reached})


@family.operation
def steps(request: Request) -> Response:
    """Take one training step for each batch; return the losses.

    Shape:
        inputs (steps, batch, ...), labels (steps, batch), factors of the rate (steps,) → (steps,).
    """
    training = _current["training"]
    training.network.mode(train=True)
    losses = [
        training.step(inputs, labels, training.rate * float(factor))
        for inputs, labels, factor in zip(*request.arrays, strict=True)
    ]
    return Response(request, (np.array(losses),))


@family.operation
def predict(request: Request) -> Response:
    """Return the outputs of the network for further inputs.

    Shape:
        (steps, batch, ...) → (steps, batch, outputs).
    """
    network = _current["training"].network
    network.mode(train=False)
    outputs: list[Any] = [network.predict(inputs) for inputs in request.arrays[0]]
    return Response(request, (np.array(outputs, np.float64),))
