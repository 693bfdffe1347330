"""Exchange of tensors in device memory with other libraries, without copies.

numba's device arrays support ``__cuda_array_interface__``, a dictionary. They do not support
DLPack, a C structure in a capsule, which this module writes and reads with ctypes. Sources:
``dlpack.h``, version 0.8, of the DMLC project for the structures; the Python specification of
DLPack for the protocol: a consumer renames the capsule and later calls the deleter.
"""

import ctypes
import math
import weakref
from typing import Any

import numpy as np

from mt_tensor import TensorData
from mt_tensor.layout import span, strides_from_shape

CUDA = 2
"""DLPack's number of device memory (``kDLCUDA``)."""

UNUSED_NAME, USED_NAME = b"dltensor", b"used_dltensor"
"""The names of a capsule before and after a consumer has taken its tensor."""

INTEGER, UNSIGNED, FLOAT = range(3)
"""DLPack's codes of element types (``DLDataTypeCode``)."""


class Device(ctypes.Structure):
    """The structure ``DLDevice``."""

    _fields_ = [("kind", ctypes.c_int32), ("number", ctypes.c_int32)]


class DataType(ctypes.Structure):
    """The structure ``DLDataType``."""

    _fields_ = [("code", ctypes.c_uint8), ("bits", ctypes.c_uint8), ("lanes", ctypes.c_uint16)]


class Tensor(ctypes.Structure):
    """The structure ``DLTensor``; strides count elements."""

    _fields_ = [
        ("data", ctypes.c_void_p),
        ("device", Device),
        ("dims", ctypes.c_int32),
        ("number", DataType),
        ("shape", ctypes.POINTER(ctypes.c_int64)),
        ("strides", ctypes.POINTER(ctypes.c_int64)),
        ("byte_offset", ctypes.c_uint64),
    ]


Deleter = ctypes.CFUNCTYPE(None, ctypes.c_void_p)


class ManagedTensor(ctypes.Structure):
    """The structure ``DLManagedTensor``."""

    _fields_ = [("tensor", Tensor), ("context", ctypes.c_void_p), ("deleter", Deleter)]


Destructor = ctypes.CFUNCTYPE(None, ctypes.c_void_p)
# A destructor receives a capsule without references, so it must handle it by address.
_is_valid = ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_char_p)(
    ("PyCapsule_IsValid", ctypes.pythonapi)
)
_pointer = ctypes.PYFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p, ctypes.c_char_p)(
    ("PyCapsule_GetPointer", ctypes.pythonapi)
)
_new = ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.c_void_p, ctypes.c_char_p, Destructor)(
    ("PyCapsule_New", ctypes.pythonapi)
)
_rename = ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.py_object, ctypes.c_char_p)(
    ("PyCapsule_SetName", ctypes.pythonapi)
)

_exported: dict[int, tuple[Any, ...]] = {}
"""Objects that exported structures point to, by address of the structure, until it is deleted."""


def _release(address: int) -> None:
    """Release the objects that an exported structure points to."""
    _exported.pop(address, None)


def _destroy(capsule: int) -> None:
    """Release the tensor of a capsule that no consumer has taken."""
    if _is_valid(capsule, UNUSED_NAME):
        _release(_pointer(capsule, UNUSED_NAME))


# Kept for the lifetime of the module, because capsules hold the addresses of both.
_delete, _destructor = Deleter(_release), Destructor(_destroy)


def export(a: TensorData, address: int, device: tuple[int, int]) -> Any:
    """Return a capsule of a tensor; it keeps the storage alive.

    Args:
        a: The tensor.
        address: The address of its first element.
        device: Type and number of the device.
    """
    storage: Any = a.storage
    numbers = ctypes.c_int64 * a.dims
    shape, strides = numbers(*a.shape), numbers(*a.strides)
    kind = DataType(FLOAT, 8 * storage.dtype.itemsize, 1)
    tensor = Tensor(address, Device(*device), a.dims, kind, shape, strides, 0)
    managed = ManagedTensor(tensor, None, _delete)
    address_of_structure = ctypes.addressof(managed)
    _exported[address_of_structure] = (managed, shape, strides, storage)
    return _new(address_of_structure, UNUSED_NAME, _destructor)


def address_of(a: TensorData) -> int:
    """Return the address of the first element of a tensor in device memory."""
    storage: Any = a.storage
    address: int = storage.__cuda_array_interface__["data"][0]
    return address


class Import:
    """A tensor of another library, taken from its capsule.

    It has `__cuda_array_interface__`. Its finaliser calls the deleter of the tensor.
    """

    def __init__(self, capsule: Any) -> None:
        """Take the tensor from a capsule.

        Raises:
            BufferError: The capsule was used before, or its elements are not integers or floats of
                8, 16, 32 or 64 bits.
        """
        address = id(capsule)
        if not _is_valid(address, UNUSED_NAME):
            raise BufferError("from_dlpack: this capsule was used before; export a new one")
        address_of_structure = _pointer(address, UNUSED_NAME)
        managed = ManagedTensor.from_address(address_of_structure)
        _rename(capsule, USED_NAME)
        if managed.deleter:
            weakref.finalize(self, managed.deleter, address_of_structure)
        tensor = managed.tensor
        number = tensor.number
        letter = {INTEGER: "i", UNSIGNED: "u", FLOAT: "f"}.get(number.code)
        if letter is None or number.lanes != 1 or number.bits not in (8, 16, 32, 64):
            raise BufferError(
                f"from_dlpack: elements of type {number.code} with {number.bits} bits are not "
                "supported; convert them to float32 or float64 first"
            )
        dtype = np.dtype(f"{letter}{number.bits // 8}")
        shape = tuple(tensor.shape[: tensor.dims])
        strides = tuple(tensor.strides[: tensor.dims]) if tensor.strides else None
        if strides is None:
            strides = strides_from_shape(shape)
        self.__cuda_array_interface__ = {
            "shape": shape,
            "strides": tuple(stride * dtype.itemsize for stride in strides),
            "typestr": dtype.str,
            "data": ((tensor.data or 0) + tensor.byte_offset, False),
            "version": 3,
        }


class Flat:
    """A contiguous range of memory with `__cuda_array_interface__`; it keeps its owner alive."""

    def __init__(self, interface: dict[str, Any], owner: Any) -> None:
        self.__cuda_array_interface__ = interface
        self.owner = owner


def as_flat(array: Any, dtype: np.dtype[Any]) -> tuple[Flat, tuple[int, ...], tuple[int, ...]]:
    """Return the memory of an array as a one-dimensional range, and shape and strides in it.

    Raises:
        TypeError: The array is not in device memory, or has another dtype.
        ValueError: A stride is negative or splits elements.
    """
    interface = getattr(array, "__cuda_array_interface__", None)
    if interface is None:
        raise TypeError(
            f"from_device: {type(array).__name__} has no __cuda_array_interface__, so it is not in "
            "device memory; from_numpy copies an array from the host"
        )
    received = np.dtype(interface["typestr"])
    if received != dtype:
        raise TypeError(
            f"from_device: an array of {received} for a backend of {dtype}; convert the array, or "
            "use a backend of its dtype (float32 or float64)"
        )
    shape = tuple(int(size) for size in interface["shape"])
    steps = interface.get("strides")
    if steps is None:
        strides = strides_from_shape(shape)
    elif any(step < 0 or step % dtype.itemsize for step in steps):
        raise ValueError(
            f"from_device: strides of {tuple(steps)} bytes must not be negative and must be "
            f"multiples of {dtype.itemsize}; copy the array first"
        )
    else:
        strides = tuple(step // dtype.itemsize for step in steps)
    count = max(1, span(shape, strides)) if math.prod(shape) else 0
    run = {**interface, "shape": (count,), "strides": None}
    return Flat(run, array), shape, strides
