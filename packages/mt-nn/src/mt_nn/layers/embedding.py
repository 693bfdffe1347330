"""The embedding: a table of vectors, looked up by number."""

from collections.abc import Sequence
from functools import partial

import numpy as np
import numpy.typing as npt

from mt_autodiff import Seed, Tensor, from_numpy, take, tensor
from mt_nn import init as initializers
from mt_nn.init import Initializer
from mt_nn.layers._checks import check_sizes
from mt_nn.module import Module, Parameter
from mt_tensor import REFERENCE, Backend, ShapeError

# The spread of word vectors that were learned elsewhere, as Kim 2014, "Convolutional Neural
# Networks for Sentence Classification", section 3.1, proposes.
_word_like = partial(initializers.uniform, low=-0.25, high=0.25)


class Embedding(Module):
    """A vector for each of so many things, such as the words of a vocabulary.

    Attributes:
        rows: The number of vectors.
        width: Their length.
        padding_row: The number that stands for no thing at all, None if there is none. Its vector
            is zero and stays so.
        weight: The table, shape (rows, width). A frozen one requires no gradient, so optimisers
            leave it alone; it is part of `state_dict` all the same.

    >>> words = Embedding(100, 8, padding_row=0, rng=0)
    >>> words([[5, 17, 0], [2, 0, 0]]).shape
    (2, 3, 8)
    """

    def __init__(
        self,
        rows: int,
        width: int,
        *,
        padding_row: int | None = None,
        trainable: bool = True,
        init: Initializer = _word_like,
        rng: Seed = None,
        backend: Backend = REFERENCE,
    ) -> None:
        """Build a table of random vectors; see `from_pretrained` for known ones.

        Args:
            rows: 1 or more.
            width: 1 or more.
            padding_row: A row number.
            trainable: Whether gradients reach the table.
            init: What draws the vectors; uniform over [-0.25, 0.25) unless given.
            rng: A generator, best one for the whole network; a seed, or None.
            backend: Where the table lives.

        Raises:
            ValueError: A size is smaller than 1, or the padding row is not in the table.
        """
        (self.rows,) = check_sizes("Embedding", "rows", rows, 1, 1)
        (self.width,) = check_sizes("Embedding", "width", width, 1, 1)
        if padding_row is not None and not 0 <= padding_row < rows:
            raise ValueError(
                f"Embedding: padding_row {padding_row} is not in the table; "
                f"its rows are 0 to {rows - 1}"
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
        """Build the layer from vectors that were learned elsewhere; they are copied.

        Args:
            table: One row for each thing.
            trainable: Whether to go on learning them.
            padding_row: A row number; its vector is set to zero.
            backend: Where the table lives.

        Shape:
            table (rows, width).

        Raises:
            ShapeError: The table has not two dimensions.

        >>> Embedding.from_pretrained([[1.0, 2.0], [3.0, 4.0]])([1, 1, 0])
        tensor([[3., 4.],
                [3., 4.],
                [1., 2.]])
        """
        array = np.asarray(table)
        if array.ndim != 2:
            raise ShapeError(
                f"Embedding.from_pretrained: shape {array.shape} is not a table (rows, width)"
            )

        def given(shape: Sequence[int], *, rng: Seed, backend: Backend) -> Tensor:
            return tensor(array, backend)

        return cls(
            *array.shape,
            padding_row=padding_row,
            trainable=trainable,
            init=given,
            backend=backend,
        )

    @property
    def trainable(self) -> bool:
        """Whether gradients reach the table."""
        return not self.weight.value.is_constant()

    def forward(self, indices: npt.ArrayLike) -> Tensor:
        """Look up vectors.

        Args:
            indices: Whole numbers, 0 to rows - 1.

        Shape:
            (...) → (..., width).

        Raises:
            TypeError: There is something else than integers.
            IndexError: A number names no row.
        """
        numbers = np.asarray(indices)
        vectors = take(self.weight.value, numbers)
        if self.padding_row is None:
            return vectors
        # The vector is zero already; the product keeps its gradient zero, too.
        things = (numbers != self.padding_row)[..., None]
        return vectors * from_numpy(things, vectors.backend)

    def extra_repr(self) -> str:
        """Return the sizes and whatever is not the default."""
        padding = "" if self.padding_row is None else f", padding_row={self.padding_row}"
        frozen = "" if self.trainable else ", trainable=False"
        return f"{self.rows}, {self.width}{padding}{frozen}"
