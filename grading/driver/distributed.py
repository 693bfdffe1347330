"""Operations of module 6: parts of the data, and collective operations on simulated ranks.

The ranks are those of the simulator of `mt_nn.distributed`, of which a worker has a copy. A rank
that raises an exception ends the request with it. A deadlock ends it with an error that lists what
each rank waits for.
"""

import importlib
import importlib.util
import random
from collections.abc import Callable
from operator import attrgetter
from typing import Any

import numpy as np

from grading.driver.attribution import grader_code
from grading.driver.family import Family
from grading.driver.results import ResultError, float_array, integers, items
from grading.protocol.messages import Array, Request, Response

family = Family()


def _submission() -> Any:
    return importlib.import_module("minitorch.distributed")


def _simulation() -> Any:
    """Import the simulator: the copy in a worker, or else that of this repository's package."""
    with grader_code:
        copied = importlib.util.find_spec("grading.ranks")
        package = "grading.ranks" if copied else "mt_nn.distributed"
        return importlib.import_module(f"{package}.simulator")


class Communicator:
    """A simulated rank with messages only, so that a collective operation has to be written.

    Attributes:
        rank: The number of this rank.
        size: The number of ranks.
        receivers: The ranks that messages were sent to.
    """

    def __init__(self, inner: Any) -> None:
        self.rank: int = inner.rank
        self.size: int = inner.size
        self.receivers: set[int] = set()
        self._inner = inner

    def send(self, buffer: Array, to: int) -> None:
        """Send a buffer, and wait until it is received."""
        self.receivers.add(int(to))
        self._inner.send(buffer, to)

    def receive(self, buffer: Array, source: int) -> int:
        """Receive a message into a buffer."""
        count: int = self._inner.receive(buffer, source)
        return count

    def exchange(self, outgoing: Array, to: int, incoming: Array, source: int) -> int:
        """Send and receive at the same time."""
        self.receivers.add(int(to))
        count: int = self._inner.exchange(outgoing, to, incoming, source)
        return count

    def barrier(self) -> None:
        """Wait for all ranks."""
        self._inner.barrier()

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(
            f"the communicator has no attribute {name!r}; it has rank, size, send, receive, "
            "exchange and barrier"
        )


def _on_ranks(size: int, program: Callable[[Communicator], Any]) -> tuple[list[Any], Any]:
    """Run a program on simulated ranks.

    Returns:
        The results, and for each rank the sent elements, the messages and the receivers.
    """
    simulation = _simulation()
    communicators: list[Communicator] = []

    def play(inner: Any) -> Any:
        communicators.append(Communicator(inner))
        return program(communicators[-1])

    simulator = simulation.Simulator(size)
    try:
        results = simulator.run(play)
    except simulation.RankFailure as failure:
        raise (failure.__cause__ or failure) from None
    ordered = sorted(communicators, key=attrgetter("rank"))
    traffic = {
        "elements": [record.sent // 8 for record in simulator.records],
        "messages": [record.messages for record in simulator.records],
        "receivers": [sorted(each.receivers) for each in ordered],
    }
    return results, traffic


def _other_state(number: int) -> None:
    """Set the generators of Python and NumPy to a state that differs between ranks."""
    random.seed(1000 + number)
    np.random.seed(1000 + number)  # noqa: NPY002  (a learner may draw from the global generator)


@family.operation
def partition(request: Request) -> Response:
    """Return the positions of each rank."""
    count, size = request.options["count"], request.options["size"]
    function = _submission().partition
    parts = [integers(function(count, rank, size), "`partition`") for rank in range(size)]
    return Response(request, plain=parts)


@family.operation
def orders(request: Request) -> Response:
    """Return the order for each pair of a seed and an epoch, each with other generators' states."""
    function, found = _submission().epoch_order, []
    for number, (seed, epoch) in enumerate(request.options["of"]):
        _other_state(number)
        order = function(request.options["count"], seed, epoch)
        found.append(integers(order, "`epoch_order`"))
    return Response(request, plain=found)


def _parts(options: Any, epoch: int) -> list[list[int]]:
    """Return the examples of each rank, each with other states of generators."""
    function, parts = _submission().epoch_part, []
    for rank in range(options["size"]):
        _other_state(rank)
        part = function(options["count"], rank, options["size"], options["seed"], epoch)
        parts.append(integers(part, "`epoch_part`"))
    return parts


@family.operation
def parts(request: Request) -> Response:
    """Return the examples of each rank in each epoch."""
    found = [_parts(request.options, epoch) for epoch in request.options["epochs"]]
    return Response(request, plain=found)


@family.operation
def reassembled(request: Request) -> Response:
    """Divide the rows of an array among the ranks, and reassemble them."""
    (values,), epoch = request.arrays, request.options["epoch"]
    parts = _parts({**request.options, "count": len(values)}, epoch)
    rows = [values[np.array(part, np.int64)] for part in parts]
    whole = _submission().reassemble(rows, request.options["seed"], epoch)
    return Response(request, (float_array(whole, "`reassemble`"),), plain=parts)


@family.operation
def ring(request: Request) -> Response:
    """Call `ring_all_reduce` on ranks, each with one of the arrays.

    The option `calls` says how often; each call begins with the result of the one before. The
    option `name` says what the check compares, and has no effect.
    """
    buffers = [array.copy() for array in request.arrays]

    def program(communicator: Communicator) -> None:
        for _ in range(request.options.get("calls", 1)):
            _submission().ring_all_reduce(buffers[communicator.rank], communicator)

    _, traffic = _on_ranks(len(buffers), program)
    return Response(request, tuple(buffers), plain=traffic)


def _averaged(gradients: list[Array], count: int, communicator: Communicator) -> list[Array]:
    """Call `average_gradients` on a rank.

    Raises:
        ResultError: It does not return an array for each gradient.
    """
    source = "`average_gradients`"
    found = items(_submission().average_gradients(gradients, count, communicator), source)
    if len(found) != len(gradients):
        raise ResultError(
            f"{source} returned a list of {len(found)} arrays, expected {len(gradients)}: one for "
            "each gradient"
        )
    return [float_array(array, source) for array in found]


@family.operation
def average(request: Request) -> Response:
    """Call `average_gradients` on ranks; the arrays are the gradients, those of rank 0 first."""
    counts = request.options["counts"]
    each = len(request.arrays) // len(counts)
    copies = [array.copy() for array in request.arrays]

    def program(communicator: Communicator) -> list[Array]:
        start = communicator.rank * each
        own = copies[start : start + each]
        return _averaged(own, counts[communicator.rank], communicator)

    results, traffic = _on_ranks(len(counts), program)
    arrays = tuple(array.copy() for averaged in results for array in averaged)
    same = all(map(np.array_equal, copies, request.arrays))
    return Response(request, arrays, plain={**traffic, "unchanged": same})


@family.operation
def training(request: Request) -> Response:
    """Fit a linear map with ranks: in each epoch, one step of the whole data.

    The arrays are the inputs (count, n), the right outputs (count,), and the first weights (n,).
    Returns the weights of each rank.
    """
    x, y, first = request.arrays
    options = request.options

    def program(communicator: Communicator) -> Array:
        weights = first.copy()
        for epoch in range(options["epochs"]):
            _other_state(communicator.rank)
            part = _submission().epoch_part(
                len(x), communicator.rank, communicator.size, options["seed"], epoch
            )
            rows = np.array(integers(part, "`epoch_part`"), np.int64)
            errors = x[rows] @ weights - y[rows]
            own = [2.0 * errors @ x[rows] / max(len(rows), 1)]
            (mean,) = _averaged(own, len(rows), communicator)
            weights = weights - options["rate"] * mean
        return weights

    results, _ = _on_ranks(options["size"], program)
    return Response(request, tuple(results))
