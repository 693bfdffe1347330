"""Numbers in memory: scalar operators, strided tensor data, the backend contract, its reference.

Nothing here knows of gradients. Start with `mt_tensor.operators`, then `TensorData`, then
`Backend`.
"""

from mt_tensor import operators
from mt_tensor.backend import Backend, Map, ShapeError, Zip
from mt_tensor.fused import FusedForm, FusedOperation, FusedStep, Gradients, Parts
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
    "Parts",
    "Reference",
    "ShapeError",
    "TensorData",
    "Zip",
    "broadcast_index",
    "host_array",
    "index_to_position",
    "operators",
    "shape_broadcast",
    "strides_from_shape",
    "to_index",
]
