"""The maximum as a tensor without the dimension along which it was taken."""

from typing import Any

from mt_autodiff import Tensor
from mt_nn.functional.maximum import Max


def max(input: Tensor, dim: Any = None) -> Tensor:
    """Return the largest elements along a dimension, or of all."""
    if dim is None:
        flat = input.contiguous().view(input.size)
        return Max.apply(flat, 0)  # type: ignore[no-any-return]
    maxima = Max.apply(input, dim % input.dims)
    left = [size for d, size in enumerate(input.shape) if d != dim % input.dims]
    return maxima.contiguous().view(*left) if left else maxima  # type: ignore[no-any-return]
