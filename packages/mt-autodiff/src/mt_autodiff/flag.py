"""Truth values that may be called."""


class Flag(int):
    """A truth value that is also a function without arguments that returns it.

    `Tensor.requires_grad` and `Tensor.is_leaf` are of this class: the course calls them,
    ``x.is_leaf()``, and PyTorch reads them, ``x.is_leaf``. Both have the same truth.

    >>> flag = Flag(True)
    >>> bool(flag), flag(), flag
    (True, True, True)
    """

    __slots__ = ()

    def __call__(self) -> bool:
        """Return the value."""
        return self != 0

    def __repr__(self) -> str:
        return str(self != 0)

    __str__ = __repr__


TRUE = Flag(True)
FALSE = Flag(False)
