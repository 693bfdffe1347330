"""PyTorch's DistributedDataParallel on gloo; the ranks are those of the MPI launcher."""

import os

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from asv_benchmarks.contenders.with_torch import TorchTrainer, layers_of
from asv_benchmarks.training_cases import LEARNING_RATE, TrainingCase


class _Network(nn.Module):  # type: ignore[misc]  # without PyTorch, its type is unknown
    """A network of the contender as a module, as DistributedDataParallel requires it."""

    def __init__(self, trainer: TorchTrainer) -> None:
        super().__init__()
        # Names of parameters contain no dots.
        self.weights = nn.ParameterDict(
            {
                name.replace(".", "/"): nn.Parameter(weight.detach(), weight.requires_grad)
                for name, weight in trainer.tensors.items()
            }
        )
        self.run = trainer.network
        self.drop = trainer.drop

    def forward(self, inputs: Tensor) -> Tensor:
        """Return the output of the network."""
        named = {name.replace("/", "."): weight for name, weight in self.weights.items()}
        output: Tensor = self.run(layers_of(named), inputs, self.drop)
        return output


class TorchSteps:
    """A network in PyTorch, on one process or on several."""

    def __init__(self, case: TrainingCase) -> None:
        """Build the network, join the ranks, and take the rank's part of the batch."""
        self.rank, size = int(os.environ.get("PMI_RANK", 0)), int(os.environ.get("PMI_SIZE", 1))
        torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
        self.trainer = TorchTrainer(case, LEARNING_RATE, compiled=False)
        network: nn.Module = _Network(self.trainer)
        if size > 1:
            store = f"file://{os.environ['RANKS_STORE']}"
            torch.distributed.init_process_group(
                "gloo", init_method=store, rank=self.rank, world_size=size
            )
            network = DistributedDataParallel(network)
        self.network = network
        trained = [weight for weight in network.parameters() if weight.requires_grad]
        self.optimizer = torch.optim.SGD(trained, lr=LEARNING_RATE)
        inputs, labels = case.inputs()
        rows = slice(self.rank * len(labels) // size, (self.rank + 1) * len(labels) // size)
        self.inputs, self.labels = self.trainer.place(inputs[rows], labels[rows])

    def step(self) -> object:
        """Train one step."""
        self.optimizer.zero_grad()
        loss = self.trainer.loss(self.network(self.inputs), self.labels)
        loss.backward()
        self.optimizer.step()
        return loss.item()
