"""Softmax and log-softmax of the scores that a mask selects, such as words without padding."""

import math

import numpy as np
import numpy.typing as npt

from mt_autodiff import Tensor, where
from mt_nn.functional.probabilities import logsoftmax, softmax


def masked_softmax(input: Tensor, mask: Tensor | npt.NDArray[np.bool_], dim: int) -> Tensor:
    """Return the softmax of the scores where a mask is not 0, and 0 elsewhere.

    If the mask is 0 everywhere along the dimension, or all selected scores are -∞, all
    probabilities are 0. Scores that are not selected may be infinite or NaN; their gradient is 0.

    Args:
        input: The scores.
        mask: Truth values, which broadcast to the scores.
        dim: The dimension; negative ones count from the right.

    Shape:
        (..., n, ...), mask (...) → (..., n, ...).

    Raises:
        IndexingError: There is no such dimension.

    >>> from mt_autodiff import tensor
    >>> x = tensor([[0.0, 0.0, 9.0], [1.0, 2.0, 3.0]])
    >>> masked_softmax(x, tensor([[True, True, False], [False, False, False]]), dim=1)
    tensor([[0.5, 0.5, 0. ],
            [0. , 0. , 0. ]])
    """
    kept = _truth(input, mask)
    return softmax(_selected(input, kept), dim) * kept


def masked_logsoftmax(input: Tensor, mask: Tensor | npt.NDArray[np.bool_], dim: int) -> Tensor:
    """Return the log-softmax of the scores where a mask is not 0, and -∞ elsewhere.

    It is the logarithm of `masked_softmax`: if the mask is 0 everywhere along the dimension, all
    results are -∞. See there for arguments, shapes and errors.

    >>> from mt_autodiff import tensor
    >>> masked_logsoftmax(tensor([0.0, 0.0, 9.0]), tensor([True, True, False]), dim=0)
    tensor([-0.69314718, -0.69314718,        -inf])
    """
    kept = _truth(input, mask)
    return where(kept, logsoftmax(_selected(input, kept), dim), -math.inf)


def _truth(input: Tensor, mask: Tensor | npt.NDArray[np.bool_]) -> Tensor:
    """Return a mask as 1 and 0; 0 also for scores of -∞, whose probability is 0."""
    scores = input.detach()
    truth: Tensor = (scores._operand(mask) != 0.0) * (scores != -math.inf)
    return truth


def _selected(input: Tensor, kept: Tensor) -> Tensor:
    """Return the scores, replaced by the smallest finite number where they are not selected.

    Beside a selected score this has probability 0; unlike -∞ it has a difference from itself.
    """
    return where(kept, input, float(np.finfo(input.dtype).min))
