"""JAX, which compiles each case as one function with `jax.jit`."""

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt
from jax import lax

from asv_benchmarks.contenders.contender import Absent, Call, Contender, draw
from asv_benchmarks.training_cases import KERNELS, LEARNING_RATE, TrainingCase, Weights
from asv_benchmarks.workloads import Workload

Array = Any
"""An array of JAX; inside a compiled function, a tracer."""

MAPS: dict[str, Callable[..., Any]] = {
    "relu": jax.nn.relu,
    "exp": jnp.exp,
    "neg": jnp.negative,
    "sigmoid": jax.nn.sigmoid,
    "add": jnp.add,
    "mul": jnp.multiply,
    "matmul": jnp.matmul,
}


class WithJax(Contender):
    """JAX on the CPU."""

    name = "jax"

    def versions(self) -> dict[str, str]:
        """Return JAX's version."""
        return {"jax": jax.__version__}

    def operations(self) -> Mapping[str, Callable[[Workload], Call]]:
        """Return, for each operation, the function that prepares a case."""
        return {
            "train_step": self.train_step,
            "conv1d": _conv_forward,
            "conv2d": _conv_forward,
            "sum": _sum,
            **dict.fromkeys(MAPS, _elementwise),
        }

    def trainer(self, case: TrainingCase, rate: float = LEARNING_RATE) -> "JaxTrainer":
        """Return a trainer whose network has the weights of a case.

        Raises:
            Absent: The network is not written for JAX.
        """
        if case.network not in NETWORKS:
            raise Absent(f"the network {case.network} is not written for JAX")
        return JaxTrainer(case, rate)


class JaxTrainer:
    """One of our networks in JAX; one compiled function computes the whole step."""

    def __init__(self, case: TrainingCase, rate: float) -> None:
        """Build the step with the weights of the case."""
        network = NETWORKS[case.network]
        self.network = jax.jit(lambda weights, inputs: network(weights, inputs, None, 1.0))
        loss_of = _binary_cross_entropy if case.network == "kim" else _negative_log_likelihood
        keep = 0.75 if case.dropout else 1.0
        weights = {name: jnp.asarray(array) for name, array in case.weights().items()}
        frozen = {name: weights.pop(name) for name in [*weights] if name.startswith("embedding")}
        self.trained, self.frozen, self.key = weights, frozen, jax.random.key(0)

        def loss(weights: Any, frozen: Any, key: Any, inputs: Any, labels: Any) -> Any:
            return loss_of(network(weights | frozen, inputs, key, keep), labels)

        @jax.jit  # type: ignore[untyped-decorator]
        def train(weights: Any, frozen: Any, key: Any, inputs: Any, labels: Any) -> Any:
            key, now = jax.random.split(key)
            value, grads = jax.value_and_grad(loss)(weights, frozen, now, inputs, labels)
            stepped = {name: weights[name] - rate * grads[name] for name in weights}
            return value, stepped, key

        self.train = train

    def place(self, inputs: npt.NDArray[Any], labels: npt.NDArray[np.int64]) -> Any:
        """Return inputs and labels as arrays of JAX."""
        return jnp.asarray(inputs), jnp.asarray(labels)

    def step(self, batch: Any) -> Any:
        """Train one step on a converted batch and return the loss before the step."""
        loss, self.trained, self.key = self.train(self.trained, self.frozen, self.key, *batch)
        # The loss may be ready before the weights.
        jax.block_until_ready(self.trained)
        return loss

    def predict(self, inputs: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Return the output of the network for inputs, with dropout off."""
        return np.asarray(self.network(self.trained | self.frozen, jnp.asarray(inputs)))

    def weights(self) -> Weights:
        """Return the weights."""
        return {name: np.asarray(value) for name, value in (self.frozen | self.trained).items()}


def _convolve(x: Array, weight: Array, padding: Any) -> Array:
    ones = (1,) * (x.ndim - 2)
    return lax.conv_general_dilated(x, weight, ones, padding)


def _dropout(x: Array, key: Array, keep: float) -> Array:
    if keep == 1.0:
        return x
    return jnp.where(jax.random.bernoulli(key, keep, x.shape), x / keep, 0.0)


def _linear(w: Any, layer: str, x: Array) -> Array:
    return x @ w[f"{layer}.weight"] + w[f"{layer}.bias"]


def _conv_relu(w: Any, layer: str, x: Array, padding: Any) -> Array:
    """Return a convolution with bias and ReLU."""
    bias = w[f"{layer}.bias"].reshape(-1, *(1,) * (x.ndim - 2))
    return jax.nn.relu(_convolve(x, w[f"{layer}.weight"], padding) + bias)


def _course_lenet(w: Any, x: Array, key: Array, keep: float) -> Array:
    x = _conv_relu(w, "conv1", x, ((0, 2), (0, 2)))
    x = _conv_relu(w, "conv2", x, ((0, 2), (0, 2)))
    window = (1, 1, 4, 4)
    x = lax.reduce_window(x, 0.0, lax.add, window, window, "VALID") / 16.0
    x = _dropout(jax.nn.relu(_linear(w, "hidden", x.reshape(-1, 392))), key, keep)
    return jax.nn.log_softmax(_linear(w, "output", x))


def _maxpool(x: Array) -> Array:
    window = (1, 1, 2, 2)
    return lax.reduce_window(x, -jnp.inf, lax.max, window, window, "VALID")


def _lenet5(w: Any, x: Array, key: Array, keep: float) -> Array:
    x = _maxpool(_conv_relu(w, "conv1", x, ((2, 2), (2, 2))))
    x = _maxpool(_conv_relu(w, "conv2", x, "VALID")).reshape(-1, 400)
    x = jax.nn.relu(_linear(w, "hidden1", x))
    x = jax.nn.relu(_linear(w, "hidden2", x))
    return jax.nn.log_softmax(_linear(w, "output", x))


def _kim(w: Any, rows: Array, key: Array, keep: float) -> Array:
    x = w["embedding.weight"][rows].transpose(0, 2, 1)
    features = sum(
        _conv_relu(w, f"convolutions.{at}", x, ((0, kernel - 1),)).max(2)
        for at, kernel in enumerate(KERNELS)
    )
    return _dropout(_linear(w, "output", features), key, keep).reshape(-1)


NETWORKS: dict[str, Callable[..., Array]] = {
    "course": _course_lenet,
    "lenet5": _lenet5,
    "kim": _kim,
}


def _negative_log_likelihood(log_probabilities: Array, labels: Array) -> Array:
    return -jnp.take_along_axis(log_probabilities, labels[:, None], 1).mean()


def _binary_cross_entropy(logits: Array, labels: Array) -> Array:
    return (jnp.logaddexp(0.0, logits) - logits * labels).mean()


def _compiled(fn: Callable[..., Any], *operands: Any) -> Call:
    """Return a call of the compiled function that waits for the result."""
    compiled = jax.jit(fn)
    return lambda: compiled(*operands).block_until_ready()


def _conv_forward(case: Workload) -> Call:
    """Prepare a convolution as ours: zeros after the input, so that the output is as large."""
    input, weight = _place(case)
    padding = tuple((0, kernel - 1) for kernel in weight.shape[2:])
    return _compiled(lambda x, w: _convolve(x, w, padding), input, weight)


def _elementwise(case: Workload) -> Call:
    return _compiled(MAPS[case.operation], *_place(case))


def _sum(case: Workload) -> Call:
    (a,), dim = _place(case), case.options["dim"]
    return _compiled(lambda x: x.sum(dim, keepdims=True), a)


def _place(case: Workload) -> list[Any]:
    """Return the operands; JAX copies a transposed operand into row-major order."""
    return [jnp.asarray(array) for array in draw(case)]
