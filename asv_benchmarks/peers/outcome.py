"""The numbers that a contender computes in a step, with which a test compares all contenders.

``python -m asv_benchmarks.peers.outcome CONTENDER FILE`` writes those of every network to a NumPy
file. The settings of a contender may need environment variables, so each runs in its own process.
"""

import sys
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from asv_benchmarks import conditions
from asv_benchmarks.contenders import load
from asv_benchmarks.training_cases import SHAPES, Network, TrainingCase, Weights
from asv_benchmarks.workloads import Workload

BATCH = 3

NETWORKS: tuple[Network, ...] = ("course", "lenet5", "kim")
"""The networks that plain gradient descent trains, in every framework."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The numbers of a training step without dropout.

    Attributes:
        loss: The loss before the step.
        weights: The weights after the steps of one call, by name.
        answer: The output of the network after these steps.
        steps: The number of steps of one call.
    """

    loss: float
    weights: Weights
    answer: npt.NDArray[np.float64]
    steps: int = 1


def outcome(contender: str, network: Network, steps: int = 1) -> Outcome:
    """Train on one batch with dropout off.

    Args:
        contender: The name of the contender, with its options.
        network: The name of the network.
        steps: The number of calls of the trainer's `step`.

    Raises:
        Absent: The framework of the contender is not installed.
    """
    case = TrainingCase(network, BATCH, dropout=False)
    runner = load(contender)
    trainer = runner.trainer(case)
    inputs, labels = case.inputs()
    batch = trainer.place(inputs, labels)
    loss = float(trainer.step(batch))
    for _ in range(steps - 1):
        trainer.step(batch)
    weights = {name: np.array(array) for name, array in trainer.weights().items()}
    answer = trainer.answer(inputs)()
    # Our tensors convert themselves; arrays of the frameworks are converted by NumPy.
    answer = answer.to_numpy() if hasattr(answer, "to_numpy") else answer
    per_call = runner.steps_per_call(Workload("", "train_step", ()))
    return Outcome(loss, weights, np.asarray(answer, np.float64), steps * per_call)


def write(contender: str, file: str) -> None:
    """Write the outcome of every network to a file."""
    conditions.pin(1)
    values: dict[str, npt.ArrayLike] = {}
    for network in NETWORKS:
        found = outcome(contender, network)
        values |= {f"{network}:{name}": array for name, array in found.weights.items()}
        values[f"{network}:loss"], values[f"{network}:answer"] = found.loss, found.answer
        values[f"{network}:steps"] = found.steps
    np.savez(file, allow_pickle=False, **values)


def read(file: str, network: Network) -> Outcome:
    """Return the outcome of one network that `write` wrote."""
    with np.load(file) as values:
        weights = {name: values[f"{network}:{name}"] for name in SHAPES[network]}
        loss, answer, steps = (values[f"{network}:{part}"] for part in ("loss", "answer", "steps"))
        return Outcome(float(loss), weights, answer, int(steps))


if __name__ == "__main__":
    write(*sys.argv[1:])
