"""The differentiable tensor: the basic operations, and those that are composed of them."""

from __future__ import annotations

from typing import Self

from mt_autodiff.basic_tensor import BasicTensor, TensorLike
from mt_autodiff.composed import (
    elementwise,
    in_place,
    ordering,
    products,
    reductions,
    selection,
    shapes,
)
from mt_autodiff.names import MEMBERS, MissingMember
from mt_tensor import TensorData

_ROWS = MEMBERS | {
    name: MEMBERS.get(name, f"x.data.{name}").partition("  # ")[0]
    + "  # x.data is TensorData: to replace the elements, write x.copy_(y), not x.data = y"
    for name in dir(TensorData)
    if not name.startswith("_") and not hasattr(BasicTensor, name)
}
"""The expression to write instead of each missing member. A tensor that was assigned to `data`
lacks those of `TensorData`."""

_OTHERS = """
    acos acosh addbmm addcdiv addmv aminmax angle arccos arccosh arcsin arcsinh arctan arctan2
    arctanh argpartition as_strided asin asinh atan atan2 atanh baddbmm bernoulli bfloat16
    bitwise_and bitwise_left_shift bitwise_not bitwise_or bitwise_right_shift bitwise_xor
    cholesky cholesky_solve choose conj copysign corrcoef cov cummax cummin deg2rad det
    diag_embed diagflat diagonal_scatter diff digamma dist dsplit erfinv fix fmax fmin frexp gcd
    greater_equal hardshrink heaviside histogram hsplit hypot imag index_add index_copy
    index_put index_reduce inverse isneginf isposinf isreal itemsize kron kthvalue lcm ldexp
    less_equal lgamma logaddexp logaddexp2 logcumsumexp logdet masked_scatter matrix_exp
    matrix_power multinomial nan_to_num nanmedian nanquantile narrow_copy new_empty nextafter
    not_equal pinverse polygamma qr rad2deg real renorm rot90 scatter_reduce searchsorted
    select_scatter sgn signbit sinc slice_scatter slogdet split_with_sizes sspaddmm svd
    tensor_split tobytes tofile type_as unflatten unique_consecutive values vdot vsplit xlogy
"""
"""Other names of PyTorch and NumPy. Their error points to the page of differences."""


class Tensor(BasicTensor):
    """A differentiable array of numbers: it records the function that computed it.

    >>> from mt_autodiff import tensor
    >>> x = tensor([1.0, 2.0, 3.0], requires_grad=True)
    >>> (x * x).sum().backward()
    >>> x.grad
    tensor([2., 4., 6.])
    """

    __slots__ = ()

    # Arithmetic

    def __mod__(self, other: TensorLike) -> Self:
        return elementwise.remainder(self, other)

    def __rmod__(self, other: TensorLike) -> Self:
        return self._operand(other) % self

    def __floordiv__(self, other: TensorLike) -> Self:
        return elementwise.floor_divide(self, other)

    def __rfloordiv__(self, other: TensorLike) -> Self:
        return self._operand(other) // self

    def __abs__(self) -> Self:
        return elementwise.abs(self)

    add = BasicTensor.__add__
    sub = BasicTensor.__sub__
    mul = BasicTensor.__mul__
    div = BasicTensor.__truediv__
    pow = elementwise.pow
    remainder = elementwise.remainder
    floor_divide = elementwise.floor_divide
    matmul = products.matmul
    mm = products.mm
    bmm = products.bmm
    dot = products.dot
    outer = products.outer

    # Changes in place; see `mt_autodiff.composed.in_place`

    def __iadd__(self, other: TensorLike) -> Self:
        return in_place.augmented(self, self + other, "+=")

    def __isub__(self, other: TensorLike) -> Self:
        return in_place.augmented(self, self - other, "-=")

    def __imul__(self, other: TensorLike) -> Self:
        return in_place.augmented(self, self * other, "*=")

    def __itruediv__(self, other: TensorLike) -> Self:
        return in_place.augmented(self, self / other, "/=")

    def __ipow__(self, exponent: TensorLike) -> Self:
        return in_place.augmented(self, self**exponent, "**=")

    def __imod__(self, other: TensorLike) -> Self:
        return in_place.augmented(self, self % other, "%=")

    def __ifloordiv__(self, other: TensorLike) -> Self:
        return in_place.augmented(self, self // other, "//=")

    add_ = in_place.add_
    sub_ = in_place.sub_
    mul_ = in_place.mul_
    div_ = in_place.div_
    clamp_ = in_place.clamp_
    fill_ = in_place.fill_
    zero_ = in_place.zero_
    copy_ = in_place.copy_
    scatter_ = selection.scatter_

    # Comparison

    isclose = elementwise.isclose
    allclose = elementwise.allclose
    isnan = elementwise.isnan
    isinf = elementwise.isinf
    isfinite = elementwise.isfinite
    eq = elementwise.eq
    ne = elementwise.ne
    lt = BasicTensor.__lt__
    gt = BasicTensor.__gt__
    le = BasicTensor.__le__
    ge = BasicTensor.__ge__

    # Logic: an element that is not 0 is true

    __and__ = __rand__ = elementwise.logical_and
    __or__ = __ror__ = elementwise.logical_or
    __xor__ = __rxor__ = elementwise.logical_xor
    __invert__ = elementwise.logical_not
    logical_and = elementwise.logical_and
    logical_or = elementwise.logical_or
    logical_xor = elementwise.logical_xor
    logical_not = elementwise.logical_not

    # Functions of each element

    abs = elementwise.abs
    sign = elementwise.sign
    tanh = elementwise.tanh
    erf = elementwise.erf
    gelu = elementwise.gelu
    sin = elementwise.sin
    cos = elementwise.cos
    log1p = elementwise.log1p
    log2 = elementwise.log2
    log10 = elementwise.log10
    square = elementwise.square
    reciprocal = elementwise.reciprocal
    rsqrt = elementwise.rsqrt
    floor = elementwise.floor
    ceil = elementwise.ceil
    round = elementwise.round
    clamp = elementwise.clamp
    clip = elementwise.clamp
    maximum = elementwise.maximum
    minimum = elementwise.minimum
    masked_fill = elementwise.masked_fill

    # Reductions and order

    any = reductions.any
    max = reductions.max
    min = reductions.min
    amax = reductions.amax
    amin = reductions.amin
    argmax = reductions.argmax
    argmin = reductions.argmin
    prod = reductions.prod
    var = reductions.var
    std = reductions.std
    norm = reductions.norm
    cumsum = reductions.cumsum
    logsumexp = reductions.logsumexp
    count_nonzero = reductions.count_nonzero
    sort = ordering.sort
    argsort = ordering.argsort
    topk = ordering.topk
    median = ordering.median
    unique = ordering.unique

    # Shape

    @property
    def T(self) -> Self:  # noqa: N802 - the name that NumPy and PyTorch use
        """A view with the dimensions in reverse order: the transposed matrix."""
        return self.permute(range(self.dims)[::-1])

    t = shapes.t
    transpose = shapes.transpose
    reshape = shapes.reshape
    flatten = shapes.flatten
    squeeze = shapes.squeeze
    unsqueeze = shapes.unsqueeze
    expand_as = shapes.expand_as
    repeat = shapes.repeat
    split = shapes.split
    chunk = shapes.chunk
    unbind = shapes.unbind
    flip = shapes.flip
    roll = shapes.roll
    tril = shapes.tril
    triu = shapes.triu

    # Elements

    gather = selection.gather
    index_select = selection.index_select
    masked_select = selection.masked_select
    nonzero = selection.nonzero


_IN_PLACE = [f"{name}_" for name in dir(Tensor) if not name.startswith("_")]
MissingMember.add_to(Tensor, [*_ROWS, *_OTHERS.split(), *_IN_PLACE], _ROWS)
