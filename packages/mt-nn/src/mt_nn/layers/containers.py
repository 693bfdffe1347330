"""Containers: modules that apply other modules or functions."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Self, overload

from mt_nn.module import Module


class Lambda(Module):
    """A module that applies a function without parameters.

    Attributes:
        function: The function.

    >>> Lambda(lambda x: x * x)(3.0)
    9.0
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        """Build a module of a function."""
        self.function = function

    def forward(self, *inputs: Any) -> Any:
        """Return the function's result."""
        return self.function(*inputs)

    def extra_repr(self) -> str:
        """Return the function's name."""
        return getattr(self.function, "__name__", repr(self.function))


class Sequential(Module):
    """Layers that are applied one after the other.

    A layer is a module, or any function of one tensor, such as ``Tensor.relu``. The names of the
    layers are "0", "1" and so on, or the keys of a dict.

    >>> from mt_autodiff import Tensor, ones
    >>> from mt_nn import Linear
    >>> network = Sequential(Linear(4, 3, rng=0), Tensor.relu, Linear(3, 2, rng=1))
    >>> network(ones((5, 4))).shape, len(network), network[2]
    ((5, 2), 3, Linear(3, 2))
    >>> [name for name, _ in network.named_parameters()]
    ['0.weight', '0.bias', '2.weight', '2.bias']
    """

    def __init__(self, *layers: Module | Callable[..., Any] | Mapping[str, Any]) -> None:
        """Build a network of layers, or of a dict of layers by name.

        Raises:
            TypeError: An argument is neither a module nor a function.
        """
        if len(layers) == 1 and isinstance(layers[0], Mapping):
            for name, layer in layers[0].items():
                setattr(self, name, _as_module(layer))
        else:
            for layer in layers:
                self.append(layer)

    def append(self, layer: Any) -> Self:
        """Add a layer at the end.

        Returns:
            This module.

        Raises:
            TypeError: The layer is neither a module nor a function.
        """
        setattr(self, str(len(self)), _as_module(layer))
        return self

    def forward(self, input: Any) -> Any:
        """Apply all layers in order."""
        for layer in self:
            input = layer(input)
        return input

    def __len__(self) -> int:
        return len(self._modules)

    def __iter__(self) -> Iterator[Module]:
        return iter(list(self._modules.values()))

    @overload
    def __getitem__(self, index: int) -> Module: ...
    @overload
    def __getitem__(self, index: slice) -> "Sequential": ...
    def __getitem__(self, index: int | slice) -> Module:
        if isinstance(index, slice):
            return Sequential(dict(list(self._modules.items())[index]))
        return list(self)[index]


def _as_module(layer: Any) -> Module:
    """Return a layer as a module.

    Raises:
        TypeError: The layer is neither a module nor a function.
    """
    if isinstance(layer, Module):
        return layer
    if callable(layer) and not isinstance(layer, type):
        return Lambda(layer)
    way_out = "pass modules or functions"
    if isinstance(layer, list | tuple):
        way_out = "pass the layers one by one, Sequential(*layers)"
    elif isinstance(layer, type):
        way_out = f"pass an object, such as {layer.__name__}()"
    raise TypeError(f"Sequential: a layer of type {type(layer).__name__}; {way_out}")
