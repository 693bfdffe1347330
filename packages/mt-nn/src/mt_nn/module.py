"""Modules: trees of parameters, which can be listed, trained, saved and printed.

A module has no registry of its members. Its methods search the attributes at each call, so that
every assignment, deletion or append takes effect.
"""

import reprlib
from collections import UserDict, UserList, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from numbers import Real
from types import MappingProxyType
from typing import Any, Literal, Self, TypeVar
from weakref import WeakSet

import numpy as np
import numpy.typing as npt

from mt_autodiff import Scalar, Tensor, tensor
from mt_tensor import Backend


class Parameter:
    """A trainable value: a tensor, a scalar or a plain number, with a name.

    Args:
        x: The value. Its method `requires_grad_` is called, if it has one.
        name: A name, assigned to the value's attribute `name`, if it has one.

    Attributes:
        value: The current value.
        name: The name, or None.
    """

    __slots__ = ("__weakref__", "name", "value")

    def __init__(self, x: Any, name: str | None = None) -> None:
        self.name = name
        self.update(x)

    def update(self, x: Any) -> None:
        """Replace the value.

        The new value becomes a leaf: it requires a gradient, and its history is dropped.
        """
        self.value = x
        if hasattr(x, "requires_grad_"):
            x.requires_grad_(True)
        if self.name is not None and hasattr(x, "name"):
            x.name = self.name

    def __repr__(self) -> str:
        prefix = "Parameter("
        return prefix + repr(self.value).replace("\n", "\n" + " " * len(prefix)) + ")"

    def __str__(self) -> str:
        return str(self.value)


class Module:
    """A part of a model: parameters, further modules, and a function of them.

    A subclass assigns its members to attributes and defines `forward`. A member is a `Parameter`,
    a `Module`, or a list, tuple, deque or dict of members, with any nesting. Members in sets and in
    arrays of objects are errors: they have no names that are the same in the next run.

    >>> class Line(Module):
    ...     def __init__(self):
    ...         self.slope = Parameter(Scalar(2.0))
    ...         self.shift = Parameter(Scalar(1.0))
    ...
    ...     def forward(self, x):
    ...         return x * self.slope.value + self.shift.value
    >>> class Steps(Module):
    ...     def __init__(self, count):
    ...         self.lines = [Line() for _ in range(count)]
    ...
    ...     def forward(self, x):
    ...         for line in self.lines:
    ...             x = line(x)
    ...         return x
    >>> steps = Steps(2)
    >>> steps(5.0)
    Scalar(23.0)
    >>> [name for name, _ in steps.named_parameters()]
    ['lines.0.slope', 'lines.0.shift', 'lines.1.slope', 'lines.1.shift']

    Attributes:
        training: True in training mode, False in evaluation mode. Some modules, such as `Dropout`,
            compute different functions in the two modes.
    """

    training: bool = True

    # Computing

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Compute the function of this module. Subclasses define it."""
        raise NotImplementedError(
            f"{type(self).__name__} has no method forward, so it cannot be called; define forward"
        )

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Return what `forward` returns."""
        return self.forward(*args, **kwargs)

    # Training and evaluation

    def train(self) -> None:
        """Set this module and its descendants to training mode."""
        for _, module in self.named_modules():
            module.training = True

    def eval(self) -> None:
        """Set this module and its descendants to evaluation mode."""
        for _, module in self.named_modules():
            module.training = False

    @property
    def mode(self) -> Literal["train", "eval"]:
        """The mode of this module: "train" or "eval"."""
        return "train" if self.training else "eval"

    # Members

    @property
    def _modules(self) -> dict[str, "Module"]:
        """The modules that are members of this one, by name."""
        return _by_name((name, item) for name, item in self._members() if isinstance(item, Module))

    @property
    def _parameters(self) -> dict[str, Parameter]:
        """The parameters that are members of this module itself, by name, attributes first."""
        found = [(name, item) for name, item in self._members() if isinstance(item, Parameter)]
        # If a parameter is an attribute and also in a list, the attribute's name is used.
        return _by_name(sorted(found, key=lambda pair: "." in pair[0]))

    def _members(self) -> Iterator[tuple[str, "Parameter | Module"]]:
        for name, value in vars(self).items():
            yield from _members(name, value)

    def modules(self) -> Sequence["Module"]:
        """Return the modules that are members of this one, without duplicates."""
        return list({id(module): module for module in self._modules.values()}.values())

    def named_modules(self) -> Sequence[tuple[str, "Module"]]:
        """Return this module, with the name "", and its descendants with their dotted names.

        A module with several names is listed once, under the first of them. Every module comes
        before its descendants.
        """
        found: dict[int, tuple[str, Module]] = {}

        def visit(name: str, module: Module) -> None:
            if id(module) not in found:
                found[id(module)] = name, module
                for key, child in module._modules.items():
                    visit(_dotted(name, key), child)

        visit("", self)
        return list(found.values())

    def named_parameters(self) -> Sequence[tuple[str, Parameter]]:
        """Return the parameters of this module and its descendants with their dotted names.

        A parameter with several names is listed once, under the first of them.

        Raises:
            ValueError: Two parameters have the same name.
            TypeError: A set or an array contains parameters or modules.
        """
        found: dict[int, tuple[str, Parameter]] = {}
        for prefix, module in self.named_modules():
            for name, parameter in module._parameters.items():
                found.setdefault(id(parameter), (_dotted(prefix, name), parameter))
        return list(_by_name(found.values()).items())

    def parameters(self) -> Sequence[Parameter]:
        """Return the parameters of this module and its descendants, without duplicates."""
        return [parameter for _, parameter in self.named_parameters()]

    def add_parameter(self, k: str, v: Any) -> Parameter:
        """Add a parameter as an attribute.

        Args:
            k: The name of the attribute and of the parameter.
            v: The value, or a Parameter, which is added unchanged.

        Returns:
            The parameter.

        Raises:
            ValueError: The name is empty, contains a dot, or is an attribute of `Module`.
        """
        if not k or "." in k or hasattr(Module, k):
            raise ValueError(
                f"add_parameter: {k!r} is not a valid name for a parameter of "
                f"{type(self).__name__}; choose a name that is not empty, contains no dots and is "
                "not an attribute of Module"
            )
        parameter = v if isinstance(v, Parameter) else Parameter(v, k)
        setattr(self, k, parameter)
        return parameter

    # Backends

    def to(self, backend: Backend) -> Self:
        """Move all parameters to a backend.

        Each gets a new value without a gradient; a frozen parameter stays frozen. An optimiser of
        the parameters remains valid and moves its state. The caller moves the inputs.

        Args:
            backend: The backend; parameters that are already there do not change.

        Returns:
            This module.

        >>> import numpy as np
        >>> from mt_tensor import Reference
        >>> module = Module()
        >>> weight = module.add_parameter("weight", tensor([1.0]))
        >>> _ = module.to(Reference(np.float32))
        >>> weight.value.dtype
        dtype('float32')
        """
        for parameter in self.parameters():
            value = parameter.value
            if isinstance(value, Tensor) and value.backend != backend:
                frozen = value.is_constant()
                parameter.update(value.detach().to(backend))
                if frozen:
                    parameter.value.requires_grad_(False)
        return self

    # Saving and loading

    def state_dict(self) -> dict[str, npt.NDArray[Any]]:
        """Return copies of all parameters as arrays, by their dotted names.

        Shape:
            The shape of the tensor; () for a scalar or a number.

        Raises:
            TypeError: The value of a parameter is not a tensor, a scalar or a number.
        """
        return {
            name: np.array(_as_array(name, parameter.value), order="C")
            for name, parameter in self.named_parameters()
        }

    def load_state_dict(self, state: Mapping[str, npt.ArrayLike]) -> None:
        """Set all parameters from arrays, as `state_dict` returns them.

        Each parameter keeps its backend and dtype; a frozen parameter stays frozen. After an error
        nothing is changed.

        Args:
            state: An array for every parameter, by its dotted name.

        Raises:
            TypeError: The value of a parameter is not a tensor, a scalar or a number; or a value
                of the state cannot become an array.
            ValueError: A name is missing or unexpected, a shape differs, or the dtype of an array
                is not real.
        """
        parameters = dict(self.named_parameters())
        arrays = {name: _received(name, value) for name, value in state.items()}
        problems = [f"missing: {name!r}" for name in parameters if name not in arrays]
        problems += [f"unexpected: {name!r}" for name in arrays if name not in parameters]
        for name, received in arrays.items():
            if name not in parameters:
                continue
            shape = _as_array(name, parameters[name].value).shape
            if received.shape != shape:
                problems.append(f"shape of {name!r}: expected {shape}, received {received.shape}")
            elif received.dtype.kind not in "biuf":
                problems.append(
                    f"dtype of {name!r}: expected real numbers, received {received.dtype}"
                )
        if problems:
            raise ValueError(
                f"load_state_dict: the state does not fit this {type(self).__name__}; nothing was "
                "changed\n  " + "\n  ".join(problems)
            )
        loaded = {name: _as_value(p.value, arrays[name]) for name, p in parameters.items()}
        for name, parameter in parameters.items():
            frozen = isinstance(parameter.value, Tensor | Scalar) and parameter.value.is_constant()
            parameter.update(loaded[name])
            if frozen:
                parameter.value.requires_grad_(False)

    # Showing

    def extra_repr(self) -> str:
        """Return the text between the parentheses of `repr`.

        A subclass returns its settings, such as its sizes. Members are shown in addition.
        """
        return ""

    @reprlib.recursive_repr(fillvalue="...")
    def __repr__(self) -> str:
        settings = self.extra_repr()
        if not self._modules:
            return f"{type(self).__name__}({settings})"
        lines = [settings] if settings else []
        lines += [f"({name}): {module!r}" for name, module in self._modules.items()]
        body = "\n".join(lines).replace("\n", "\n  ")
        return f"{type(self).__name__}(\n  {body}\n)"


Member = TypeVar("Member", Parameter, Module)

# Not every sequence and mapping: one of the user may read its items from a file.
_SEQUENCES = (list, tuple, deque, UserList)
_MAPPINGS = (dict, UserDict, MappingProxyType)
_SETS = (set, frozenset, WeakSet)
_HOLDERS = (Parameter, Module, *_SEQUENCES, *_MAPPINGS, *_SETS, np.ndarray)


def _members(name: str, value: Any) -> Iterator[tuple[str, Parameter | Module]]:
    """Yield the parameters and modules in an attribute, with their dotted names.

    Raises:
        TypeError: A set or an array contains parameters or modules.
    """
    if isinstance(value, Parameter | Module):
        yield name, value
    elif isinstance(value, (*_SEQUENCES, *_MAPPINGS)):
        items = value.items() if isinstance(value, _MAPPINGS) else enumerate(value)
        for key, item in items:
            # No name is built for other items: a list may be a large data set.
            if isinstance(item, _HOLDERS):
                yield from _members(_dotted(name, str(key)), item)
    elif isinstance(value, _SETS) or (isinstance(value, np.ndarray) and value.dtype.hasobject):
        for item in value.flat if isinstance(value, np.ndarray) else value:
            if isinstance(item, _HOLDERS) and next(_members(name, item), None) is not None:
                raise TypeError(
                    f"the attribute {name!r} is of type {type(value).__name__} and contains a "
                    f"{type(item).__name__}, which would have no name; put parameters and modules "
                    "into a list, a tuple or a dict"
                )


def _by_name(pairs: Iterable[tuple[str, Member]]) -> dict[str, Member]:
    """Return named members as a dict.

    Raises:
        ValueError: Two members have the same name.
    """
    result: dict[str, Member] = {}
    for name, member in pairs:
        if name in result:
            raise ValueError(
                f"two members of one module are named {name!r}; "
                "rename the attribute or the key that contains a dot"
            )
        result[name] = member
    return result


def _dotted(prefix: str, name: str) -> str:
    return f"{prefix}.{name}" if prefix else name


def _received(name: str, value: Any) -> npt.NDArray[Any]:
    """Return a value of a state as an array.

    Raises:
        TypeError: It is no array, such as a tensor of bfloat16 of another library.
    """
    try:
        return np.asarray(value)
    except (TypeError, RuntimeError, ValueError, BufferError) as error:
        raise TypeError(
            f"load_state_dict: {name!r} of type {type(value).__name__} cannot become an array "
            f"({error}); pass an array of real numbers, for PyTorch's tensors "
            "value.detach().float().cpu().numpy()"
        ) from error


def _as_array(name: str, value: Any) -> npt.NDArray[Any]:
    """Return a parameter's value as an array, which may share its memory."""
    if isinstance(value, Tensor):
        return value.to_numpy()
    if isinstance(value, Scalar):
        return np.asarray(value.data)
    if isinstance(value, Real):
        return np.asarray(value)
    raise TypeError(
        f"state_dict: the value of parameter {name!r} is of type {type(value).__name__}; "
        "only tensors, scalars and numbers can be saved"
    )


def _as_value(value: Any, array: npt.NDArray[Any]) -> Any:
    """Return an array as a value of the class and backend of a parameter's present value."""
    if isinstance(value, Tensor):
        data = tensor(array, backend=value.backend).data
        return type(value)(data, backend=value.backend)
    number = array.item()
    return Scalar(number) if isinstance(value, Scalar) else number
