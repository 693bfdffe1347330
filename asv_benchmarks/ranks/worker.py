"""One measurement: ``python -m asv_benchmarks.ranks.worker CONTENDER NETWORK BATCH STEPS``.

The process is alone, or one of the ranks that an MPI launcher started. Rank 0 prints the median
time of a step in seconds.
"""

import statistics
import time
from collections.abc import Callable
from typing import Any, Protocol, get_args

import click
import numpy as np
import numpy.typing as npt

from asv_benchmarks.contenders.ours import OurTrainer, make_backend
from asv_benchmarks.training_cases import LEARNING_RATE, Network, TrainingCase
from mt_nn import binary_cross_entropy_with_logits, capture, nll_loss
from mt_nn.distributed import Communicator, DataParallel, world

WARM = 12
"""The number of steps before the first timed one: kernels are compiled, recorded and checked."""


class Stepper(Protocol):
    """A network in training on its part of a batch."""

    rank: int

    def step(self) -> object:
        """Train one step."""


class OurSteps:
    """Our network, with the step of `mt_models.training.parallel` on several ranks."""

    def __init__(self, case: TrainingCase, communicator: Communicator) -> None:
        """Build the network and take the rank's part of the batch."""
        self.rank = communicator.rank
        self.trainer = OurTrainer(case, LEARNING_RATE, make_backend("tuned"))
        self.inputs, self.labels = case.inputs()
        self.model: DataParallel | None = None
        if communicator.size > 1:
            self.model = DataParallel(self.trainer.network, communicator)
        self.loss_of: Callable[..., Any] = (
            binary_cross_entropy_with_logits if self.trainer.sentences else nll_loss
        )
        self._compute = capture(self._forward_backward)
        self._update = capture(self.trainer.optimizer.step)

    def step(self) -> object:
        """Train one step; several ranks exchange gradients and the loss."""
        if self.model is None:
            return self.trainer.step(self.trainer.place(self.inputs, self.labels))
        with self.model.batch(len(self.labels)) as part:
            inputs, labels = self.trainer.place(self.inputs[part.rows], self.labels[part.rows])
            loss = self._compute(inputs, labels, part.share)
            sums = self.model.sum_gradients((part.share * float(loss),))
        self._update()
        return sums

    def _forward_backward(self, inputs: Any, labels: npt.NDArray[np.integer], share: float) -> Any:
        assert self.model is not None
        self.trainer.optimizer.zero_grad()
        loss = self.loss_of(self.trainer.network(inputs), labels)
        self.model.backward(loss, share)
        return loss


def seconds_of(stepper: Stepper, steps: int) -> float:
    """Return the median time of a step, in seconds."""
    for _ in range(WARM):
        stepper.step()
    taken = []
    for _ in range(steps):
        begin = time.perf_counter()
        stepper.step()
        taken.append(time.perf_counter() - begin)
    return statistics.median(taken)


@click.command()
@click.argument("contender", type=click.Choice(["ours", "torch"]))
@click.argument("network", type=click.Choice(get_args(Network)))
@click.argument("batch", type=click.IntRange(min=1))
@click.argument("steps", type=click.IntRange(min=1))
def main(contender: str, network: Network, batch: int, steps: int) -> None:
    """Measure, and print the time on rank 0."""
    case = TrainingCase(network, batch)
    stepper: Stepper
    if contender == "torch":
        # Imported here: the environment may lack PyTorch.
        from asv_benchmarks.ranks.with_torch import TorchSteps

        stepper = TorchSteps(case)
    else:
        stepper = OurSteps(case, world())
    seconds = seconds_of(stepper, steps)
    if stepper.rank == 0:
        print(seconds)


if __name__ == "__main__":
    main()
