"""The kernels of map and zip, with one thread for each element of the result.

Ten elements and three blocks of four threads; threads beyond the last element do nothing::

    out     o0 o1 o2 o3 | o4 o5 o6 o7 | o8 o9
    thread   0  1  2  3 |  0  1  2  3 |  0  1  -  -
"""

from collections.abc import Callable

from numba import cuda

from mt_kernels_cuda.indexing import position_of
from mt_kernels_cuda.jit import Kernel, device_function, kernel, once_per_formula
from mt_tensor.layout import Shape, Storage, Strides


@once_per_formula
def tensor_map(fn: Callable[[float], float]) -> Kernel:
    """Return a kernel that applies fn to each element of `a`, broadcast to the shape of `out`.

    Launch it with at least `out_size` threads, in blocks of any size.

    Args:
        fn: A scalar function, compiled or not.

    Returns:
        ``kernel(out, out_shape, out_strides, out_size, a, a_shape, a_strides)``.
    """
    fn = device_function(fn)

    @kernel
    def map_kernel(
        out: Storage,
        out_shape: Shape,
        out_strides: Strides,
        out_size: int,
        a: Storage,
        a_shape: Shape,
        a_strides: Strides,
    ) -> None:
        i = cuda.grid(1)
        if i < out_size:
            value = fn(a[position_of(i, out_shape, a_shape, a_strides)])
            out[position_of(i, out_shape, out_shape, out_strides)] = value

    return map_kernel


@once_per_formula
def tensor_zip(fn: Callable[[float, float], float]) -> Kernel:
    """Return a kernel that applies fn to pairs of elements of `a` and `b`, both broadcast.

    Launch it with at least `out_size` threads, in blocks of any size.

    Args:
        fn: A scalar function, compiled or not.

    Returns:
        ``kernel(out, out_shape, out_strides, out_size, a, a_shape, a_strides,
        b, b_shape, b_strides)``.
    """
    fn = device_function(fn)

    @kernel
    def zip_kernel(
        out: Storage,
        out_shape: Shape,
        out_strides: Strides,
        out_size: int,
        a: Storage,
        a_shape: Shape,
        a_strides: Strides,
        b: Storage,
        b_shape: Shape,
        b_strides: Strides,
    ) -> None:
        i = cuda.grid(1)
        if i < out_size:
            value = fn(
                a[position_of(i, out_shape, a_shape, a_strides)],
                b[position_of(i, out_shape, b_shape, b_strides)],
            )
            out[position_of(i, out_shape, out_shape, out_strides)] = value

    return zip_kernel


@kernel
def fill(out: Storage, out_size: int, value: float) -> None:
    """Write one value to the first `out_size` elements, one thread for each."""
    i = cuda.grid(1)
    if i < out_size:
        out[i] = value
