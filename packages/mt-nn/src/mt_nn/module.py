"""Modules: trees of parameters, which can be listed, trained, saved and printed.

A module has no registry of its members. Its methods search the attributes at each call, so that
every assignment, deletion or append takes effect.
"""

import reprlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from numbers import Real
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
import numpy.typing as npt

from mt_autodiff import Scalar, Tensor
from mt_autodiff.names import missing_member
from mt_nn._members import by_name, dotted, members_of
from mt_nn._names import MODULE_MEMBERS
from mt_nn._state import (
    Arrays,
    IncompatibleKeys,
    as_array,
    as_received,
    as_value,
    compare_names,
    problems_of,
)
from mt_nn.hooks import HookHandle
from mt_nn.parameter import Parameter
from mt_tensor import Backend

_VALUES = (Tensor, Scalar, Real, np.ndarray)

_BUFFERS = "_buffer_names"


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

    _forward_hooks: dict[HookHandle, Any] | None = None

    # Computing

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Compute the function of this module. Subclasses define it."""
        raise NotImplementedError(
            f"{type(self).__name__} has no method forward, so it cannot be called; define forward"
        )

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Return what `forward` returns, or what a forward hook makes of it."""
        output = self.forward(*args, **kwargs)
        if self._forward_hooks is not None:
            for hook in list(self._forward_hooks.values()):
                replaced = hook(self, args, output)
                if replaced is not None:
                    output = replaced
        return output

    def register_forward_hook(
        self, hook: Callable[["Module", tuple[Any, ...], Any], Any]
    ) -> HookHandle:
        """Call a function after each call of this module, until the hook is removed.

        Args:
            hook: A function of the module, the positional arguments and the output. If its result
                is not None, it replaces the output.

        Returns:
            A handle, whose method `remove` removes the hook; also a context manager.

        >>> class Double(Module):
        ...     def forward(self, x):
        ...         return 2 * x
        >>> double = Double()
        >>> with double.register_forward_hook(lambda module, args, output: print(args, output)):
        ...     _ = double(4)
        (4,) 8
        """
        if self._forward_hooks is None:
            self._forward_hooks = {}
        handle = HookHandle(self._forward_hooks)
        self._forward_hooks[handle] = hook
        return handle

    # Training and evaluation

    def train(self, mode: bool = True) -> Self:
        """Set this module and its descendants to training mode; to evaluation mode for False.

        Returns:
            This module.
        """
        for _, module in self.named_modules():
            module.training = mode
        return self

    def eval(self) -> Self:
        """Set this module and its descendants to evaluation mode.

        Returns:
            This module.
        """
        for _, module in self.named_modules():
            module.training = False
        return self

    def requires_grad_(self, flag: bool = True) -> Self:
        """Freeze all parameters with False, or train them again with True.

        Returns:
            This module.
        """
        for parameter in self.parameters():
            parameter.requires_grad_(flag)
        return self

    def zero_grad(self) -> None:
        """Set the gradients of all parameters to None."""
        for parameter in self.parameters():
            parameter.grad = None

    @property
    def mode(self) -> Literal["train", "eval"]:
        """The mode of this module: "train" or "eval"."""
        return "train" if self.training else "eval"

    # Members

    @property
    def _modules(self) -> dict[str, "Module"]:
        """The modules that are members of this one, by name."""
        return by_name((name, item) for name, item in self._members() if isinstance(item, Module))

    @property
    def _parameters(self) -> dict[str, Parameter]:
        """The parameters that are members of this module itself, by name, attributes first."""
        found = [(name, item) for name, item in self._members() if isinstance(item, Parameter)]
        # If a parameter is an attribute and also in a list, the attribute's name is used.
        return by_name(sorted(found, key=lambda pair: "." in pair[0]))

    def _members(self) -> Iterator[tuple[str, "Parameter | Module"]]:
        for name, value in vars(self).items():
            if name != "_forward_hooks":
                yield from members_of(name, value, (Parameter, Module))

    def named_children(self) -> Sequence[tuple[str, "Module"]]:
        """Return the modules that are members of this one with their names, without duplicates."""
        first: dict[int, str] = {}
        for name, module in self._modules.items():
            first.setdefault(id(module), name)
        return [(name, self._modules[name]) for name in first.values()]

    def children(self) -> Sequence["Module"]:
        """Return the modules that are members of this one, without duplicates."""
        return [module for _, module in self.named_children()]

    def modules(self) -> Sequence["Module"]:
        """Return this module and its descendants, without duplicates."""
        return [module for _, module in self.named_modules()]

    def apply(self, fn: Callable[["Module"], Any]) -> Self:
        """Call a function of each descendant, then of this module; for example to initialise.

        Returns:
            This module.
        """
        for child in self.children():
            child.apply(fn)
        fn(self)
        return self

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
                    visit(dotted(name, key), child)

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
                found.setdefault(id(parameter), (dotted(prefix, name), parameter))
        return list(by_name(found.values()).items())

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
        self._check_name("add_parameter", "parameter", k)
        parameter = v if isinstance(v, Parameter) else Parameter(v, k)
        setattr(self, k, parameter)
        return parameter

    def _check_name(self, operation: str, kind: str, name: str) -> None:
        if not name or "." in name or hasattr(Module, name):
            raise ValueError(
                f"{operation}: {name!r} is not a valid name for a {kind} of "
                f"{type(self).__name__}; choose a name that is not empty, contains no dots and is "
                "not an attribute of Module"
            )

    # Buffers

    def register_buffer(self, name: str, value: Any, persistent: bool = True) -> None:
        """Add a buffer as an attribute: a part of the state that is not trained.

        `to` moves a buffer and `state_dict` contains it. Assign to the attribute to change it.

        Args:
            name: The name of the attribute.
            value: A tensor, a number, or None for a buffer that is not used.
            persistent: False leaves the buffer out of `state_dict`.

        Raises:
            ValueError: The name is empty, contains a dot, or is an attribute of `Module`.

        >>> from mt_autodiff import tensor
        >>> module = Module()
        >>> module.register_buffer("mean", tensor([0.5]))
        >>> module.mean, module.state_dict(), module.parameters()
        (tensor([0.5]), {'mean': array([0.5])}, [])
        """
        self._check_name("register_buffer", "buffer", name)
        self.__dict__.setdefault(_BUFFERS, {})[name] = persistent
        setattr(self, name, value)

    def named_buffers(self) -> Sequence[tuple[str, Any]]:
        """Return the buffers of this module and its descendants with their dotted names."""
        return [(name, getattr(*place)) for name, place in _buffers(self, "", set())]

    def buffers(self) -> Sequence[Any]:
        """Return the buffers of this module and its descendants."""
        return [value for _, value in self.named_buffers()]

    # Attributes

    # Type checkers shall report unknown attributes.
    if not TYPE_CHECKING:

        def __setattr__(self, name: str, value: Any) -> None:
            if isinstance(self.__dict__.get(name), Parameter) and isinstance(value, _VALUES):
                raise TypeError(
                    f"{type(self).__name__}.{name} is a Parameter; assigning a value of type "
                    f"{type(value).__name__} would remove it from parameters(). Call "
                    f"module.{name}.update(value), or assign Parameter(value)"
                )
            object.__setattr__(self, name, value)

    # Backends

    def to(self, backend: Backend) -> Self:
        """Move all parameters and buffers to a backend.

        Each gets a new value without a gradient; a frozen parameter stays frozen. An optimiser of
        the parameters remains valid and moves its state. The caller moves the inputs.

        Args:
            backend: The backend; parameters that are already there do not change.

        Returns:
            This module.

        Raises:
            TypeError: The argument is not a backend.

        >>> import numpy as np
        >>> from mt_autodiff import tensor
        >>> from mt_tensor import Reference
        >>> module = Module()
        >>> weight = module.add_parameter("weight", tensor([1.0]))
        >>> _ = module.to(Reference(np.float32))
        >>> weight.value.dtype
        dtype('float32')
        """
        if not isinstance(backend, Backend):
            raise TypeError(
                f"to: {backend!r} is not a backend; pass one, such as Tuned(numpy.float32) of "
                "mt_kernels_cpu or TunedCuda(numpy.float32) of mt_kernels_cuda"
            )
        for parameter in self.parameters():
            value = parameter.value
            if isinstance(value, Tensor) and value.backend != backend:
                parameter.replace(value.detach().to(backend))
        for _, place in _buffers(self, "", set()):
            value = getattr(*place)
            if isinstance(value, Tensor):
                setattr(*place, value.detach().to(backend))
        return self

    # Saving and loading

    def state_dict(self) -> Arrays:
        """Return copies of all parameters and buffers as arrays, by their dotted names.

        Shape:
            The shape of the tensor; () for a scalar or a number.

        Raises:
            TypeError: The value of a parameter is not a tensor, a scalar or a number.
        """
        values = self._state_values()
        return {name: np.array(as_array(name, value), order="C") for name, value in values.items()}

    def load_state_dict(
        self, state: Mapping[str, npt.ArrayLike], strict: bool = True
    ) -> IncompatibleKeys:
        """Set all parameters and buffers from arrays, as `state_dict` returns them.

        Each parameter keeps its backend and dtype; a frozen parameter stays frozen. After an error
        nothing is changed.

        Args:
            state: An array for every parameter and buffer, by its dotted name.
            strict: False ignores missing and unexpected names.

        Returns:
            The names that were ignored: `missing_keys` and `unexpected_keys`.

        Raises:
            TypeError: The value of a parameter is not a tensor, a scalar or a number; the state is
                not a mapping; or a value of the state cannot become an array.
            ValueError: A name is missing or unexpected, a shape differs, or the dtype of an array
                is not real.
        """
        if not isinstance(state, Mapping):
            raise TypeError(
                f"load_state_dict: expected a dict of arrays, received {type(state).__name__}; "
                "pass load_weights(path), or the attribute model of a checkpoint"
            )
        values = self._state_values()
        arrays = {name: as_received(name, value) for name, value in state.items()}
        names = compare_names(values, arrays)
        problems = []
        if strict:
            problems = [f"missing: {name!r}" for name in names.missing_keys]
            problems += [f"unexpected: {name!r}" for name in names.unexpected_keys]
        arrays = {name: array for name, array in arrays.items() if name in values}
        problems += problems_of(arrays, values)
        if problems:
            raise ValueError(
                f"load_state_dict: the state does not fit this {type(self).__name__}; nothing was "
                "changed\n  " + "\n  ".join(problems)
            )
        loaded = {name: as_value(values[name], array) for name, array in arrays.items()}
        for name, parameter in self.named_parameters():
            if name in loaded:
                parameter.replace(loaded[name])
        for name, place in _buffers(self, "", set()):
            if name in loaded:
                setattr(*place, loaded[name])
        return names

    def _state_values(self) -> dict[str, Any]:
        """Return the values of parameters and persistent buffers by their dotted names."""
        values = {name: parameter.value for name, parameter in self.named_parameters()}
        for name, (module, attribute) in _buffers(self, "", set()):
            if vars(module)[_BUFFERS][attribute]:
                values[name] = getattr(module, attribute)
        return values

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

    # Names of other libraries

    if not TYPE_CHECKING:  # A type checker would accept every name.

        def __getattr__(self, name: str) -> Any:
            raise missing_member(self, name, MODULE_MEMBERS)


def _buffers(
    module: Module, prefix: str, visited: set[int]
) -> Iterator[tuple[str, tuple[Module, str]]]:
    """Yield the dotted name of each buffer, with its module and the name of its attribute.

    Args:
        module: The module.
        prefix: The dotted name of the module.
        visited: The modules that were visited already, by identity.
    """
    visited.add(id(module))
    for name in vars(module).get(_BUFFERS, {}):
        if vars(module).get(name) is not None:
            yield dotted(prefix, name), (module, name)
    for name, child in module.named_children():
        if id(child) not in visited:
            yield from _buffers(child, dotted(prefix, name), visited)
