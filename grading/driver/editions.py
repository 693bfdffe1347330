"""Differences between the editions of the course, each behind one function.

Trees mix editions. So each difference is looked up where it matters, and no edition is decided for
a tree as a whole.
"""

import importlib
from collections.abc import Iterable
from typing import Any


def submodule(name: str) -> Any:
    """Import a file of the submission's package."""
    return importlib.import_module(f"minitorch.{name}")


def find(*places: str) -> Any:
    """Return the first of several names that the submission has, such as "scalar:Scalar".

    Raises:
        Exception: The submission has none; this is what stands in the way of the first.
    """
    problem: Exception | None = None
    for place in places:
        module, _, name = place.partition(":")
        try:
            return getattr(submodule(module), name)
        except (ImportError, AttributeError) as error:
            problem = problem or error
    assert problem is not None
    raise problem


def variable_class() -> Any:
    """Return the base class of variables, as of 2021; since 2022 it is a protocol: `object`."""
    variable = getattr(submodule("autodiff"), "Variable", object)
    return object if getattr(variable, "_is_protocol", False) else variable


def is_constant(variable: Any) -> bool:
    """Return whether a variable wants no derivative: a method, or a function as of 2021."""
    if hasattr(variable, "is_constant"):
        return bool(variable.is_constant())
    return bool(submodule("autodiff").is_constant(variable))


def parents(variable: Any) -> list[Any]:
    """Return the variables that one was computed from; 2021 has only its history."""
    if hasattr(type(variable), "parents"):
        return list(variable.parents)
    return list(variable.history.inputs)


def chain_rule(variable: Any, d_output: Any) -> Iterable[Any]:
    """Return the pairs of the chain rule: of the variable, or of its function as of 2021."""
    if hasattr(variable, "chain_rule"):
        return list(variable.chain_rule(d_output))
    history = variable.history
    return list(history.last_fn.chain_rule(history.ctx, history.inputs, d_output))


def saved_values(context: Any) -> tuple[Any, ...]:
    """Return what a function has saved; 2021 unwraps a single value."""
    saved = context.saved_values
    return saved if isinstance(saved, tuple) else (saved,)


def forget_gradient(variable: Any, name: str) -> None:
    """Set the gradient or the derivative of a variable to None; in 2021 both are read only."""
    if hasattr(variable, "_derivative"):
        variable._derivative = None
    else:
        setattr(variable, name, None)


def simple_backend() -> Any:
    """Return the default backend: an instance, or a class as of 2021."""
    return find("tensor_ops:SimpleBackend", "tensor_functions:TensorFunctions")


def make_backend(loops: Any, is_cuda: bool = False) -> Any:
    """Make a backend of a class of loops."""
    make = find("tensor_ops:TensorBackend", "tensor_functions:make_tensor_backend")
    return make(loops) if isinstance(make, type) else make(loops, is_cuda)


def view_function(backend: Any) -> Any:
    """Return the class of views: one of the backend as of 2021, else one for all backends."""
    return getattr(backend, "View", None) or submodule("tensor_functions").View
