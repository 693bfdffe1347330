"""The gradients of all parameters in one array, so that one all-reduce sums them over the ranks."""

import itertools
import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from mt_autodiff import Scalar, Tensor, record
from mt_nn._gradients import gradient
from mt_nn.distributed.communicator import Communicator
from mt_nn.parameter import Parameter


class GradientBuffer:
    """One array for the gradients of trained parameters, a flag for each, and further numbers.

    The flag is 1 where the rank has a gradient: if the sum of the flags is 0, no rank has one.

        | gradient 0 | gradient 1 | ... | flag 0 | flag 1 | ... | numbers |
    """

    def __init__(self, parameters: Iterable[Parameter]) -> None:
        """Keep the parameters: the walk through the modules takes as long as a small exchange.

        Args:
            parameters: All parameters of a network; frozen ones have no place in the array while
                they are frozen.
        """
        self._parameters = list(parameters)
        self._flat = np.empty(0)
        self._places: list[npt.NDArray[Any]] = []
        self._views: list[Tensor | None] = []

    def sum(self, communicator: Communicator, numbers: Sequence[float]) -> npt.NDArray[np.floating]:
        """Replace each gradient, and return the numbers, by the sums over all ranks.

        Raises:
            CommunicationError: A rank fails.
        """
        parameters = [each for each in self._parameters if each.requires_grad]
        self._lay_out(parameters, len(numbers))
        flat, first = self._flat, len(self._flat) - len(numbers)
        flags = flat[first - len(parameters) : first]
        for number, (parameter, place) in enumerate(zip(parameters, self._places, strict=True)):
            grad = gradient(parameter)
            flags[number] = grad is not None
            if isinstance(grad, Tensor):
                place[...] = grad.to_numpy()
            else:
                place[...] = grad or 0.0
        flat[first:] = numbers
        with record("sum of gradients"):
            communicator.all_reduce(flat)
        for number, (parameter, flag) in enumerate(zip(parameters, flags.tolist(), strict=True)):
            if not flag:
                parameter.grad = None
            elif isinstance(parameter.value, Scalar):
                parameter.grad = float(self._places[number])
            else:
                parameter.grad = self._view(number, parameter.value)
        return flat[first:].copy()

    def _lay_out(self, parameters: Sequence[Parameter], numbers: int) -> None:
        """Allocate the array if shapes, dtypes or the number of numbers have changed."""
        shapes = [each.shape for each in parameters]
        sizes = [math.prod(shape) for shape in shapes]
        length = sum(sizes) + len(sizes) + numbers
        dtypes = {each.value.dtype for each in parameters if isinstance(each.value, Tensor)}
        dtype = np.result_type(*dtypes) if dtypes else np.dtype(np.float64)
        laid_out = [place.shape for place in self._places]
        if shapes != laid_out or length != len(self._flat) or dtype != self._flat.dtype:
            self._flat = np.zeros(length, dtype)
            parts = np.split(self._flat, list(itertools.accumulate(sizes)))
            self._places = [part.reshape(shape) for part, shape in zip(parts, shapes, strict=False)]
            self._views = [None] * len(sizes)

    def _view(self, number: int, value: Tensor) -> Tensor:
        """Return the gradient of a parameter: a tensor in the array, the same in each step.

        Backends whose tensors do not lie in host memory get a new tensor.
        """
        view, place = self._views[number], self._places[number]
        is_current = (
            view is not None
            and view.backend == value.backend
            and np.shares_memory(view.to_numpy(), place)
        )
        if view is None or not is_current:
            view = Tensor(value.backend.from_numpy(place), backend=value.backend)
            self._views[number] = view
        return view
