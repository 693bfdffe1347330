"""Parameter groups: parameters of an optimiser with settings of their own."""

from collections.abc import Iterator, MutableMapping
from typing import Any

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
