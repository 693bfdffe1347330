"""State dicts of PyTorch, in both directions.

A network with the same layers under the same names as one of PyTorch has the same parameters, up to
the layout of a matrix: PyTorch stores the weight of a linear layer as (outputs, inputs), this
package as (inputs, outputs). All other arrays have equal layouts. This module does not import
PyTorch: a state is a dict of arrays, or of anything that NumPy converts.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from mt_autodiff import Tensor
from mt_nn._state import Arrays, IncompatibleKeys
from mt_nn.layers import Linear
from mt_nn.module import Module


def load_torch_state_dict(
    model: Module,
    state: Mapping[str, Any],
    *,
    names: Mapping[str, str] | None = None,
    strict: bool = True,
) -> IncompatibleKeys:
    """Set the parameters and buffers of a module from a state dict of PyTorch.

    After an error nothing is changed.

    Args:
        model: The module.
        state: The state: tensors of PyTorch, on any device and of any real dtype, or arrays.
        names: For each name of PyTorch that differs, the name in the module. A name is that of a
            parameter, or a module and then applies to everything below it.
        strict: False ignores missing and unexpected names.

    Returns:
        The names that were ignored: `missing_keys` and `unexpected_keys`, in the module's spelling.

    Raises:
        ValueError: A name is missing or unexpected, two names become one, or a shape differs.
        TypeError: The state is not a mapping.

    >>> from mt_nn import Linear, Sequential
    >>> model = Sequential(Linear(2, 1))
    >>> state = {"head.weight": np.array([[1.0, 2.0]]), "head.bias": np.array([3.0])}
    >>> load_torch_state_dict(model, state, names={"head": "0"})
    IncompatibleKeys(missing_keys=[], unexpected_keys=[])
    >>> model[0].weight.value
    tensor([[1.],
            [2.]], requires_grad=True)
    """
    if not isinstance(state, Mapping):
        raise TypeError(
            f"load_torch_state_dict: expected a dict of tensors, received {type(state).__name__}; "
            "pass module.state_dict()"
        )
    matrices = _linear_weights(model)
    renamed: Arrays = {}
    for name, value in state.items():
        ours = _renamed(name, names or {})
        if ours in renamed:
            raise ValueError(
                f"load_torch_state_dict: two names of the state become {ours!r}; check names"
            )
        array = _array(value)
        renamed[ours] = array.T if ours in matrices and array.ndim == 2 else array
    return model.load_state_dict(renamed, strict)


def torch_state_dict(model: Module, *, names: Mapping[str, str] | None = None) -> Arrays:
    """Return the parameters and buffers of a module as a state dict of PyTorch.

    Args:
        model: The module.
        names: As in `load_torch_state_dict`: names of PyTorch, each with the name in the module.

    Returns:
        Arrays by the names of PyTorch. Convert them with ``torch.from_numpy`` and pass the result
        to ``load_state_dict`` of PyTorch's module.

    >>> from mt_nn import Linear
    >>> torch_state_dict(Linear(2, 5))["weight"].shape
    (5, 2)
    """
    matrices = _linear_weights(model)
    back = {ours: theirs for theirs, ours in (names or {}).items()}
    return {
        _renamed(name, back): np.ascontiguousarray(array.T) if name in matrices else array
        for name, array in model.state_dict().items()
    }


def _linear_weights(model: Module) -> set[str]:
    """Return the names of the matrices whose layout differs."""
    owners = {id(module.weight) for module in model.modules() if isinstance(module, Linear)}
    return {name for name, parameter in model.named_parameters() if id(parameter) in owners}


def _renamed(name: str, names: Mapping[str, str]) -> str:
    """Return a name, with its longest prefix in a mapping replaced."""
    for prefix in _prefixes(name):
        if prefix in names:
            rest = name[len(prefix) :]
            return names[prefix] + rest if names[prefix] else rest.removeprefix(".")
    return name


def _prefixes(name: str) -> Iterable[str]:
    """Yield a dotted name and the names of its modules, the longest first."""
    while name:
        yield name
        name = name.rpartition(".")[0]


def _array(value: Any) -> npt.NDArray[Any]:
    """Return a tensor of PyTorch, or anything that NumPy converts, as an array."""
    if isinstance(value, Tensor):
        return value.to_numpy()
    if hasattr(value, "detach") and hasattr(value, "cpu"):
        value = value.detach().cpu()
        if "bfloat16" in str(value.dtype):
            value = value.float()  # NumPy has no bfloat16.
    return np.asarray(value)
