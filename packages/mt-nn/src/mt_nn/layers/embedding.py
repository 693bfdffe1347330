"""The embedding layer: a table of vectors with lookup by index."""

from collections.abc import Sequence
from functools import partial

import numpy as np
import numpy.typing as npt

from mt_autodiff import Seed, Tensor, from_numpy, take, tensor
from mt_autodiff.names import renamed
from mt_nn import init as initializers
from mt_nn.init import Initializer
from mt_nn.layers._checks import check_sizes
from mt_nn.module import Module
from mt_nn.parameter import Parameter
from mt_tensor import REFERENCE, Backend, ShapeError

# Kim 2014, "Convolutional Neural Networks for Sentence Classification", section 3.1, proposes this
# interval: random vectors then have the variance of pretrained word vectors.
_embedding_uniform = partial(initializers.uniform, low=-0.25, high=0.25)


class Embedding(Module):
    """A table of vectors, such as one for each word of a vocabulary.

    Attributes:
        rows: The number of vectors.
        width: The length of a vector.
        padding_row: The index of padding, or None. Its vector is zero and is not trained.
        weight: The table, shape (rows, width). A frozen table requires no gradient, so optimisers
            do not change it; it is part of `state_dict`.

    >>> words = Embedding(100, 8, padding_row=0, rng=0)
    >>> words([[5, 17, 0], [2, 0, 0]]).shape
    (2, 3, 8)
    """

    @renamed(
        num_embeddings="rows",
        embedding_dim="width",
        padding_idx="padding_row",
        max_norm=None,
        sparse=None,
        device="backend",
        dtype="backend",
    )
    def __init__(
        self,
        rows: int,
        width: int,
        *,
        padding_row: int | None = None,
        trainable: bool = True,
        init: Initializer = _embedding_uniform,
        rng: Seed = None,
        backend: Backend = REFERENCE,
    ) -> None:
        """Build a table of random vectors; see `from_pretrained` for pretrained ones.

        Args:
            rows: The number of vectors, 1 or more.
            width: The length of a vector, 1 or more.
            padding_row: The index of padding, or None.
            trainable: False freezes the table.
            init: The initialiser of the table, by default uniform over [-0.25, 0.25).
            rng: A generator, preferably one for the whole network; a seed, or None.
            backend: The backend of the table.

        Raises:
            ValueError: A size is smaller than 1, or the padding row is out of range.
        """
        (self.rows,) = check_sizes("Embedding", "rows", rows, 1, 1)
        (self.width,) = check_sizes("Embedding", "width", width, 1, 1)
        if padding_row is not None and not 0 <= padding_row < rows:
            raise ValueError(
                f"Embedding: padding_row {padding_row} is out of range; "
                f"allowed: 0 to {rows - 1}, or None"
            )
        self.padding_row = padding_row
        table = init((rows, width), rng=rng, backend=backend)
        if padding_row is not None:
            table[padding_row] = 0.0
        self.weight = Parameter(table)
        table.requires_grad_(trainable)

    @classmethod
    def from_pretrained(
        cls,
        table: npt.ArrayLike,
        *,
        trainable: bool = False,
        padding_row: int | None = None,
        backend: Backend = REFERENCE,
    ) -> "Embedding":
        """Build the layer from a copy of pretrained vectors.

        Args:
            table: One vector in each row.
            trainable: True continues to train the vectors.
            padding_row: The index of padding, whose vector is set to zero, or None.
            backend: The backend of the table.

        Shape:
            table (rows, width).

        Raises:
            ShapeError: The table does not have two dimensions.

        >>> Embedding.from_pretrained([[1.0, 2.0], [3.0, 4.0]])([1, 1, 0])
        tensor([[3., 4.],
                [3., 4.],
                [1., 2.]])
        """
        array = table.to_numpy() if isinstance(table, Tensor) else np.asarray(table)
        if array.ndim != 2:
            raise ShapeError(
                f"Embedding.from_pretrained: shape {array.shape} is not a table (rows, width)"
            )

        def pretrained(shape: Sequence[int], *, rng: Seed, backend: Backend) -> Tensor:
            return tensor(array, backend)

        return cls(
            *array.shape,
            padding_row=padding_row,
            trainable=trainable,
            init=pretrained,
            backend=backend,
        )

    @property
    def trainable(self) -> bool:
        """True if the table is trained, False if it is frozen."""
        return not self.weight.value.is_constant()

    def forward(self, indices: Tensor | npt.ArrayLike) -> Tensor:
        """Look up vectors.

        Args:
            indices: Integers from 0 to rows - 1; in a tensor, whole numbers.

        Shape:
            (...) → (..., width).

        Raises:
            TypeError: The indices are not integers.
            IndexError: An index is out of range.
        """
        vectors = take(self.weight.value, indices)
        if self.padding_row is None:
            return vectors
        # The padding vector is zero already; the product makes its gradient zero.
        mask = (np.asarray(indices) != self.padding_row)[..., None]
        return vectors * from_numpy(mask, vectors.backend)

    def extra_repr(self) -> str:
        """Return the sizes, and settings other than the defaults."""
        padding = "" if self.padding_row is None else f", padding_row={self.padding_row}"
        frozen = "" if self.trainable else ", trainable=False"
        return f"{self.rows}, {self.width}{padding}{frozen}"
