"""The course's MiniTorch, with all names flat: ``import minitorch`` and go.

The package re-exports the other packages; each submodule names its source. `tensor` and `datasets`
are names of submodules and flat names: the attribute of the package is the function and the dict,
and ``from minitorch.tensor import …`` imports from the submodule. If several submodules have one
name, the flat name is that of: `nn` for `max`; `tensor_functions` for `Add`, `Mul` and the other
functions; `fast_conv` for convolutions; `fast_ops` for kernels. Of `operators` only `prod` is flat;
`tensor_map`, `tensor_zip` and `tensor_reduce` are not flat.
"""

from typing import TYPE_CHECKING, Any

import mt_autodiff
import mt_nn
from minitorch import (
    autodiff,
    cuda_conv,
    cuda_ops,
    fast_conv,
    fast_ops,
    module,
    nn,
    operators,
    optim,
    scalar,
    scalar_functions,
    tensor_data,
    tensor_functions,
    tensor_ops,
    testing,
)
from minitorch.autodiff import (
    Context,
    Variable,
    backpropagate,
    central_difference,
    topological_sort,
)
from minitorch.cuda_conv import Conv1dCudaFun, Conv2dCudaFun
from minitorch.cuda_ops import THREADS_PER_BLOCK, CudaOps, mm_practice, sum_practice

# The first import of the submodules `datasets` and `tensor` makes them attributes of the package.
# These lines run after it and replace the attributes.
from minitorch.datasets import Graph, circle, datasets, diag, simple, spiral, split, xor
from minitorch.fast_conv import (
    Conv1dFun,
    Conv2dFun,
    conv1d,
    conv2d,
    tensor_conv1d,
    tensor_conv2d,
)
from minitorch.fast_ops import FastOps, tensor_matrix_multiply
from minitorch.module import Module, Parameter
from minitorch.nn import (
    Max,
    argmax,
    avgpool2d,
    dropout,
    logsoftmax,
    max,
    max_reduce,
    maxpool2d,
    softmax,
    tile,
)
from minitorch.operators import prod
from minitorch.optim import SGD, Optimizer
from minitorch.scalar import Scalar, ScalarFunction, ScalarHistory, derivative_check
from minitorch.tensor import History, Tensor
from minitorch.tensor_data import (
    MAX_DIMS,
    Index,
    IndexingError,
    OutIndex,
    Shape,
    Storage,
    Strides,
    TensorData,
    UserIndex,
    UserShape,
    UserStrides,
    broadcast_index,
    index_to_position,
    shape_broadcast,
    strides_from_shape,
    to_index,
)
from minitorch.tensor_functions import (
    EQ,
    LT,
    Add,
    All,
    Copy,
    Div,
    Exp,
    Function,
    Inv,
    IsClose,
    Log,
    MatMul,
    Mul,
    Neg,
    Permute,
    ReLU,
    Sigmoid,
    Sum,
    View,
    grad_central_difference,
    grad_check,
    rand,
    tensor,
    zeros,
)
from minitorch.tensor_ops import SimpleBackend, SimpleOps, TensorBackend, TensorOps
from minitorch.testing import MathTest, MathTestVariable
from mt_autodiff.names import missing_function

__all__ = [
    "EQ",
    "LT",
    "MAX_DIMS",
    "SGD",
    "THREADS_PER_BLOCK",
    "Add",
    "All",
    "Context",
    "Conv1dCudaFun",
    "Conv1dFun",
    "Conv2dCudaFun",
    "Conv2dFun",
    "Copy",
    "CudaOps",
    "Div",
    "Exp",
    "FastOps",
    "Function",
    "Graph",
    "History",
    "Index",
    "IndexingError",
    "Inv",
    "IsClose",
    "Log",
    "MatMul",
    "MathTest",
    "MathTestVariable",
    "Max",
    "Module",
    "Mul",
    "Neg",
    "Optimizer",
    "OutIndex",
    "Parameter",
    "Permute",
    "ReLU",
    "Scalar",
    "ScalarFunction",
    "ScalarHistory",
    "Shape",
    "Sigmoid",
    "SimpleBackend",
    "SimpleOps",
    "Storage",
    "Strides",
    "Sum",
    "Tensor",
    "TensorBackend",
    "TensorData",
    "TensorOps",
    "UserIndex",
    "UserShape",
    "UserStrides",
    "Variable",
    "View",
    "argmax",
    "autodiff",
    "avgpool2d",
    "backpropagate",
    "broadcast_index",
    "central_difference",
    "circle",
    "conv1d",
    "conv2d",
    "cuda_conv",
    "cuda_ops",
    "datasets",
    "derivative_check",
    "diag",
    "dropout",
    "fast_conv",
    "fast_ops",
    "grad_central_difference",
    "grad_check",
    "index_to_position",
    "logsoftmax",
    "max",
    "max_reduce",
    "maxpool2d",
    "mm_practice",
    "module",
    "nn",
    "operators",
    "optim",
    "prod",
    "rand",
    "scalar",
    "scalar_functions",
    "shape_broadcast",
    "simple",
    "softmax",
    "spiral",
    "split",
    "strides_from_shape",
    "sum_practice",
    "tensor",
    "tensor_conv1d",
    "tensor_conv2d",
    "tensor_data",
    "tensor_functions",
    "tensor_matrix_multiply",
    "tensor_ops",
    "testing",
    "tile",
    "to_index",
    "topological_sort",
    "xor",
    "zeros",
]

if not TYPE_CHECKING:  # A type checker would accept every name.

    def __getattr__(name: str) -> Any:
        for package in (mt_autodiff, mt_nn):
            if name in package.__all__:
                raise AttributeError(
                    f"minitorch has no attribute {name!r}, because it has the names of the course; "
                    f"write `from {package.__name__} import {name}`",
                    name=name,
                    obj=None,
                )
        raise missing_function("minitorch", name, Tensor)
