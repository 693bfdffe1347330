"""Functions that rearrange elements without changing them."""

import numpy as np
import numpy.typing as npt

from mt_autodiff.engine import Function, TensorContext, warn_of_copy
from mt_autodiff.indexing import Key, slice_view
from mt_tensor import REFERENCE, TensorData, operators
from mt_tensor.layout import strides_from_shape


class Permute(Function):
    """The dimensions in another order; the result is a view."""

    @staticmethod
    def forward(ctx: TensorContext, a: TensorData, order: tuple[int, ...]) -> TensorData:
        ctx.save_for_backward(order)
        return a.permute(*order)

    @staticmethod
    def backward(ctx: TensorContext, grad: TensorData) -> TensorData:
        (order,) = ctx.saved_values
        return grad.permute(*(order.index(dim) for dim in range(len(order))))


class View(Function):
    """The same elements in another shape; the result is a view."""

    @staticmethod
    def forward(ctx: TensorContext, a: TensorData, shape: tuple[int, ...]) -> TensorData:
        ctx.save_for_backward(a.shape)
        return a.view(*shape)

    @staticmethod
    def backward(ctx: TensorContext, grad: TensorData) -> TensorData:
        (shape,) = ctx.saved_values
        storage = ctx.backend.contiguous(grad).storage
        return TensorData.unchecked(storage, shape, strides_from_shape(shape))


class Copy(Function):
    """The same elements, contiguous in memory."""

    @staticmethod
    def forward(ctx: TensorContext, a: TensorData) -> TensorData:
        return ctx.backend.contiguous(a)

    @staticmethod
    def backward(ctx: TensorContext, grad: TensorData) -> TensorData:
        return grad


class Expand(Function):
    """The elements repeated to a larger shape; the result is a view."""

    @staticmethod
    def forward(ctx: TensorContext, a: TensorData, shape: tuple[int, ...]) -> TensorData:
        return a.expand(shape)

    @staticmethod
    def backward(ctx: TensorContext, grad: TensorData) -> TensorData:
        # The engine sums over the repetitions.
        return grad


class Slice(Function):
    """The elements that a basic index selects; the result is a view."""

    @staticmethod
    def forward(ctx: TensorContext, a: TensorData, key: Key) -> TensorData:
        ctx.save_for_backward(a.shape, key)
        return slice_view(a, key)

    @staticmethod
    def backward(ctx: TensorContext, grad: TensorData) -> TensorData:
        shape, key = ctx.saved_values
        out = ctx.backend.zeros(shape)
        ctx.backend.map(operators.id, grad, out=slice_view(out, key))
        return out


class Pad(Function):
    """Zeros added before and after the elements of each dimension."""

    @staticmethod
    def forward(
        ctx: TensorContext, a: TensorData, widths: tuple[tuple[int, int], ...]
    ) -> TensorData:
        inside = tuple(
            slice(before, before + size) for (before, _), size in zip(widths, a.shape, strict=True)
        )
        ctx.save_for_backward(inside)
        out = ctx.backend.zeros(
            tuple(b + size + e for (b, e), size in zip(widths, a.shape, strict=True))
        )
        ctx.backend.map(operators.id, a, out=slice_view(out, inside))
        return out

    @staticmethod
    def backward(ctx: TensorContext, grad: TensorData) -> TensorData:
        (inside,) = ctx.saved_values
        return slice_view(grad, inside)


class Concatenate(Function):
    """Concatenation of several tensors along a dimension."""

    @staticmethod
    def forward(ctx: TensorContext, *args: TensorData | int) -> TensorData:
        parts = [a for a in args if isinstance(a, TensorData)]
        dim = args[-1]
        assert isinstance(dim, int)
        keys: list[tuple[slice, ...]] = []
        end = 0
        for part in parts:
            begin, end = end, end + part.shape[dim]
            keys.append((slice(None),) * dim + (slice(begin, end),))
        first = parts[0].shape
        out = ctx.backend.empty((*first[:dim], end, *first[dim + 1 :]))
        for part, key in zip(parts, keys, strict=True):
            ctx.backend.map(operators.id, part, out=slice_view(out, key))
        ctx.save_for_backward(keys)
        return out

    @staticmethod
    def backward(ctx: TensorContext, grad: TensorData) -> tuple[TensorData, ...]:
        (keys,) = ctx.saved_values
        return tuple(slice_view(grad, key) for key in keys)


class Take(Function):
    """Rows of a table by index, as an embedding layer looks them up.

    Both directions run on the host; a backend may have a fused form.
    """

    @staticmethod
    def forward(
        ctx: TensorContext, table: TensorData, indices: npt.NDArray[np.integer]
    ) -> TensorData:
        ctx.save_for_backward(table.shape, indices)
        if ctx.backend.memory != "host":
            warn_of_copy("take", ctx.backend, REFERENCE)
        return ctx.backend.from_numpy(ctx.backend.to_numpy(table)[indices])

    @staticmethod
    def backward(ctx: TensorContext, grad: TensorData) -> TensorData:
        shape, indices = ctx.saved_values
        # The gradient of a row that was taken several times is the sum over its uses, in double
        # precision because sums in single precision stall.
        total = np.zeros(shape)
        np.add.at(total, indices, ctx.backend.to_numpy(grad))
        return ctx.backend.from_numpy(total)
