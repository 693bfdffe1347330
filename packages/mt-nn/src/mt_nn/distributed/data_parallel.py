"""Data-parallel training: each rank computes its part of a batch, and the gradients are summed."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt

from mt_nn._generators import decoded, generators_of, states_of
from mt_nn.distributed.agreement import broadcast_bytes, check_equal
from mt_nn.distributed.communicator import Communicator
from mt_nn.distributed.gradient_buffer import GradientBuffer
from mt_nn.distributed.sampler import Part, part_of
from mt_nn.distributed.whole_batch import RowsOfDraws, WholeBatch
from mt_nn.layers.normalization import BatchNormalization
from mt_nn.module import Module
from mt_tensor import recording


class DataParallel(Module):
    """A network that several ranks train together, each on its part of every batch.

    All ranks have the whole network. After the backward pass one all-reduce sums the gradients of
    all parameters, so every rank makes the same step::

        model = DataParallel(LeNet(), communicator)
        optimizer = SGD(model.parameters(), lr=0.1)
        for chosen in batches:                      # the same on each rank
            with model.batch(len(chosen)) as part:
                own = chosen[part.rows]
                optimizer.zero_grad()
                model.backward(cross_entropy(model(x[own]), y[own]))
                model.sum_gradients()
                optimizer.step()

    In exact mode the result is that of one process with the whole batches, to rounding: dropout
    draws the numbers of the whole batch and takes the rank's rows, and batch normalisation
    exchanges the sums of x and x² of each channel. The batch is the first dimension of the input of
    such layers. With ``exact=False`` each rank draws masks and computes statistics of its own rows:
    nothing but gradients is exchanged, the masks differ from those of one process, and the running
    means are those of the rank's rows, as in PyTorch. Checkpoints then contain those of rank 0.

    To accumulate gradients, call `backward` in a `batch` for each part of the step, and
    `sum_gradients` once.

    Attributes:
        module: The network. Save its checkpoints, on rank 0.
        communicator: The communicator.
        exact: True for exact mode.
    """

    def __init__(self, module: Module, communicator: Communicator, exact: bool = True) -> None:
        """Give all ranks the parameters, buffers and generators of rank 0.

        Args:
            module: The network with all its parameters: those that are added later have no part in
                the sums. Its layers of dropout and batch normalisation are changed so that they
                know the whole batch.
            communicator: The communicator.
            exact: False for masks and statistics of each rank's rows.

        Raises:
            CommunicationError: The networks of the ranks have other parameters.
        """
        self.module = module
        self.communicator = communicator
        self.exact = exact
        self._part: Part | None = None
        self._gradients = GradientBuffer(module.parameters())
        check_equal(communicator, self._description(), "build the same network on each rank")
        self._copy_from_first()
        if exact:
            self._install()
        elif communicator.rank:
            # Other masks than rank 0's; the jumped streams of one generator do not overlap.
            for generator in _distinct(generators_of(module).values()):
                bits = generator.bit_generator
                bits.state = bits.jumped(communicator.rank).state  # type: ignore[attr-defined]

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Return the output of the network for the rank's examples."""
        return self.module(*args, **kwargs)

    @contextmanager
    def batch(self, total: int) -> Iterator[Part]:
        """Begin a batch of all ranks together.

        Args:
            total: The number of examples of the whole batch, equal on all ranks.

        Yields:
            The part of this rank: it computes the examples ``part.rows`` of the batch.
        """
        self._part = part_of(total, self.communicator.rank, self.communicator.size)
        try:
            yield self._part
        finally:
            self._part = None

    def backward(self, loss: Any, share: float | None = None) -> None:
        """Compute the gradients of the rank's part of the loss.

        Args:
            loss: The mean loss of the rank's examples; for an accumulated step, times the weight of
                this batch.
            share: The weight of the loss in the loss of the whole batch; by default the share of
                the examples. It is 1 for a loss that is a sum of the examples' losses.

        Raises:
            RuntimeError: The call is outside of `batch`.
        """
        if share is None:
            if self._part is None:
                raise RuntimeError(
                    "DataParallel.backward: there is no batch; call it inside "
                    "`with model.batch(total)`, or pass share"
                )
            share = self._part.share
        (loss * share).backward()

    def sum_gradients(self, numbers: Sequence[float] = ()) -> npt.NDArray[np.floating]:
        """Replace the gradient of each parameter by its sum over all ranks, in one all-reduce.

        A parameter without a gradient on every rank keeps none. The gradients lie in memory that
        the next call writes again.

        Args:
            numbers: Further numbers to sum, such as losses and counts, as many on each rank. They
                travel with the gradients, in their dtype.

        Returns:
            The sums of the numbers.

        Raises:
            CommunicationError: A rank fails.
        """
        recording.refuse(
            "sums gradients over ranks; capture the forward and backward pass, and the step of the "
            "optimiser, each on its own"
        )
        return self._gradients.sum(self.communicator, numbers)

    # Preparation

    def _description(self) -> dict[str, str]:
        """Return the shape and dtype of each parameter, and whether it is trained."""
        return {
            f"the parameter {name}": f"shape {each.shape}, "
            f"{getattr(each.value, 'dtype', type(each.value).__name__)}, "
            + ("trained" if each.requires_grad else "frozen")
            for name, each in self.module.named_parameters()
        }

    def _copy_from_first(self) -> None:
        """Copy the parameters, buffers and states of generators of rank 0 to all ranks."""
        if self.communicator.size == 1:
            return
        state = self.module.state_dict()
        for array in state.values():
            if array.size:
                self.communicator.broadcast(array)
        if self.communicator.rank:
            self.module.load_state_dict(state)
        generators = generators_of(self.module)
        sent = broadcast_bytes(self.communicator, json.dumps(states_of(generators)).encode())
        for name, state_of in json.loads(sent).items():
            generators[name].bit_generator.state = decoded(state_of)

    def _install(self) -> None:
        """Let dropout and batch normalisation compute with the whole batch."""
        rows: dict[int, RowsOfDraws] = {}
        whole = WholeBatch(self.communicator, lambda: self._part)
        for module in self.module.modules():
            for name, value in list(vars(module).items()):
                if isinstance(value, np.random.Generator):
                    # Layers that share a generator go on sharing it.
                    new = rows.setdefault(id(value), RowsOfDraws(value.bit_generator, whole))
                    setattr(module, name, new)
            if isinstance(module, BatchNormalization):
                module.statistics = whole.statistics


def _distinct(generators: Any) -> list[np.random.Generator]:
    return list({id(each.bit_generator): each for each in generators}.values())
