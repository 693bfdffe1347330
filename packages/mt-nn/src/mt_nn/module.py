"""Modules: trees of parameters, with one way to find, train, save and show them all.

A module keeps no register of its members. Whoever asks for them walks over the attributes as they
are at that moment, so that no assignment, deletion or append can ever be missed.
"""

import reprlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from numbers import Real
from typing import Any, Literal, Self, TypeVar

import numpy as np
import numpy.typing as npt

from mt_autodiff import Scalar, Tensor, tensor
from mt_tensor import Backend


class Parameter:
    """A value that training changes: a named place for a tensor, a scalar or a plain number.

    Args:
        x: The value. If it can require a gradient, it is told to.
        name: A name, passed on to a value that has a name.

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

        The new one becomes a leaf: it requires a gradient and forgets how it was computed.
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
    """A part of a model: parameters and further modules, and a function of them.

    A subclass assigns its members to attributes and defines `forward`. A member is a `Parameter`,
    a `Module`, or a list, tuple or dict of members, nested as deeply as need be.

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
        training: Whether the module is being trained. Some functions, such as dropout, compute
            something else when it is not.
    """

    training: bool = True

    # Computing

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Compute the function of this module; every subclass that is called defines it."""
        raise NotImplementedError(
            f"{type(self).__name__} defines no forward, so it cannot be called"
        )

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Return what `forward` returns."""
        return self.forward(*args, **kwargs)

    # Training and evaluation

    def train(self) -> None:
        """Set this module and all below it to training."""
        for _, module in self.named_modules():
            module.training = True

    def eval(self) -> None:
        """Set this module and all below it to evaluation."""
        for _, module in self.named_modules():
            module.training = False

    @property
    def mode(self) -> Literal["train", "eval"]:
        """What the module is set to, as a word."""
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
        # Where a parameter is an attribute and in a list, too, the attribute names it.
        return _by_name(sorted(found, key=lambda pair: "." in pair[0]))

    def _members(self) -> Iterator[tuple[str, "Parameter | Module"]]:
        for name, value in vars(self).items():
            yield from _members(name, value)

    def modules(self) -> Sequence["Module"]:
        """Return the modules that are members of this one, each once."""
        return list({id(module): module for module in self._modules.values()}.values())

    def named_modules(self) -> Sequence[tuple[str, "Module"]]:
        """Return this module, whose name is empty, and all below it with their dotted names.

        A module that is reached by several names counts once, by the first of them. Every module
        comes before those below it.
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
        """Return the parameters of this module and all below it with their dotted names.

        A parameter that is reached by several names counts once, by the first of them.

        Raises:
            ValueError: Two parameters have one name.
        """
        found: dict[int, tuple[str, Parameter]] = {}
        for prefix, module in self.named_modules():
            for name, parameter in module._parameters.items():
                found.setdefault(id(parameter), (_dotted(prefix, name), parameter))
        return list(_by_name(found.values()).items())

    def parameters(self) -> Sequence[Parameter]:
        """Return the parameters of this module and all below it, each once."""
        return [parameter for _, parameter in self.named_parameters()]

    def add_parameter(self, k: str, v: Any) -> Parameter:
        """Make a parameter an attribute whose name is computed.

        Args:
            k: The name of the attribute, which becomes the parameter's.
            v: The value, or a Parameter, which is taken as it is.

        Returns:
            The parameter.

        Raises:
            ValueError: The name is empty, has a dot in it, or is one that `Module` itself uses.
        """
        if not k or "." in k or hasattr(Module, k):
            raise ValueError(
                f"add_parameter: {k!r} cannot name a parameter of {type(self).__name__}; a name "
                "is not empty, has no dots, and is not an attribute of every module"
            )
        parameter = v if isinstance(v, Parameter) else Parameter(v, k)
        setattr(self, k, parameter)
        return parameter

    # Where the parameters live

    def to(self, backend: Backend) -> Self:
        """Move all parameters to a backend, and so what is computed with them.

        Each gets a new value without a gradient; a frozen one stays frozen. An optimiser that holds
        the parameters goes on with them, and moves what it remembers. Inputs are the caller's to
        move.

        Args:
            backend: Where to; parameters that are there already stay as they are.

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
            That of the tensor; () for a scalar or a number.

        Raises:
            TypeError: A parameter holds neither a tensor nor a scalar nor a number.
        """
        return {
            name: np.array(_as_array(name, parameter.value), order="C")
            for name, parameter in self.named_parameters()
        }

    def load_state_dict(self, state: Mapping[str, npt.ArrayLike]) -> None:
        """Set all parameters from arrays, as `state_dict` returns them.

        Each parameter keeps its backend, and with it its dtype; one that requires no gradient
        still requires none. If anything is wrong, nothing is changed.

        Args:
            state: An array for every parameter, by its dotted name.

        Raises:
            TypeError: A parameter holds neither a tensor nor a scalar nor a number.
            ValueError: A name is missing or unexpected, a shape differs, or an array does not
                hold real numbers.
        """
        parameters = dict(self.named_parameters())
        arrays = {name: np.asarray(value) for name, value in state.items()}
        problems = [f"missing: {name!r}" for name in parameters if name not in arrays]
        problems += [f"unexpected: {name!r}" for name in arrays if name not in parameters]
        for name, given in arrays.items():
            if name not in parameters:
                continue
            expected = _as_array(name, parameters[name].value).shape
            if given.shape != expected:
                problems.append(f"shape of {name!r}: expected {expected}, given {given.shape}")
            elif given.dtype.kind not in "biuf":
                problems.append(f"dtype of {name!r}: expected real numbers, given {given.dtype}")
        if problems:
            raise ValueError(
                f"load_state_dict: the state is not one of this {type(self).__name__}; nothing is "
                "changed\n  " + "\n  ".join(problems)
            )
        loaded = {name: _like(p.value, arrays[name]) for name, p in parameters.items()}
        for name, parameter in parameters.items():
            frozen = isinstance(parameter.value, Tensor | Scalar) and parameter.value.is_constant()
            parameter.update(loaded[name])
            if frozen:
                parameter.value.requires_grad_(False)

    # Showing

    def extra_repr(self) -> str:
        """Return what stands between the parentheses when the module is shown.

        A subclass returns its settings, such as its sizes. Modules below are shown anyway.
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

_HOLDERS = (Parameter, Module, list, tuple, dict)


def _members(name: str, value: Any) -> Iterator[tuple[str, Parameter | Module]]:
    """Yield the parameters and modules that an attribute holds, with their dotted names."""
    if isinstance(value, Parameter | Module):
        yield name, value
    elif isinstance(value, list | tuple | dict):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for key, item in items:
            # No name is built for what can hold no member: a list may well be a data set.
            if isinstance(item, _HOLDERS):
                yield from _members(_dotted(name, str(key)), item)


def _by_name(pairs: Iterable[tuple[str, Member]]) -> dict[str, Member]:
    """Return named members as a dict, and let none be lost."""
    result: dict[str, Member] = {}
    for name, member in pairs:
        if name in result:
            raise ValueError(
                f"two members of one module are named {name!r}; "
                "rename the attribute or the key that has a dot in it"
            )
        result[name] = member
    return result


def _dotted(prefix: str, name: str) -> str:
    return f"{prefix}.{name}" if prefix else name


def _as_array(name: str, value: Any) -> npt.NDArray[Any]:
    """Return a parameter's value as an array, which may share its memory."""
    if isinstance(value, Tensor):
        return value.to_numpy()
    if isinstance(value, Scalar):
        return np.asarray(value.data)
    if isinstance(value, Real):
        return np.asarray(value)
    raise TypeError(
        f"state_dict: parameter {name!r} holds a {type(value).__name__}; "
        "only tensors, scalars and numbers can be saved"
    )


def _like(value: Any, array: npt.NDArray[Any]) -> Any:
    """Return an array as a value of the class that a parameter holds, on the same backend."""
    if isinstance(value, Tensor):
        data = tensor(array, backend=value.backend).data
        return type(value)(data, backend=value.backend)
    number = array.item()
    return Scalar(number) if isinstance(value, Scalar) else number
