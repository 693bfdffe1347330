"""Differences between the editions of the course, one function for each.

Trees mix editions. So each function looks at the code that it concerns, and a tree as a whole has
no edition.
"""

import importlib
import importlib.util
from collections.abc import Iterable
from typing import Any


def submodule(name: str) -> Any:
    """Import a file of the submission's package."""
    return importlib.import_module(f"minitorch.{name}")


def find(*names: str) -> Any:
    """Return the object of the first name that exists in the submission, such as "scalar:Scalar".

    Raises:
        Exception: No name exists; the exception is that of the first name.
    """
    problem: Exception | None = None
    for qualified in names:
        module, _, name = qualified.partition(":")
        try:
            return getattr(submodule(module), name)
        except (ImportError, AttributeError) as error:
            problem = problem or error
    assert problem is not None
    raise problem


TRANSFORMER_FILES = ("transformer", "modules_transfomer", "modules_transformer")
"""Names of the file with a transformer: that of 2026, and two until 2025, one of them misspelt."""


def transformer_file() -> str:
    """Return the name of the file with a transformer; the first name if none exists."""
    there = (name for name in TRANSFORMER_FILES if importlib.util.find_spec(f"minitorch.{name}"))
    return next(there, TRANSFORMER_FILES[0])


def variable_class() -> Any:
    """Return the base class of variables in 2021; `object` since 2022, where it is a protocol."""
    variable = getattr(submodule("autodiff"), "Variable", object)
    return object if getattr(variable, "_is_protocol", False) else variable


def is_constant(variable: Any) -> bool:
    """Return whether a variable needs no derivative; 2021 has a function for it, not a method."""
    if hasattr(variable, "is_constant"):
        return bool(variable.is_constant())
    return bool(submodule("autodiff").is_constant(variable))


def parents(variable: Any) -> list[Any]:
    """Return the variables that one was computed from; 2021 has them in its history only."""
    if hasattr(type(variable), "parents"):
        return list(variable.parents)
    return list(variable.history.inputs)


def chain_rule(variable: Any, d_output: Any) -> Iterable[Any]:
    """Return the pairs of the chain rule; 2021 has the method in the function, not the variable."""
    if hasattr(variable, "chain_rule"):
        return list(variable.chain_rule(d_output))
    history = variable.history
    return list(history.last_fn.chain_rule(history.ctx, history.inputs, d_output))


def saved_values(context: Any) -> tuple[Any, ...]:
    """Return the values that a function saved; 2021 unwraps a single value."""
    saved = context.saved_values
    return saved if isinstance(saved, tuple) else (saved,)


def forget_gradient(variable: Any, name: str) -> None:
    """Set the gradient or the derivative of a variable to None; in 2021 both are read-only."""
    if hasattr(variable, "_derivative"):
        variable._derivative = None
    else:
        setattr(variable, name, None)


def simple_backend() -> Any:
    """Return the default backend: an instance, or in 2021 a class."""
    return find("tensor_ops:SimpleBackend", "tensor_functions:TensorFunctions")


def make_backend(loops: Any, is_cuda: bool = False) -> Any:
    """Return a backend with the loops of a class."""
    make = find("tensor_ops:TensorBackend", "tensor_functions:make_tensor_backend")
    return make(loops) if isinstance(make, type) else make(loops, is_cuda)


def view_function(backend: Any) -> Any:
    """Return the class of views; in 2021 each backend has one."""
    return getattr(backend, "View", None) or submodule("tensor_functions").View
