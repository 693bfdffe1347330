"""Reverse-mode automatic differentiation for scalars and tensors.

A `Scalar` or a `Tensor` that requires a gradient records the functions applied to it;
``backward()`` follows the record from a result to its leaves. `mt_autodiff.graph` contains the
algorithms, `mt_autodiff.engine` the nodes and functions of tensors, `mt_autodiff.functions` one
class for each operation. Each tensor carries the backend that computes with it.
"""

from typing import TYPE_CHECKING, Any

from mt_autodiff.basic_tensor import TensorLike
from mt_autodiff.broadcasting import unbroadcast
from mt_autodiff.combining import cat, concatenate, conv1d, conv2d, pad, stack, take
from mt_autodiff.composed.elementwise import (
    allclose,
    isclose,
    maximum,
    minimum,
    where,
)
from mt_autodiff.composed.products import einsum, matmul
from mt_autodiff.composed.shapes import tril, triu
from mt_autodiff.creation import (
    Seed,
    arange,
    eye,
    from_dlpack,
    from_numpy,
    full,
    full_like,
    linspace,
    meshgrid,
    one_hot,
    ones,
    ones_like,
    rand,
    rand_like,
    randint,
    randn,
    randn_like,
    randperm,
    tensor,
    zeros,
    zeros_like,
)
from mt_autodiff.derivatives import central_difference
from mt_autodiff.engine import (
    Function,
    History,
    ImplicitCopyWarning,
    Node,
    TensorContext,
    warn_of_copy,
)
from mt_autodiff.fusing import fused
from mt_autodiff.grad_check import derivative_check, grad_central_difference, grad_check
from mt_autodiff.graph import Context, Variable, backpropagate, topological_sort
from mt_autodiff.modes import grad_enabled, no_grad
from mt_autodiff.names import missing_function
from mt_autodiff.profiling import Profile, profile, record
from mt_autodiff.scalar import Scalar
from mt_autodiff.scalar_engine import ScalarFunction, ScalarHistory
from mt_autodiff.tensor import Tensor

__version__ = "0.1.0"

__all__ = [
    "Context",
    "Function",
    "History",
    "ImplicitCopyWarning",
    "Node",
    "Profile",
    "Scalar",
    "ScalarFunction",
    "ScalarHistory",
    "Seed",
    "Tensor",
    "TensorContext",
    "TensorLike",
    "Variable",
    "allclose",
    "arange",
    "backpropagate",
    "cat",
    "central_difference",
    "concatenate",
    "conv1d",
    "conv2d",
    "derivative_check",
    "einsum",
    "eye",
    "from_dlpack",
    "from_numpy",
    "full",
    "full_like",
    "fused",
    "grad_central_difference",
    "grad_check",
    "grad_enabled",
    "isclose",
    "linspace",
    "matmul",
    "maximum",
    "meshgrid",
    "minimum",
    "no_grad",
    "one_hot",
    "ones",
    "ones_like",
    "pad",
    "profile",
    "rand",
    "rand_like",
    "randint",
    "randn",
    "randn_like",
    "randperm",
    "record",
    "stack",
    "take",
    "tensor",
    "topological_sort",
    "tril",
    "triu",
    "unbroadcast",
    "warn_of_copy",
    "where",
    "zeros",
    "zeros_like",
]

if not TYPE_CHECKING:  # A type checker would accept every name.

    def __getattr__(name: str) -> Any:
        raise missing_function("mt_autodiff", name, Tensor)
