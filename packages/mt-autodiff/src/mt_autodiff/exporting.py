"""Tensors as numbers, arrays, and tensors of other libraries.

Whatever a tensor becomes here has no gradient. So most conversions to arrays raise an error for a
tensor that requires one, unless recording is off.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from mt_autodiff.engine import Node
from mt_autodiff.numpy_functions import apply_function, apply_ufunc, check_no_gradient


class Exported(Node):
    """A tensor with the protocols of Python's numbers, of NumPy, of DLPack and of CUDA."""

    __slots__ = ()

    # Numbers

    def item(self) -> float:
        """Return the only element as a float.

        Raises:
            ValueError: The tensor does not have exactly one element.
        """
        if self.data.size != 1:
            raise ValueError(
                f"item: shape {self.data.shape} has {self.data.size} elements; "
                "it must have exactly one"
            )
        return self.data.get((0,) * self.data.dims)

    def tolist(self) -> Any:
        """Return the elements as nested lists of floats, a float for shape ()."""
        return self.to_numpy().tolist()

    def numpy(self) -> npt.NDArray[Any]:
        """Return the elements as an array, as `to_numpy`, of a tensor that requires no gradient.

        Raises:
            RuntimeError: The tensor requires a gradient, which would be lost, and recording is on.
        """
        check_no_gradient("numpy", (self,), "x.detach().numpy(), or x.to_numpy()")
        return self.to_numpy()

    def __bool__(self) -> bool:
        if self.data.size != 1:
            raise ValueError(
                f"bool: the truth of a tensor of shape {self.data.shape} is ambiguous; use all() "
                "or compare the elements"
            )
        return bool(self.item())

    def __float__(self) -> float:
        return self.item()

    def __int__(self) -> int:
        return int(self.item())

    def __format__(self, spec: str) -> str:
        if not spec:
            return str(self)
        if self.data.size != 1:
            raise TypeError(
                f"format: {spec!r} is a format of one number, and the tensor has shape "
                f"{self.data.shape}; format an element, x[i], or all of them with "
                "numpy.array2string(x.to_numpy())"
            )
        return format(self.item(), spec)

    # Arrays

    def to_numpy(self) -> npt.NDArray[Any]:
        """Return the elements as an array, a view of the same memory if that is on the host.

        The array is read-only if elements share storage, as in an expanded tensor. It has no
        gradient. Do not write to it between an operation and its `backward`: the gradient may then
        be wrong, and nothing notices it.
        """
        return self.backend.to_numpy(self.data)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        return apply_ufunc(self, ufunc, method, inputs, options)

    def __array_function__(
        self, function: Any, types: Any, args: tuple[Any, ...], options: dict[str, Any]
    ) -> Any:
        return apply_function(function, args, options)

    def __array__(
        self, dtype: npt.DTypeLike | None = None, copy: bool | None = None
    ) -> npt.NDArray[Any]:
        check_no_gradient("numpy.asarray", (self,), "x.to_numpy() for an array without it")
        array = self.to_numpy()
        if dtype is not None and np.dtype(dtype) != array.dtype:
            if copy is False:
                raise ValueError(
                    f"__array__: conversion of a tensor from {array.dtype} to {np.dtype(dtype)} "
                    "needs a copy, and copy=False forbids it"
                )
            return array.astype(dtype)
        return array.copy() if copy else array

    def __dlpack__(self, **options: Any) -> Any:
        """Export the elements to another library; copied only if elements share storage.

        What the other library writes, this tensor has; as with `to_numpy`, nothing notices it.

        Raises:
            BufferError: The tensor requires a gradient, which would be lost, and recording is on.
        """
        try:
            check_no_gradient("__dlpack__", (self,), "x.detach() in its place")
        except RuntimeError as error:
            raise BufferError(str(error)) from None
        return self.backend.to_dlpack(self.data, **options)

    def __dlpack_device__(self) -> tuple[int, int]:
        return self.backend.dlpack_device()

    @property
    def __cuda_array_interface__(self) -> dict[str, Any]:
        """The CUDA array interface of the elements, for CuPy, PyTorch and numba.

        Raises:
            AttributeError: The tensor is in host memory.
            RuntimeError: The tensor requires a gradient, which would be lost, and recording is on.
        """
        interface: dict[str, Any] = self.data.__cuda_array_interface__
        check_no_gradient("__cuda_array_interface__", (self,), "x.detach() in its place")
        return interface
