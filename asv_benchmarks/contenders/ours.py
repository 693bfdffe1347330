"""Our backends in float32."""

from collections.abc import Callable, Mapping
from importlib.metadata import version
from typing import Any

import numpy as np
import numpy.typing as npt

from asv_benchmarks.contenders.contender import Absent, Call, Contender, draw
from asv_benchmarks.naive import Naive
from asv_benchmarks.training_cases import (
    CHARACTERS,
    COLUMNS,
    CONTEXT,
    HEADS,
    LAYERS,
    LEARNING_RATE,
    MAPS,
    TrainingCase,
    Weights,
)
from asv_benchmarks.workloads import Workload
from mt_autodiff import Tensor, from_numpy, no_grad
from mt_kernels_cpu import Fast
from mt_models.networks import CourseLeNet, KimCNN, LeNet5
from mt_nn import (
    SGD,
    AdamW,
    Dropout,
    Module,
    Optimizer,
    avgpool2d,
    binary_cross_entropy_with_logits,
    capture,
    clip_grad_norm,
    cross_entropy,
    decay_groups,
    maxpool2d,
    nll_loss,
)
from mt_tensor import Backend, Reference, TensorData, operators

MAPS_OF_ONE = {
    "relu": operators.relu,
    "exp": operators.exp,
    "neg": operators.neg,
    "sigmoid": operators.sigmoid,
}
POOLINGS: dict[str, Any] = {"avgpool2d": avgpool2d, "maxpool2d": maxpool2d}
MAPS_OF_TWO = {"add": operators.add, "mul": operators.mul}


class Ours(Contender):
    """One of our backends: ``tuned``, the course's strided ``fast``, or the naive loops."""

    def __init__(self, name: str) -> None:
        """Build the backend.

        Raises:
            Absent: The installed packages lack the backend.
        """
        self.name = name  # type: ignore[misc]
        self.backend = make_backend(name)

    @classmethod
    def on(cls, backend: Backend) -> "Ours":
        """Return a contender that uses an existing backend."""
        ours = cls.__new__(cls)
        ours.name = backend.name  # type: ignore[misc]
        ours.backend = backend
        return ours

    def versions(self) -> dict[str, str]:
        """Return the versions of the libraries that our kernels use."""
        return {package: version(package) for package in ("numpy", "numba", "llvmlite")}

    def operations(self) -> Mapping[str, Callable[[Workload], Call]]:
        """Return, for each operation, the function that prepares a case."""
        return {
            "train_step": self.train_step,
            "generate": self._generate,
            "chain": self._chain,
            "conv1d": self._conv_forward,
            "conv1d_grad_input": self._conv_grad_input,
            "conv1d_grad_weight": self._conv_grad_weight,
            "conv2d": self._conv_forward,
            "conv2d_grad_input": self._conv_grad_input,
            "conv2d_grad_weight": self._conv_grad_weight,
            "avgpool2d": self._pool_forward,
            "avgpool2d_backward": self._pool_backward,
            "maxpool2d": self._pool_forward,
            "maxpool2d_backward": self._pool_backward,
            "matmul": self._matmul,
            "sum": self._sum,
            **dict.fromkeys(MAPS_OF_ONE, self._map),
            **dict.fromkeys(MAPS_OF_TWO, self._zip),
        }

    def trainer(self, case: TrainingCase, rate: float = LEARNING_RATE) -> "OurTrainer":
        """Return a trainer whose network has the weights of a case."""
        return OurTrainer(case, rate, self.backend)

    def _chain(self, case: Workload) -> Call:
        """Return a call of a chain of multiplications of few numbers, forward and backward."""
        start, factor = (from_numpy(array, self.backend) for array in case.inputs())
        length = case.options["length"]

        def call() -> None:
            x = start.detach().requires_grad_(True)
            y = x
            for _ in range(length):
                y = y * factor
            y.sum().backward()

        return call

    def _generate(self, case: Workload) -> Call:
        """Return a call that continues one character by the most probable ones, with a cache."""
        network = _transformer(self.backend)
        network.load_state_dict(TrainingCase("gpt", 1).weights())
        network.eval()

        def call() -> list[int]:
            cache, text = network.new_cache(), [0]
            with no_grad():
                for _ in range(case.options["length"]):
                    logits = network.next_logits([[text[-1]]], cache).to_numpy()
                    text.append(int(logits.argmax()))
            return text

        return call

    # Convolutions: forward, and both gradients as in `mt_autodiff.functions.Conv2dFun`

    def _conv(self, case: Workload) -> Callable[..., TensorData]:
        convolve: Callable[..., TensorData] | None = getattr(self.backend, "convolve", None)
        if convolve is not None:
            return convolve
        # Earlier commits, which asv and `peers --against` measure, have two methods.
        backend: Any = self.backend
        if case.operation.startswith("conv2d"):
            conv2d: Callable[..., TensorData] = backend.conv2d
            return conv2d
        return lambda input, weight, reverse=False, size=(None,): backend.conv1d(
            input, weight, reverse, *size
        )

    def _conv_forward(self, case: Workload) -> Call:
        conv = self._conv(case)
        input, weight = self._place(case)
        return lambda: conv(input, weight)

    def _conv_grad_input(self, case: Workload) -> Call:
        conv = self._conv(case)
        input, weight = self._place(case)
        grad = conv(input, weight)
        size = input.shape[2:]
        swap = (1, 0, *range(2, input.dims))
        return lambda: conv(grad, weight.permute(*swap), True, size)

    def _conv_grad_weight(self, case: Workload) -> Call:
        conv = self._conv(case)
        input, weight = self._place(case)
        grad = conv(input, weight)
        size = weight.shape[2:]
        swap = (1, 0, *range(2, input.dims))
        return lambda: conv(input.permute(*swap), grad.permute(*swap), False, size).permute(*swap)

    # Pooling: fused forms, where the backend has them

    def _pool_forward(self, case: Workload) -> Call:
        form, backend = self._fused(case), self.backend
        (input,), kernel = self._place(case), tuple(case.options["kernel"])
        if form is not None:
            return lambda: form.forward(backend, (True,), input, kernel)
        composed, images = POOLINGS[case.operation], Tensor(input, backend=backend)
        return lambda: composed(images, kernel)

    def _pool_backward(self, case: Workload) -> Call:
        form, backend = self._fused(case), self.backend
        (input,), kernel = self._place(case), tuple(case.options["kernel"])
        answer = form and form.forward(backend, (True,), input, kernel)
        if answer is None:
            raise Absent(f"{self.name} has no fused form of {case.operation}")
        grad, saved = answer
        return lambda: form.backward(backend, saved, grad)

    def _fused(self, case: Workload) -> Any:
        name = case.operation.removesuffix("_backward")
        # Earlier commits, which asv and `peers --against` measure, look forms up by name.
        operation: Any = getattr(POOLINGS[name], "operation", name)
        return self.backend.fused(operation)

    # Further operations of a backend

    def _matmul(self, case: Workload) -> Call:
        a, b = self._place(case)
        return lambda: self.backend.matmul(a, b)

    def _map(self, case: Workload) -> Call:
        fn = MAPS_OF_ONE[case.operation]
        (a,) = self._place(case)
        return lambda: self.backend.map(fn, a)

    def _zip(self, case: Workload) -> Call:
        fn = MAPS_OF_TWO[case.operation]
        a, b = self._place(case)
        return lambda: self.backend.zip(fn, a, b)

    def _sum(self, case: Workload) -> Call:
        (a,), dim = self._place(case), case.options["dim"]
        return lambda: self.backend.reduce(operators.add, a, dim, 0.0)

    def _place(self, case: Workload) -> list[TensorData]:
        """Return the operands as tensors of the backend."""
        return [self.backend.from_numpy(array) for array in draw(case)]


class OurTrainer:
    """One of the networks of `mt_models`."""

    def __init__(self, case: TrainingCase, rate: float, backend: Backend) -> None:
        """Build the network with the weights of the case."""
        self.backend = backend
        self.sentences, self.text = case.network == "kim", case.network == "gpt"
        self.network = self._network(case)
        self.parameters = list(self.network.parameters())
        self.optimizer: Optimizer = SGD(self.parameters, lr=rate)
        if self.text:
            groups = decay_groups(self.parameters, 0.1)
            self.optimizer = AdamW(groups, lr=rate, betas=(0.9, 0.99))
        # As the training loop of `mt_models` does.
        self._train = capture(self._update) if backend.is_recordable else self._update
        self._answer = capture(self._run) if backend.is_recordable else self._run

    def place(self, inputs: npt.NDArray[Any], labels: npt.NDArray[np.int64]) -> Any:
        """Return numbers of words or characters, or images as a tensor, and the labels."""
        numbers = self.sentences or self.text
        return (inputs if numbers else from_numpy(inputs, self.backend)), labels

    def step(self, batch: Any) -> Tensor:
        """Train one step on a converted batch and return the loss before the step."""
        return self._train(*batch)

    def _update(self, inputs: Any, labels: npt.NDArray[np.int64]) -> Tensor:
        self.optimizer.zero_grad()
        output = self.network(inputs)
        if self.sentences:
            loss = binary_cross_entropy_with_logits(output, labels)
        else:
            loss = (cross_entropy if self.text else nll_loss)(output, labels)
        loss.backward()
        if self.text:
            clip_grad_norm(self.parameters, 1.0)
        self.optimizer.step()
        return loss

    def predict(self, inputs: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Return the output of the network for inputs, with dropout off."""
        self.network.eval()
        output = self._answer(self.place(inputs, np.empty(0, np.int64))[0])
        self.network.train()
        # A copy: the next call writes into the same memory.
        return output.to_numpy().copy()

    def _run(self, inputs: Any) -> Tensor:
        with no_grad():
            output: Tensor = self.network(inputs)
        return output

    def weights(self) -> Weights:
        """Return the weights."""
        return self.network.state_dict()

    def _network(self, case: TrainingCase) -> Module:
        rng = np.random.default_rng(0)
        weights = case.weights()
        network: Module
        if case.network == "kim":
            network = KimCNN(weights["embedding.weight"], rng, self.backend, maps=MAPS)
        elif case.network == "gpt":
            network = _transformer(self.backend)
        else:
            network = (CourseLeNet if case.network == "course" else LeNet5)(rng, self.backend)
        network.load_state_dict(weights)
        for module in network.modules():
            if isinstance(module, Dropout) and not case.dropout:
                module.rate = 0.0
        return network


def _transformer(backend: Backend) -> Any:
    """Return the character transformer.

    Raises:
        Absent: The installed packages, such as those of an older commit, lack it.
    """
    try:
        from mt_models.networks.gpt import GPT
    except ModuleNotFoundError as error:
        raise Absent("the installed packages have no transformer") from error
    sizes: dict[str, Any] = {"width": COLUMNS, "heads": HEADS, "layers": LAYERS, "context": CONTEXT}
    return GPT(CHARACTERS, **sizes, rng=0, backend=backend)


def make_backend(name: str) -> Backend:
    """Return one of our backends in single precision.

    Raises:
        Absent: The installed packages, such as those of an older commit, lack the backend.
    """
    if name == "tuned":
        try:
            from mt_kernels_cpu.tuned import Tuned
        except ModuleNotFoundError as error:
            raise Absent("the installed packages have no backend tuned") from error
        return Tuned(np.float32)
    kinds: dict[str, type[Fast | Naive | Reference]] = {
        "fast": Fast,
        "naive": Naive,
        "reference": Reference,
    }
    return kinds[name](np.float32)
