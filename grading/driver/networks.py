"""A common interface to the networks of a submission, for both layouts."""

import importlib
import importlib.util
import sys
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from grading.driver import editions
from grading.driver.arrays import elements
from grading.driver.results import number
from grading.protocol.messages import Array

MIDDLE = 0.5
"""Threshold between the labels of class 0 and class 1."""


class Parameter:
    """Access to a parameter of a submission whose value is a tensor."""

    def __init__(self, parameter: Any) -> None:
        self._parameter = parameter

    def array(self) -> Array:
        """Return the value."""
        return read(self._parameter.value)

    def gradient(self) -> Array | None:
        """Return the gradient; None if there is none."""
        gradient = self._parameter.value.grad
        return None if gradient is None else read(gradient)

    def set(self, array: Array) -> None:
        """Set the value in place, and reset the gradient."""
        data = memory(self._parameter.value)
        strides = [stride * data._storage.itemsize for stride in data.strides]
        np.lib.stride_tricks.as_strided(data._storage, data.shape, strides)[...] = array
        editions.forget_gradient(self._parameter.value, "grad")


class ScalarParameter(Parameter):
    """Access to a parameter of a submission whose value is a scalar."""

    def array(self) -> Array:
        """Return the value."""
        return np.array(number(self._parameter.value.data, "the data of a Scalar"))

    def gradient(self) -> Array | None:
        """Return the derivative; None if there is none."""
        derivative = self._parameter.value.derivative
        return None if derivative is None else np.array(number(derivative, "a derivative"))

    def set(self, array: Array) -> None:
        """Set the value, and reset the derivative."""
        self._parameter.value.data = float(array)
        editions.forget_gradient(self._parameter.value, "derivative")


class Network(ABC):
    """A network that learns.

    Attributes:
        module: The submission's network.
        parameters: Its parameters.
    """

    parameter: type[Parameter] = Parameter

    def __init__(self, module: Any) -> None:
        self.module = module
        self.parameters = [self.parameter(p) for p in module.parameters()]

    def mode(self, train: bool) -> None:
        """Set the network to training or to evaluation."""
        if train:
            self.module.train()
        else:
            self.module.eval()

    @abstractmethod
    def learn(self, inputs: Array, labels: Array) -> float:
        """Compute the gradients of the mean loss of a batch; return the loss."""

    @abstractmethod
    def predict(self, inputs: Array) -> Array:
        """Return the outputs for a batch."""


class TensorNetwork(Network):
    """A network of tensors.

    Args:
        module: The network.
        make: Converts an array to a tensor on the backend of the network.
        classes: Number of outputs. Several outputs are logarithms of probabilities; a single one
            is the probability of class 1.
        logits: True if the single output is a logit instead.
    """

    def __init__(self, module: Any, make: Any, classes: int = 1, logits: bool = False) -> None:
        super().__init__(module)
        self.make = make
        self.classes = classes
        self.logits = logits

    def inputs(self, inputs: Array) -> Any:
        """Return a batch in the form that the network expects."""
        return self.make(inputs)

    def forward(self, inputs: Array) -> Any:
        """Return the outputs: logarithms (batch, classes), or probabilities (batch,)."""
        out = self.module.forward(self.inputs(inputs))
        if self.classes > 1:
            return out.view(len(inputs), self.classes)
        out = out.view(len(inputs))
        return out.sigmoid() if self.logits else out

    def learn(self, inputs: Array, labels: Array) -> float:
        """Go forward and backward."""
        out = self.forward(inputs)
        if self.classes > 1:
            one_hot = np.eye(self.classes)[labels.astype(np.int64)]
            chosen = out * self.make(one_hot)
        else:
            y = self.make(labels)
            chosen = (out * y + (out - 1.0) * (y - 1.0)).log()
        loss = -chosen.sum().view(1) / len(inputs)
        loss.backward()
        return float(read(loss)[0])

    def predict(self, inputs: Array) -> Array:
        """Go forward."""
        return read(self.forward(inputs))


class TextNetwork(TensorNetwork):
    """A language model: rows of characters to the scores of the next character."""

    def forward(self, inputs: Array) -> Any:
        """Return the scores of each position (batch · length, classes)."""
        return self.module(self.make(inputs)).view(inputs.size, self.classes)

    def learn(self, inputs: Array, labels: Array) -> float:
        """Go forward and backward with the submission's loss."""
        loss: Any = importlib.import_module("minitorch.nn").softmax_loss
        rows = loss(self.forward(inputs), self.make(labels.reshape(-1)))
        mean = rows.sum().view(1) / inputs.size
        mean.backward()
        return float(read(mean)[0])

    def predict(self, inputs: Array) -> Array:
        """Return the scores (batch, length, classes)."""
        return read(self.forward(inputs)).reshape(*inputs.shape, self.classes)


class ScalarNetwork(Network):
    """A network of scalars, one point at a time."""

    parameter = ScalarParameter

    def __init__(self, module: Any, scalar: Any, forward: Any) -> None:
        super().__init__(module)
        self.scalar = scalar
        self.forward = forward

    def learn(self, inputs: Array, labels: Array) -> float:
        """Go forward and backward."""
        total = 0.0
        for point, label in zip(inputs, labels, strict=True):
            out = self.forward(self.module, point)
            loss = -(out if label > MIDDLE else -out + 1.0).log()
            (loss / float(len(inputs))).backward()
            total += number(loss.data, "the data of a Scalar") / len(inputs)
        return total

    def predict(self, inputs: Array) -> Array:
        """Go forward."""
        outputs = [self.forward(self.module, point).data for point in inputs]
        return np.array([number(each, "the data of a Scalar") for each in outputs])


def make_network(problem: str, arrays: Sequence[Array], seed: int, options: Any) -> Network:
    """Build a network of the submission.

    Args:
        problem: "scalar", "simple" or "fast" for points in the plane; "digits", "sentences" or
            "text".
        arrays: For sentences, the table of word vectors.
        seed: The seed of the weights.
        options: `hidden`, the number of hidden units, for points; `maps`, the number of kernels of
            each width, for sentences; the arguments of the language model, for text.
    """
    if problem == "text":
        return _of_text(options)
    try:
        importlib.import_module("mt_models")
    except ImportError:
        return _of_scripts(problem, arrays, options)
    return _of_packages(problem, arrays, seed, options)


def _of_packages(problem: str, arrays: Sequence[Array], seed: int, options: Any) -> Network:
    """Build a network of `mt_models`."""
    networks: Any = importlib.import_module("mt_models.networks")
    autodiff: Any = importlib.import_module("mt_autodiff")
    rng = np.random.default_rng(seed)
    if problem == "scalar":
        return ScalarNetwork(
            networks.ScalarMLP(options["hidden"], rng),
            autodiff.Scalar,
            lambda module, point: module.forward(point[None])[0],
        )
    reference = importlib.import_module("mt_tensor").REFERENCE
    fast = reference if problem == "simple" else importlib.import_module("mt_kernels_cpu").Fast()

    def make(array: Array) -> Any:
        return autodiff.tensor(array, fast)

    if problem in ("simple", "fast"):
        return TensorNetwork(networks.TensorMLP(options["hidden"], rng, fast), make)
    if problem == "digits":
        return TensorNetwork(networks.CourseLeNet(rng, fast), make, classes=10)

    class Sentences(TensorNetwork):
        def inputs(self, inputs: Array) -> Any:
            return inputs.astype(np.int64)

    vectors = arrays[0].astype(np.float32)
    sizes = {name: options[name] for name in ("maps",) if name in options}
    return Sentences(networks.KimCNN(vectors, rng, fast, **sizes), make, logits=True)


def _of_text(options: Any) -> Network:
    """Build the language model of a submission."""
    calls: Any = importlib.import_module("grading.driver.calls")
    layers: Any = importlib.import_module("grading.driver.transformer")
    on = layers.backend(layers.LAYERS)
    calls.repair_templates(on)

    def make(array: Array) -> Any:
        return calls.to_tensor(np.asarray(array, np.float64), on)

    model = layers.build("DecoderLM", options, on)
    return TextNetwork(model, make, classes=options["n_vocab"])


def _of_scripts(problem: str, arrays: Sequence[Array], options: Any) -> Network:
    """Build a network of the course's scripts in `project/`."""
    if problem == "scalar":
        script = _script("run_scalar")
        scalar: Any = importlib.import_module("minitorch.scalar").Scalar
        return ScalarNetwork(
            script.Network(options["hidden"]),
            scalar,
            lambda module, point: module.forward([scalar(float(x)) for x in point]),
        )
    calls: Any = importlib.import_module("grading.driver.calls")
    backends: Any = importlib.import_module("grading.driver.backends")
    backend = backends.backend("simple" if problem == "simple" else "fast")

    def make(array: Array) -> Any:
        return calls.to_tensor(np.asarray(array, np.float64), backend)

    calls.repair_templates(backend)
    if problem == "simple":
        return TensorNetwork(_script("run_tensor").Network(options["hidden"]), make)
    if problem == "fast":
        script = _script("run_fast_tensor")
        return TensorNetwork(script.Network(options["hidden"], backend), make)
    if problem == "digits":
        return TensorNetwork(_script("run_mnist_multiclass").Network(), make, classes=10)
    vectors = arrays[0]

    class Sentences(TensorNetwork):
        def inputs(self, inputs: Array) -> Any:
            return self.make(vectors[inputs.astype(np.int64)])

        def forward(self, inputs: Array) -> Any:
            out = self.module.forward(self.inputs(inputs))
            if out.size == 2 * len(inputs):
                # As of 2021: logarithms of the probabilities of both classes.
                second = self.make(np.tile([0.0, 1.0], (len(inputs), 1)))
                out = (out.view(len(inputs), 2).exp() * second).sum(1)
            return out.view(len(inputs))

    sizes = {"feature_map_size": options["maps"]} if "maps" in options else {}
    return Sentences(_script("run_sentiment").CNNSentimentKim(**sizes), make)


def _script(name: str) -> Any:
    """Import a script of the course; its `__main__` does not run."""
    minitorch = importlib.import_module("minitorch")
    folder = Path(str(minitorch.__file__)).parents[1] / "project"
    _serve_data_sets(folder)
    if str(folder) not in sys.path:
        sys.path.append(str(folder))
    return importlib.import_module(name)


def _serve_data_sets(folder: Path) -> None:
    """Provide empty modules for the imports with which scripts read data; the judge sends data.

    In 2021, `datasets` is also the name of a file beside the scripts.
    """

    class MNIST:
        def __init__(self, *args: Any, **kwargs: Any) -> None: ...

        def load_training(self) -> Any:
            return [], []

        load_testing = load_training

    def unavailable(*args: Any, **kwargs: Any) -> Any:
        raise RuntimeError("a script cannot read data while it is judged: the judge sends it")

    members: dict[str, tuple[str, Any]] = {
        "mnist": ("MNIST", MNIST),
        "embeddings": ("GloveEmbedding", unavailable),
        "datasets": ("load_dataset", unavailable),
    }
    for name, (member, value) in members.items():
        if name in sys.modules:
            continue
        module = sys.modules[name] = _beside(folder / f"{name}.py") or ModuleType(name)
        setattr(module, member, value)


def _beside(file: Path) -> ModuleType | None:
    """Import a file beside the scripts; None if it is not there."""
    if not file.is_file():
        return None
    spec = importlib.util.spec_from_file_location(file.stem, file)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def memory(tensor: Any) -> Any:
    """Return the object with a tensor's storage, shape and strides."""
    data = getattr(tensor, "_tensor", None)
    return tensor.data if data is None else data


def read(tensor: Any) -> Array:
    """Return the elements of a tensor, read from its memory."""
    data = memory(tensor)
    return elements(data._storage, data.shape, data.strides)
