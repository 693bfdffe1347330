"""Reverse-mode automatic differentiation for scalars and tensors.

A `Scalar` or a `Tensor` that requires a gradient records the functions applied to it;
``backward()`` follows the record from a result to its leaves. `mt_autodiff.graph` contains the
algorithms, `mt_autodiff.engine` the nodes and functions of tensors, `mt_autodiff.functions` one
class for each operation. Each tensor carries the backend that computes with it.
"""

from mt_autodiff.broadcasting import unbroadcast
from mt_autodiff.combining import concatenate, conv1d, conv2d, pad, take
from mt_autodiff.creation import (
    Seed,
    from_dlpack,
    from_numpy,
    full,
    ones,
    rand,
    randn,
    tensor,
    zeros,
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
from mt_autodiff.profiling import Profile, profile, record
from mt_autodiff.scalar import Scalar
from mt_autodiff.scalar_engine import ScalarFunction, ScalarHistory
from mt_autodiff.tensor import Tensor, TensorLike

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
    "backpropagate",
    "central_difference",
    "concatenate",
    "conv1d",
    "conv2d",
    "derivative_check",
    "from_dlpack",
    "from_numpy",
    "full",
    "fused",
    "grad_central_difference",
    "grad_check",
    "grad_enabled",
    "no_grad",
    "ones",
    "pad",
    "profile",
    "rand",
    "randn",
    "record",
    "take",
    "tensor",
    "topological_sort",
    "unbroadcast",
    "warn_of_copy",
    "zeros",
]
