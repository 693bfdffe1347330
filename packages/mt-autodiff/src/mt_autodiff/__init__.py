"""Numbers that remember: scalars and tensors with reverse-mode automatic differentiation.

A `Scalar` or a `Tensor` that wants a gradient records what is computed from it; ``backward()``
follows the record back. `mt_autodiff.graph` holds the two algorithms, `mt_autodiff.engine` what a
tensor is to them, `mt_autodiff.functions` one class for each operation. How numbers are computed
is the business of the backend that every tensor carries.
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
