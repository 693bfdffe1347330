"""Tensors of a GPU exchanged with other libraries, without copying them.

numba's device arrays know ``__cuda_array_interface__``, a dictionary. They lack DLPack, which is a
structure of C in a capsule; here it is written and read with ctypes. (The structures:
``dlpack.h``, version 0.8, of the DMLC project; the capsule's life: the Python specification of
DLPack, where a consumer renames a capsule that it takes over, and calls its deleter at the end.)
"""

import ctypes
import math
import weakref
from typing import Any

import numpy as np

from mt_tensor import TensorData
from mt_tensor.layout import span, strides_from_shape

CUDA = 2
"""DLPack's number for the memory of a GPU (``kDLCUDA``)."""

FRESH, USED = b"dltensor", b"used_dltensor"
"""The name of a capsule before and after its tensor was taken over."""

INTEGER, UNSIGNED, FLOAT = range(3)
"""The kinds of numbers in a tensor."""


class Device(ctypes.Structure):
    """``DLDevice``."""

    _fields_ = [("kind", ctypes.c_int32), ("number", ctypes.c_int32)]


class Number(ctypes.Structure):
    """``DLDataType``."""

    _fields_ = [("code", ctypes.c_uint8), ("bits", ctypes.c_uint8), ("lanes", ctypes.c_uint16)]


class Tensor(ctypes.Structure):
    """``DLTensor``; strides count elements."""

    _fields_ = [
        ("data", ctypes.c_void_p),
        ("device", Device),
        ("dims", ctypes.c_int32),
        ("number", Number),
        ("shape", ctypes.POINTER(ctypes.c_int64)),
        ("strides", ctypes.POINTER(ctypes.c_int64)),
        ("byte_offset", ctypes.c_uint64),
    ]


Deleter = ctypes.CFUNCTYPE(None, ctypes.c_void_p)


class Managed(ctypes.Structure):
    """``DLManagedTensor``."""

    _fields_ = [("tensor", Tensor), ("context", ctypes.c_void_p), ("deleter", Deleter)]


Destructor = ctypes.CFUNCTYPE(None, ctypes.c_void_p)
# A capsule's destructor is given one that nothing refers to any more, so it handles an address.
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
"""The memory that exported structures point to, by their addresses, until they are deleted."""


def _let_go(address: int) -> None:
    """Let go of what a structure points to."""
    _exported.pop(address, None)


def _destroy(capsule: int) -> None:
    """Delete the tensor of a capsule that nobody took over."""
    if _is_valid(capsule, FRESH):
        _let_go(_pointer(capsule, FRESH))


# For as long as this module lives: capsules hold their addresses.
_delete, _destructor = Deleter(_let_go), Destructor(_destroy)


def export(a: TensorData, address: int, device: tuple[int, int]) -> Any:
    """Return a capsule of a tensor, which keeps its storage alive.

    Args:
        a: The tensor.
        address: The address of its first element.
        device: In which memory.
    """
    storage: Any = a.storage
    numbers = ctypes.c_int64 * a.dims
    shape, strides = numbers(*a.shape), numbers(*a.strides)
    kind = Number(FLOAT, 8 * storage.dtype.itemsize, 1)
    tensor = Tensor(address, Device(*device), a.dims, kind, shape, strides, 0)
    managed = Managed(tensor, None, _delete)
    place = ctypes.addressof(managed)
    _exported[place] = (managed, shape, strides, storage)
    return _new(place, FRESH, _destructor)


def address_of(a: TensorData) -> int:
    """Return where a tensor in the memory of a GPU begins."""
    storage: Any = a.storage
    address: int = storage.__cuda_array_interface__["data"][0]
    return address


class Import:
    """A tensor of another library, taken over from its capsule.

    It has `__cuda_array_interface__`, and lets go of the tensor when nothing refers to it.
    """

    def __init__(self, capsule: Any) -> None:
        """Take over what a capsule holds.

        Raises:
            BufferError: Somebody has taken it over before, or its numbers are of a rare kind.
        """
        address = id(capsule)
        if not _is_valid(address, FRESH):
            raise BufferError("from_dlpack: this capsule was used before; export another one")
        place = _pointer(address, FRESH)
        managed = Managed.from_address(place)
        _rename(capsule, USED)
        if managed.deleter:
            weakref.finalize(self, managed.deleter, place)
        tensor = managed.tensor
        number = tensor.number
        letter = {INTEGER: "i", UNSIGNED: "u", FLOAT: "f"}.get(number.code)
        if letter is None or number.lanes != 1 or number.bits not in (8, 16, 32, 64):
            raise BufferError(
                f"from_dlpack: numbers of kind {number.code} with {number.bits} bits are not read; "
                "convert them to float32 or float64 first"
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
    """A run of memory with `__cuda_array_interface__`; it keeps its owner alive."""

    def __init__(self, interface: dict[str, Any], owner: Any) -> None:
        self.__cuda_array_interface__ = interface
        self.owner = owner


def as_flat(array: Any, dtype: np.dtype[Any]) -> tuple[Flat, tuple[int, ...], tuple[int, ...]]:
    """Return the memory of an array as one run of numbers, and shape and strides in it.

    Raises:
        TypeError: It is no array of a GPU, or of another dtype.
        ValueError: It runs backwards through memory, or its strides split numbers.
    """
    interface = getattr(array, "__cuda_array_interface__", None)
    if interface is None:
        raise TypeError(
            f"from_device: {type(array).__name__} has no __cuda_array_interface__, so it is not in "
            "the memory of a GPU; from_numpy copies an array from the host"
        )
    given = np.dtype(interface["typestr"])
    if given != dtype:
        raise TypeError(
            f"from_device: an array of {given} for a backend of {dtype}; convert it first, or take "
            f"a backend of its dtype, which must be float32 or float64"
        )
    shape = tuple(int(size) for size in interface["shape"])
    steps = interface.get("strides")
    if steps is None:
        strides = strides_from_shape(shape)
    elif any(step < 0 or step % dtype.itemsize for step in steps):
        raise ValueError(
            f"from_device: strides of {tuple(steps)} bytes; they must not be negative, and be "
            f"multiples of {dtype.itemsize}: copy the array first"
        )
    else:
        strides = tuple(step // dtype.itemsize for step in steps)
    count = max(1, span(shape, strides)) if math.prod(shape) else 0
    run = {**interface, "shape": (count,), "strides": None}
    return Flat(run, array), shape, strides
