"""The tree of a network's modules: names, settings, parameters."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from mt_autodiff import Scalar, Tensor
from mt_models.datasets import Vocabulary, load_glove
from mt_models.networks import CourseLeNet, KimCNN, LeNet5, ScalarMLP, TensorMLP
from mt_nn import Module, Parameter


@dataclass(frozen=True, slots=True)
class ParameterRow:
    """A parameter.

    Attributes:
        name: Its name within the module.
        shape: The sizes; () for a single number.
        learnt: True if training changes it.
    """

    name: str
    shape: tuple[int, ...]
    learnt: bool

    @property
    def count(self) -> int:
        """The number of elements."""
        return int(np.prod(self.shape, dtype=int))


@dataclass(frozen=True, slots=True)
class Branch:
    """A module.

    Attributes:
        name: Its dotted name; empty for the network itself.
        kind: The name of its class.
        settings: The settings from its `extra_repr`.
        training: True in training mode.
        parameters: Its parameters, without those of its descendants.
        depth: The number of its ancestors.
    """

    name: str
    kind: str
    settings: str
    training: bool
    parameters: tuple[ParameterRow, ...]
    depth: int

    @property
    def count(self) -> int:
        """The number of elements of its parameters."""
        return sum(row.count for row in self.parameters)


def tree(network: Module) -> list[Branch]:
    """Return a network and its descendants, each module before its descendants."""
    owned: dict[str, list[ParameterRow]] = {}
    for name, parameter in network.named_parameters():
        owner = _owner(name, network)
        owned.setdefault(owner, []).append(
            _parameter_row(name[len(owner) :].lstrip("."), parameter)
        )
    return [
        Branch(
            name,
            type(module).__name__,
            module.extra_repr(),
            module.training,
            tuple(owned.get(name, ())),
            _depth(name, network),
        )
        for name, module in network.named_modules()
    ]


def _owner(parameter: str, network: Module) -> str:
    """Return the name of the module of a parameter: the longest matching prefix."""
    names = [name for name, _ in network.named_modules()]
    fitting = [name for name in names if name == "" or parameter.startswith(f"{name}.")]
    return max(fitting, key=len)


def _depth(name: str, network: Module) -> int:
    """Return the number of ancestors of a module."""
    return sum(
        other == "" or name.startswith(f"{other}.")
        for other, _ in network.named_modules()
        if other != name
    )


def _parameter_row(name: str, parameter: Parameter) -> ParameterRow:
    value: Any = parameter.value
    shape = value.shape if isinstance(value, Tensor) else ()
    learnt = not value.is_constant() if isinstance(value, Tensor | Scalar) else True
    return ParameterRow(name, tuple(shape), learnt)


def _kim(rng: np.random.Generator) -> Module:
    return KimCNN(Vocabulary(load_glove()).vectors, rng)


NETWORKS: dict[str, Callable[[np.random.Generator], Module]] = {
    "CourseLeNet": CourseLeNet,
    "LeNet5": LeNet5,
    "KimCNN": _kim,
    "ScalarMLP": lambda rng: ScalarMLP(4, rng),
    "TensorMLP": lambda rng: TensorMLP(10, rng),
}
"""Functions that build the networks of the course, by the name of the class."""
