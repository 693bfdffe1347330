"""tinygrad: training steps, compiled by its `TinyJit`."""

from collections.abc import Callable, Mapping
from importlib.metadata import version
from typing import Any

from tinygrad import Context, Tensor, TinyJit
from tinygrad.helpers import DEV
from tinygrad.nn.optim import SGD

from asv_benchmarks.contenders.contender import Absent, Call, Contender, training_case
from asv_benchmarks.training_cases import KERNELS, LEARNING_RATE, TrainingCase, Weights
from asv_benchmarks.workloads import Workload


class WithTinygrad(Contender):
    """tinygrad on the CPU, for which it calls clang."""

    name = "tinygrad"

    def __init__(self) -> None:
        """Try the compiler.

        Raises:
            Absent: There is no clang.
        """
        try:
            DEV.value = "CPU"
            (Tensor([1.0]) + 1.0).tolist()
        except (RuntimeError, OSError) as error:
            raise Absent(f"tinygrad: no compiler for the CPU, {error}") from error

    def versions(self) -> dict[str, str]:
        """Return tinygrad's version."""
        return {"tinygrad": version("tinygrad")}

    def operations(self) -> Mapping[str, Callable[[Workload], Call]]:
        """Return what prepares each operation."""
        return {"train_step": self._train_step}

    def learned(self, case: TrainingCase) -> tuple[float, Weights]:
        """Return the loss of a training case and the weights after the step."""
        weights, step = self._training(case)
        loss = float(step().item())
        return loss, {name: weight.numpy() for name, weight in weights.items()}

    def _train_step(self, case: Workload) -> Call:
        step = self._training(training_case(case))[1]
        return lambda: step().item()

    def _training(self, case: TrainingCase) -> tuple[dict[str, Tensor], Callable[[], Tensor]]:
        """Return the weights and what trains them by one step and returns the loss."""
        network = NETWORKS[case.network]
        inputs, labels = (Tensor(array).realize() for array in case.inputs())
        weights = {name: Tensor(array).realize() for name, array in case.weights().items()}
        trained = [
            weight.is_param_() for name, weight in weights.items() if not name.startswith("embed")
        ]
        optimizer = SGD(trained, lr=LEARNING_RATE)
        drop = 0.25 if case.dropout else 0.0

        @TinyJit
        def train() -> Any:
            optimizer.zero_grad()
            out = network(weights, inputs, drop)
            if case.network == "kim":
                loss = out.binary_crossentropy_logits(labels)
            else:
                loss = -out.gather(1, labels.unsqueeze(1)).mean()
            return loss.backward().realize(*optimizer.schedule_step())

        def step() -> Tensor:
            with Context(TRAINING=1):
                loss: Tensor = train()
            return loss

        return weights, step


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
