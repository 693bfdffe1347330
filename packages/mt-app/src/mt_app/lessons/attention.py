r"""Attention of one head and all of its gradients, one number at a time.

With queries $q$, keys $k$, values $v$ of size $d$, and the gradient $\bar o$ of the output:

$$s_{ij} = \frac{1}{\sqrt d} \sum_c q_{ic} k_{jc}, \quad
a_{ij} = \frac{e^{s_{ij}}}{\sum_m e^{s_{im}}}, \quad
o_{ic} = \sum_j a_{ij} v_{jc},$$

$$\bar v_{jc} = \sum_i a_{ij} \bar o_{ic}, \quad
\bar a_{ij} = \sum_c \bar o_{ic} v_{jc}, \quad
\bar s_{ij} = a_{ij} \Big( \bar a_{ij} - \sum_m \bar a_{im} a_{im} \Big),$$

$$\bar q_{ic} = \frac{1}{\sqrt d} \sum_j \bar s_{ij} k_{jc}, \quad
\bar k_{jc} = \frac{1}{\sqrt d} \sum_i \bar s_{ij} q_{ic}.$$

A causal query i uses the keys j ≤ i only. The library computes all results; the steps list the
numbers that each of them is made of (Vaswani et al. 2017, "Attention Is All You Need", section
3.2).
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from mt_autodiff import Tensor, tensor
from mt_nn import attention, attention_weights, masked_softmax
from mt_tensor import REFERENCE

Array = npt.NDArray[np.float64]
Index = tuple[int, int]
Phase = Literal[
    "scores",
    "weights",
    "output",
    "value gradient",
    "weight gradient",
    "score gradient",
    "query gradient",
    "key gradient",
]

PHASES: tuple[Phase, ...] = (
    "scores",
    "weights",
    "output",
    "value gradient",
    "weight gradient",
    "score gradient",
    "query gradient",
    "key gradient",
)
"""The results in the order of computation."""

FACTORS: dict[Phase, tuple[str, str]] = {
    "scores": ("query", "key"),
    "weights": ("scores", "scores"),
    "output": ("weights", "value"),
    "value gradient": ("weights", "output gradient"),
    "weight gradient": ("output gradient", "value"),
    "score gradient": ("weight gradient", "weights"),
    "query gradient": ("score gradient", "key"),
    "key gradient": ("score gradient", "query"),
}
"""The names of the two arrays that the steps of each phase read."""

SCALED: frozenset[Phase] = frozenset({"scores", "query gradient", "key gradient"})
"""The phases whose sums are divided by the root of the size."""


@dataclass(frozen=True, slots=True)
class Term:
    """One term of a sum.

    Attributes:
        left: The index in the first array.
        right: The index in the second array.
    """

    left: Index
    right: Index


@dataclass(frozen=True, slots=True)
class Step:
    """One number of a result.

    Attributes:
        out: The index of the number.
        terms: The terms of its sum; none if the mask hides the number.
    """

    out: Index
    terms: tuple[Term, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Attention:
    """The attention of one head, forward and backward.

    Attributes:
        arrays: The operands and the results by name: those of `FACTORS` and `PHASES`.
        causal: True if a query uses no later keys.
    """

    arrays: dict[str, Array]
    causal: bool

    @property
    def length(self) -> int:
        """The number of positions."""
        return len(self.arrays["query"])

    @property
    def root(self) -> float:
        """The root of the size of a query."""
        return float(self.arrays["query"].shape[1] ** 0.5)

    def is_hidden(self, query: int, key: int) -> bool:
        """Return whether the mask hides a key from a query."""
        return self.causal and key > query

    def steps(self, phase: Phase) -> list[Step]:
        """Return one step for each number of the result, in row-major order."""
        rows, columns = self.arrays[phase].shape
        indices = itertools.product(range(rows), range(columns))
        return [Step(index, tuple(self._terms(phase, *index))) for index in indices]

    def value(self, phase: Phase, step: Step) -> float:
        """Return the number of a step, computed from its terms; 0 if the mask hides it."""
        left, right = (self.arrays[name] for name in FACTORS[phase])
        if not step.terms:
            return 0.0
        if phase == "weights":
            largest = max(left[term.left] for term in step.terms)
            total = sum(np.exp(left[term.left] - largest) for term in step.terms)
            return float(np.exp(left[step.out] - largest) / total)
        total = sum(left[term.left] * right[term.right] for term in step.terms)
        if phase == "score gradient":
            return float(right[step.out] * (left[step.out] - total))
        return float(total / self.root if phase in SCALED else total)

    def _terms(self, phase: Phase, row: int, column: int) -> Iterator[Term]:
        """Yield the terms of one number of a result."""
        positions = range(self.length)
        if phase in ("scores", "weight gradient"):
            if not self.is_hidden(row, column):
                size = self.arrays[FACTORS[phase][0]].shape[1]
                yield from (Term((row, c), (column, c)) for c in range(size))
        elif phase in ("weights", "score gradient"):
            if not self.is_hidden(row, column):
                for key in positions:
                    if not self.is_hidden(row, key):
                        yield Term((row, key), (row, key))
        elif phase in ("output", "query gradient"):
            for key in positions:
                if not self.is_hidden(row, key):
                    yield Term((row, key), (key, column))
        else:
            for query in positions:
                if not self.is_hidden(query, row):
                    yield Term((query, row), (query, column))


def attend(
    query: npt.ArrayLike,
    key: npt.ArrayLike,
    value: npt.ArrayLike,
    output_gradient: npt.ArrayLike,
    *,
    causal: bool = True,
) -> Attention:
    """Compute the attention of one head, and differentiate.

    Args:
        query: The queries.
        key: The keys.
        value: The values.
        output_gradient: The derivative of a loss with respect to each number of the output.
        causal: True hides the keys behind a query.

    Shape:
        query and key (length, size); value and output_gradient (length, columns).
    """
    q, k, v, g = (
        tensor(np.asarray(each, np.float64)[None], REFERENCE, requires_grad=True)
        for each in (query, key, value, output_gradient)
    )
    output = attention(q, k, v, causal=causal)
    output.backward(g.detach())
    weights = attention_weights(q, k, causal=causal)
    length = q.shape[1]
    visible = np.tri(length, k=0 if causal else length, dtype=bool)
    # The gradients inside of the formula come from the same functions, on leaves of their own.
    inner = tensor(weights.to_numpy()[0, 0], REFERENCE, requires_grad=True)
    (inner @ v.detach()[0]).backward(g.detach()[0])
    products = q.to_numpy()[0] @ k.to_numpy()[0].T / q.shape[2] ** 0.5
    scores = tensor(np.where(visible, products, 0.0), REFERENCE, requires_grad=True)
    weight_gradient = np.where(visible, _array(inner.grad), 0.0)
    masked_softmax(scores, visible, 1).backward(tensor(weight_gradient, REFERENCE))
    return Attention(
        {
            "query": q.to_numpy()[0],
            "key": k.to_numpy()[0],
            "value": v.to_numpy()[0],
            "output gradient": g.to_numpy()[0],
            "scores": scores.to_numpy(),
            "weights": weights.to_numpy()[0, 0],
            "output": output.to_numpy()[0],
            "value gradient": _array(v.grad)[0],
            "weight gradient": weight_gradient,
            "score gradient": _array(scores.grad),
            "query gradient": _array(q.grad)[0],
            "key gradient": _array(k.grad)[0],
        },
        causal,
    )


def _array(gradient: Tensor | None) -> Array:
    assert gradient is not None
    array: Array = gradient.to_numpy()
    return array
