r"""Attention: means of values, weighted by the similarity of queries and keys.

(Vaswani et al. 2017, "Attention Is All You Need", section 3.2.)
"""

import math

import numpy as np
import numpy.typing as npt

from mt_autodiff import Seed, Tensor, fused
from mt_nn.functional.linear import linear
from mt_nn.functional.masking import masked_softmax
from mt_nn.functional.noise import dropout
from mt_tensor import ShapeError
from mt_tensor.fused import operations


@fused(operations.ATTENTION)
def attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    heads: int = 1,
    *,
    causal: bool = False,
    mask: Tensor | npt.NDArray[np.bool_] | None = None,
    rate: float = 0.0,
    rng: Seed = None,
) -> Tensor:
    r"""Return $\mathrm{softmax}(Q K^T / \sqrt{d})\, V$ of each head, side by side.

    A head uses the columns h · d to (h + 1) · d - 1 of all three operands.

    Args:
        query: The queries.
        key: The keys.
        value: The values.
        heads: The number of heads, a divisor of both widths.
        causal: True hides the keys behind a query. The last query is at the position of the last
            key, so queries may be the end of a longer sequence.
        mask: Truth values that broadcast to (batch, heads, queries, keys): a query uses the keys
            where they are not 0. A query without keys has the result 0. None hides nothing.
        rate: The probability with which dropout removes each weight.
        rng: The generator of dropout, or a seed.

    Shape:
        query (batch, queries, width), key (batch, keys, width), value (batch, keys, columns) →
        (batch, queries, columns).

    Raises:
        ShapeError: The shapes differ from these, or the heads do not divide the width.

    >>> from mt_autodiff import tensor
    >>> x = tensor([[[0.0], [0.0], [0.0]]])
    >>> attention(x, x, tensor([[[3.0], [1.0], [2.0]]]), causal=True).view(3)
    tensor([3., 2., 2.])
    """
    if value.dims != 3 or value.shape[:2] != key.shape[:2] or value.shape[2] % max(heads, 1):
        raise ShapeError(
            f"attention: values of shape {value.shape} for keys of shape {key.shape} and {heads} "
            "heads; expected (batch, keys, columns), columns a multiple of the heads"
        )
    weights = attention_weights(query, key, heads, causal=causal, mask=mask)
    if rate:
        weights = dropout(weights, rate, rng=rng)
    out = weights @ _split(value, heads)
    return out.permute(0, 2, 1, 3).reshape(*query.shape[:2], value.shape[2])


@fused(operations.SELF_ATTENTION)
def self_attention(
    input: Tensor,
    query_weight: Tensor,
    key_weight: Tensor,
    value_weight: Tensor,
    query_bias: Tensor | None = None,
    key_bias: Tensor | None = None,
    value_bias: Tensor | None = None,
    heads: int = 1,
    causal: bool = False,
) -> Tensor:
    r"""Return `attention` of the queries, keys and values that linear maps make of one sequence.

    See `attention` and `linear` for arguments and errors.

    Shape:
        input (batch, length, inputs), weights (inputs, width), biases (width,) → (batch, length,
        width).

    >>> from mt_autodiff import tensor
    >>> x, w = tensor([[[3.0], [1.0]]]), tensor([[0.0]])
    >>> self_attention(x, w, w, tensor([[1.0]])).view(2)
    tensor([2., 2.])
    """
    return attention(
        linear(input, query_weight, query_bias),
        linear(input, key_weight, key_bias),
        linear(input, value_weight, value_bias),
        heads,
        causal=causal,
    )


def attention_weights(
    query: Tensor,
    key: Tensor,
    heads: int = 1,
    *,
    causal: bool = False,
    mask: Tensor | npt.NDArray[np.bool_] | None = None,
) -> Tensor:
    r"""Return the weight of each key for each query, $\mathrm{softmax}(Q K^T / \sqrt{d})$.

    The weights of a query add up to 1, or to 0 if everything is hidden or all scores of what is
    visible are -∞, as in PyTorch. See `attention` for arguments and errors.

    Shape:
        query (batch, queries, width), key (batch, keys, width) → (batch, heads, queries, keys).

    >>> from mt_autodiff import tensor
    >>> attention_weights(*[tensor([[[0.0], [0.0]]])] * 2, causal=True).view(2, 2)
    tensor([[1. , 0. ],
            [0.5, 0.5]])
    """
    _check_operands(query, key, heads, causal)
    size = query.shape[2] // heads
    scores = (_split(query, heads) @ _split(key, heads).permute(0, 1, 3, 2)) * (
        1.0 / math.sqrt(size)
    )
    visible: Tensor | None = None
    if causal:
        rows, columns = query.shape[1], key.shape[1]
        visible = scores.detach()._operand(np.tri(rows, columns, columns - rows, bool))
    if mask is not None:
        allowed: Tensor = scores.detach()._operand(mask) != 0.0
        visible = allowed if visible is None else visible * allowed
    return masked_softmax(scores, np.ones(1, bool) if visible is None else visible, -1)


def _split(x: Tensor, heads: int) -> Tensor:
    """Return the columns of each head: (batch, length, width) → (batch, heads, length, size)."""
    batch, length, width = x.shape
    return x.reshape(batch, length, heads, width // heads).permute(0, 2, 1, 3)


def _check_operands(query: Tensor, key: Tensor, heads: int, causal: bool) -> None:
    """Raise ShapeError unless queries and keys fit to each other and to the heads."""
    shapes = f"queries of shape {query.shape} and keys of shape {key.shape}"
    if query.dims != 3 or key.dims != 3 or query.shape[::2] != key.shape[::2]:
        raise ShapeError(
            f"attention: {shapes}; expected (batch, queries, width) and (batch, keys, width)"
        )
    if heads < 1 or query.shape[2] == 0 or query.shape[2] % heads:
        raise ShapeError(
            f"attention: {heads} heads do not divide the width {query.shape[2]}; "
            "choose a divisor of the width"
        )
    if key.shape[1] == 0 or (causal and key.shape[1] < query.shape[1]):
        raise ShapeError(
            f"attention: {shapes}; there must be a key, and with causal=True one for each query: "
            "pass the keys of earlier positions, too"
        )
