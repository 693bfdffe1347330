"""tinygrad, which compiles training steps with `TinyJit`."""

from collections.abc import Callable, Mapping
from importlib.metadata import version
from typing import Any

import numpy as np
import numpy.typing as npt
from tinygrad import Context, Tensor, TinyJit
from tinygrad.helpers import DEV
from tinygrad.nn.optim import SGD

from asv_benchmarks.contenders.contender import Absent, Call, Contender
from asv_benchmarks.training_cases import KERNELS, LEARNING_RATE, TrainingCase, Weights
from asv_benchmarks.workloads import Workload


class WithTinygrad(Contender):
    """tinygrad on the CPU; it compiles kernels with clang."""

    name = "tinygrad"

    def __init__(self) -> None:
        """Compute once, to test that the compiler works.

        Raises:
            Absent: clang is missing.
        """
        try:
            DEV.value = "CPU"
            (Tensor([1.0]) + 1.0).tolist()
        except (RuntimeError, OSError) as error:
            raise Absent(f"tinygrad cannot compile for the CPU: {error}") from error

    def versions(self) -> dict[str, str]:
        """Return tinygrad's version."""
        return {"tinygrad": version("tinygrad")}

    def operations(self) -> Mapping[str, Callable[[Workload], Call]]:
        """Return, for each operation, the function that prepares a case."""
        return {"train_step": self.train_step}

    def trainer(self, case: TrainingCase, rate: float = LEARNING_RATE) -> "TinygradTrainer":
        """Return a trainer whose network has the weights of a case.

        Raises:
            Absent: The network is not written for tinygrad.
        """
        if case.network not in NETWORKS:
            raise Absent(f"the network {case.network} is not written for tinygrad")
        return TinygradTrainer(case, rate)


class TinygradTrainer:
    """One of our networks in tinygrad; `TinyJit` replays the step from the third call on."""

    def __init__(self, case: TrainingCase, rate: float) -> None:
        """Build the step with the weights of the case."""
        self.network = network = NETWORKS[case.network]
        sentences, drop = case.network == "kim", 0.25 if case.dropout else 0.0
        self._weights = weights = {
            name: Tensor(array).realize() for name, array in case.weights().items()
        }
        optimizer = SGD(
            [
                weight.is_param_()
                for name, weight in weights.items()
                if not name.startswith("embedding")
            ],
            lr=rate,
        )

        @TinyJit  # type: ignore[untyped-decorator]
        def train(inputs: Tensor, labels: Tensor) -> Any:
            optimizer.zero_grad()
            out = network(weights, inputs, drop)
            if sentences:
                loss = out.binary_crossentropy_logits(labels)
            else:
                loss = -out.gather(1, labels.unsqueeze(1)).mean()
            return loss.backward().realize(*optimizer.schedule_step())

        self.train = train

    def place(self, inputs: npt.NDArray[Any], labels: npt.NDArray[np.int64]) -> Any:
        """Return inputs and labels as tensors."""
        return Tensor(inputs).realize(), Tensor(labels).realize()

    def step(self, batch: Any) -> float:
        """Train one step on a converted batch and return the loss before the step."""
        with Context(TRAINING=1):
            loss: float = self.train(*batch).item()
        return loss

    def predict(self, inputs: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Return the output of the network for inputs, with dropout off."""
        output: npt.NDArray[Any] = self.network(self._weights, Tensor(inputs), 0.0).numpy()
        return output

    def weights(self) -> Weights:
        """Return the weights."""
        return {name: weight.numpy() for name, weight in self._weights.items()}


def _weight(w: Mapping[str, Tensor], layer: str) -> tuple[Tensor, Tensor]:
    return w[f"{layer}.weight"], w[f"{layer}.bias"]


def _course_lenet(w: Mapping[str, Tensor], x: Tensor, drop: float) -> Tensor:
    x = x.pad((0, 2, 0, 2)).conv2d(*_weight(w, "conv1")).relu()
    x = x.pad((0, 2, 0, 2)).conv2d(*_weight(w, "conv2")).relu()
    x = x.avg_pool2d((4, 4)).flatten(1).linear(*_weight(w, "hidden")).relu().dropout(drop)
    return x.linear(*_weight(w, "output")).log_softmax()


def _lenet5(w: Mapping[str, Tensor], x: Tensor, drop: float) -> Tensor:
    x = x.conv2d(*_weight(w, "conv1"), padding=2).relu().max_pool2d((2, 2))
    x = x.conv2d(*_weight(w, "conv2")).relu().max_pool2d((2, 2)).flatten(1)
    x = x.linear(*_weight(w, "hidden1")).relu().linear(*_weight(w, "hidden2")).relu()
    return x.linear(*_weight(w, "output")).log_softmax()


def _kim(w: Mapping[str, Tensor], rows: Tensor, drop: float) -> Tensor:
    x = w["embedding.weight"][rows].transpose(1, 2)
    parts = [
        x.pad((0, kernel - 1)).conv2d(*_weight(w, f"convolutions.{at}")).relu().max(2)
        for at, kernel in enumerate(KERNELS)
    ]
    features = parts[0] + parts[1] + parts[2]
    return features.linear(*_weight(w, "output")).dropout(drop).flatten()


NETWORKS = {"course": _course_lenet, "lenet5": _lenet5, "kim": _kim}
