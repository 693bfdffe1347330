"""The number of elements of a tensor, which is also a function of its shape."""

from typing import overload

from mt_tensor.layout import normalize_dim


class Size(int):
    """The number of elements of a tensor, which can be called for its shape, as in PyTorch.

    >>> from mt_autodiff import zeros
    >>> size = zeros(2, 3).size
    >>> size, size(), size(-1)
    (6, (2, 3), 3)
    """

    shape: tuple[int, ...]

    @overload
    def __call__(self, dim: None = None) -> tuple[int, ...]: ...

    @overload
    def __call__(self, dim: int) -> int: ...

    def __call__(self, dim: int | None = None) -> tuple[int, ...] | int:
        """Return the shape, or the size of one dimension."""
        return (
            self.shape if dim is None else self.shape[normalize_dim(dim, len(self.shape), "size")]
        )
