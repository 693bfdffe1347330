"""Tensor data without gradients: scalar operators, strided storage, the backend contract.

Start with `mt_tensor.operators`, then `TensorData`, then `Backend`. `Reference` is the backend
that the tests compare all others with.
"""

from mt_tensor import operators
from mt_tensor.backend import Backend, Map, ShapeError, Zip
from mt_tensor.fused import FusedForm, FusedOperation, FusedStep, Gradients, TensorList
from mt_tensor.host import HostBackend, host_array
from mt_tensor.layout import (
    MAX_DIMS,
    IndexingError,
    broadcast_index,
    index_to_position,
    shape_broadcast,
    strides_from_shape,
    to_index,
)
from mt_tensor.reference import REFERENCE, Reference
from mt_tensor.tensor_data import TensorData

__version__ = "0.1.0"

__all__ = [
    "MAX_DIMS",
    "REFERENCE",
    "Backend",
    "FusedForm",
    "FusedOperation",
    "FusedStep",
    "Gradients",
    "HostBackend",
    "IndexingError",
    "Map",
    "Reference",
    "ShapeError",
    "TensorData",
    "TensorList",
    "Zip",
    "broadcast_index",
    "host_array",
    "index_to_position",
    "operators",
    "shape_broadcast",
    "strides_from_shape",
    "to_index",
]
