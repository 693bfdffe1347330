"""Classes of operations on tensors, and backends that are built from them.

The loops `tensor_map`, `tensor_zip` and `tensor_reduce` take a scalar function and return a loop
over storages with their shapes and strides; see `mt_tensor.reference_loops`.
"""

from minitorch._ops import SimpleOps, TensorOps
from minitorch._tensor import SimpleBackend, TensorBackend
from mt_tensor.reference_loops import tensor_map, tensor_reduce, tensor_zip

__all__ = [
    "SimpleBackend",
    "SimpleOps",
    "TensorBackend",
    "TensorOps",
    "tensor_map",
    "tensor_reduce",
    "tensor_zip",
]
