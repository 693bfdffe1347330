"""The base class of functions that rearrange elements."""

from typing import Any

from mt_autodiff.engine import Function, Node


class Rearrangement(Function):
    """A function that rearranges elements without changing them; it keeps their kind."""

    @classmethod
    def apply(cls, *args: Any) -> Any:
        """Compute the result; its kind is that of the tensors if they have the same."""
        result = super().apply(*args)
        result.kind = args[0].kind
        if result.kind is not None and any(
            arg.kind is not result.kind for arg in args if isinstance(arg, Node)
        ):
            result.kind = None
        return result
