"""Parameter groups: parameters of an optimiser with settings of their own."""

from collections.abc import Iterable, Iterator, MutableMapping
from typing import Any

from mt_autodiff import Tensor
from mt_nn._gradients import unique_parameters
from mt_nn.parameter import Parameter


class ParameterGroup(MutableMapping[str, Any]):
    """Some parameters of an optimiser and their settings, under PyTorch's names.

    A setting that the group does not have itself is the optimiser's: a later change of the
    optimiser's attribute applies to it. Assigning a setting makes it the group's own, unless the
    optimiser has only one group: then the attribute changes.

    Attributes:
        parameters: The parameters, also the item "params".
        own: The settings of this group.

    >>> from mt_autodiff import tensor
    >>> from mt_nn import SGD
    >>> head, body = Parameter(tensor([1.0])), Parameter(tensor([2.0]))
    >>> optimizer = SGD([{"params": [head]}, {"params": [body], "lr": 0.01}], lr=0.1)
    >>> optimizer.lr = 0.2
    >>> [group["lr"] for group in optimizer.param_groups]
    [0.2, 0.01]
    >>> optimizer.param_groups[1]["lr"] /= 10
    >>> optimizer.param_groups[1]
    ParameterGroup(1 parameters, lr=0.001)
    """

    def __init__(self, optimizer: Any, parameters: list[Parameter], own: dict[str, Any]) -> None:
        """Make a group of an optimiser."""
        self._optimizer = optimizer
        self.parameters = parameters
        self.own = own

    def __getitem__(self, key: str) -> Any:
        if key == "params":
            return self.parameters
        if key not in self._optimizer.hyperparameters:
            raise KeyError(key)
        return self.own[key] if key in self.own else getattr(self._optimizer, key)

    def __setitem__(self, key: str, value: Any) -> None:
        self._check(key)
        if len(self._optimizer.param_groups) == 1:
            setattr(self._optimizer, key, value)
            self.own.pop(key, None)
        else:
            self.own[key] = value

    def __delitem__(self, key: str) -> None:
        self._check(key)
        del self.own[key]

    def __iter__(self) -> Iterator[str]:
        return iter(("params", *self._optimizer.hyperparameters))

    def __len__(self) -> int:
        return 1 + len(self._optimizer.hyperparameters)

    def __repr__(self) -> str:
        own = "".join(f", {name}={value}" for name, value in self.own.items())
        return f"ParameterGroup({len(self.parameters)} parameters{own})"

    def _check(self, key: str) -> None:
        if key not in self._optimizer.hyperparameters:
            raise ValueError(
                f"{type(self._optimizer).__name__}: a parameter group has no setting {key!r}; "
                f"allowed: {list(self._optimizer.hyperparameters)}"
            )


def decay_groups(parameters: Iterable[Parameter], weight_decay: float) -> list[dict[str, Any]]:
    """Return parameter groups in which only matrices and kernels decay.

    Tensors of two dimensions or more decay: weights of layers and tables of embeddings. Biases and
    the factors of normalisations do not: the decay would pull them to 0 without simplifying the
    network.

    Args:
        parameters: The parameters, such as ``model.parameters()``.
        weight_decay: The coefficient of the parameters that decay.

    Returns:
        A group with the coefficient and a group with the coefficient 0; a group without
        parameters is left out.

    Raises:
        TypeError: An item is not a `Parameter`.

    >>> from mt_nn import AdamW, Linear
    >>> AdamW(decay_groups(Linear(2, 3).parameters(), 0.1), lr=1e-3).param_groups
    [ParameterGroup(1 parameters, weight_decay=0.1), ParameterGroup(1 parameters, weight_decay=0.0)]
    """
    groups: list[dict[str, Any]] = [
        {"params": [], "weight_decay": weight_decay},
        {"params": [], "weight_decay": 0.0},
    ]
    for parameter in unique_parameters(parameters, "decay_groups"):
        value = parameter.value
        groups[not (isinstance(value, Tensor) and value.dims >= 2)]["params"].append(parameter)
    return [group for group in groups if group["params"]]
