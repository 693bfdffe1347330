"""A table of the operations: name, operands, smooth domain.

Tests, benchmarks and documentation iterate over it. The library itself does not use it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mt_autodiff import functions
from mt_autodiff.combining import concatenate, conv1d, conv2d, pad, stack, take
from mt_autodiff.composed.elementwise import where
from mt_autodiff.composed.products import einsum, matmul
from mt_autodiff.tensor import Tensor

Interval = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Op:
    """One operation on tensors.

    Attributes:
        name: The name of the operation.
        call: The operation, a function of one tensor for each domain.
        domains: For each tensor, the intervals in which the operation is smooth, with a distance
            from kinks and poles.
        shapes: For each tensor, a small shape that the operation accepts.
        elementwise: True if the operation accepts operands of all shapes that broadcast.
    """

    name: str
    call: Callable[..., Tensor]
    domains: tuple[tuple[Interval, ...], ...]
    shapes: tuple[tuple[int, ...], ...]
    elementwise: bool = False

    @property
    def arity(self) -> int:
        """The number of operands."""
        return len(self.domains)

    def draw(
        self, rng: np.random.Generator, shapes: Sequence[Sequence[int]] | None = None
    ) -> list[npt.NDArray[np.float64]]:
        """Draw operands from the smooth domain.

        Args:
            rng: The generator to draw from.
            shapes: The shape of each operand, by default the op's `shapes`.
        """
        return [
            _draw(rng, domain, shape)
            for domain, shape in zip(self.domains, shapes or self.shapes, strict=True)
        ]


def _draw(
    rng: np.random.Generator, domain: Sequence[Interval], shape: Sequence[int]
) -> npt.NDArray[np.float64]:
    """Draw numbers uniformly from intervals, each interval with the same probability."""
    lows, highs = np.array(domain).T
    which = rng.integers(len(domain), size=tuple(shape))
    numbers: npt.NDArray[np.float64] = rng.uniform(lows[which], highs[which])
    return numbers


REAL = ((-2.0, 2.0),)
POSITIVE = ((0.1, 3.0),)
FRACTION = ((-1.8, -1.2), (0.2, 0.8))
NOT_ZERO = ((-2.0, -0.2), (0.2, 2.0))
_MATRIX = (2, 3)


def _elementwise(name: str, call: Callable[..., Tensor], *domains: tuple[Interval, ...]) -> Op:
    shapes = ((2, 3),) if len(domains) == 1 else ((2, 3), (3,))
    return Op(name, call, domains, shapes, elementwise=True)


OPS: tuple[Op, ...] = (
    _elementwise("neg", lambda x: -x, REAL),
    _elementwise("inv", lambda x: 1.0 / x, NOT_ZERO),
    _elementwise("sigmoid", lambda x: x.sigmoid(), REAL),
    _elementwise("relu", lambda x: x.relu(), NOT_ZERO),
    _elementwise("log", lambda x: functions.Log.apply(x), POSITIVE),
    _elementwise("ln", lambda x: x.ln(), POSITIVE),
    _elementwise("exp", lambda x: x.exp(), REAL),
    _elementwise("sqrt", lambda x: x.sqrt(), POSITIVE),
    _elementwise("square", lambda x: x**2, REAL),
    _elementwise("power", lambda x: x**1.5, POSITIVE),
    _elementwise("pow", lambda x, y: x**y, POSITIVE, REAL),
    _elementwise("add", lambda x, y: x + y, REAL, REAL),
    _elementwise("sub", lambda x, y: x - y, REAL, REAL),
    _elementwise("mul", lambda x, y: x * y, REAL, REAL),
    _elementwise("div", lambda x, y: x / y, REAL, NOT_ZERO),
    _elementwise("abs", lambda x: x.abs(), NOT_ZERO),
    _elementwise("sign", lambda x: x.sign(), NOT_ZERO),
    _elementwise("floor", lambda x: x.floor(), FRACTION),
    _elementwise("log1p", lambda x: x.log1p(), POSITIVE),
    _elementwise("tanh", lambda x: x.tanh(), REAL),
    _elementwise("erf", lambda x: x.erf(), REAL),
    _elementwise("gelu", lambda x: x.gelu(), REAL),
    _elementwise("sin", lambda x: x.sin(), REAL),
    _elementwise("cos", lambda x: x.cos(), REAL),
    _elementwise("mod", lambda x, y: x % y, ((-0.8, -0.2), (4.2, 4.8)), ((2.8, 3.2),)),
    _elementwise("maximum", lambda x, y: x.maximum(y), ((-2.0, -1.0), (1.0, 2.0)), ((-0.5, 0.5),)),
    # The domains are disjoint, so that small steps do not change the result of a comparison.
    _elementwise("lt", lambda x, y: x < y, ((-2.0, -1.0),), POSITIVE),
    _elementwise("eq", lambda x, y: x == y, ((-2.0, -1.0),), POSITIVE),
    _elementwise("is_close", lambda x, y: x.is_close(y), ((-2.0, -1.0),), POSITIVE),
    Op(
        "where",
        lambda c, x, y: where(c > 0.0, x, y),
        (NOT_ZERO, REAL, REAL),
        ((2, 3), (3,), (2, 1)),
        elementwise=True,
    ),
    Op("sum", lambda x: x.sum(), (REAL,), (_MATRIX,)),
    Op("sum_dim", lambda x: x.sum(0), (REAL,), (_MATRIX,)),
    Op("sum_dims", lambda x: x.sum((0, -1)), (REAL,), ((2, 3, 2),)),
    Op("mean", lambda x: x.mean(), (REAL,), (_MATRIX,)),
    Op("mean_dim", lambda x: x.mean(-1), (REAL,), (_MATRIX,)),
    Op("permute", lambda x: x.permute(1, 2, 0), (REAL,), ((2, 3, 4),)),
    Op("view", lambda x: x.view(3, -1), (REAL,), (_MATRIX,)),
    Op("contiguous", lambda x: x.permute(1, 0).contiguous(), (REAL,), (_MATRIX,)),
    Op("expand", lambda x: x.expand(2, 3, 4), (REAL,), ((3, 1),)),
    Op("slice", lambda x: x[1:, None, ::2], (REAL,), ((3, 4),)),
    Op("pad", lambda x: pad(x, ((1, 0), (2, 1))), (REAL,), (_MATRIX,)),
    Op("concatenate", lambda x, y: concatenate([x, y, x], 1), (REAL,) * 2, (_MATRIX, (2, 1))),
    Op("take", lambda x: take(x, [[2, 0], [2, 2]]), (REAL,), ((3, 2),)),
    Op("index", lambda x: x[[1, 0, 1], 1:], (REAL,), (_MATRIX,)),
    Op("prod", lambda x: x.prod(0), (NOT_ZERO,), (_MATRIX,)),
    Op("cumsum", lambda x: x.cumsum(1), (REAL,), (_MATRIX,)),
    Op("clone", lambda x: x.clone(), (REAL,), (_MATRIX,)),
    Op("matmul", lambda x, y: x @ y, (REAL,) * 2, ((2, 3, 4), (1, 4, 2))),
    Op("conv1d", conv1d, (REAL,) * 2, ((2, 3, 5), (2, 3, 2))),
    Op(
        "conv1d_reverse",
        lambda x, w: conv1d(x, w, reverse=True, size=4),
        (REAL,) * 2,
        ((2, 2, 5), (3, 2, 3)),
    ),
    Op("conv2d", conv2d, (REAL,) * 2, ((2, 2, 2, 3), (2, 2, 2, 2))),
    Op(
        "conv2d_reverse",
        lambda x, w: conv2d(x, w, reverse=True, size=(2, 5)),
        (REAL,) * 2,
        ((1, 2, 3, 4), (2, 2, 2, 2)),
    ),
)
"""Every function of `mt_autodiff.functions`, each name once."""

COMPOSED: tuple[Op, ...] = (
    _elementwise("clamp", lambda x: x.clamp(-0.1, 0.1), NOT_ZERO),
    _elementwise("minimum", lambda x, y: x.minimum(y), ((-2.0, -1.0), (1.0, 2.0)), ((-0.5, 0.5),)),
    _elementwise("masked_fill", lambda x: x.masked_fill(x > 0.0, 7.0), NOT_ZERO),
    _elementwise("log2", lambda x: x.log2(), POSITIVE),
    _elementwise("log10", lambda x: x.log10(), POSITIVE),
    _elementwise("rsqrt", lambda x: x.rsqrt(), POSITIVE),
    _elementwise("reciprocal", lambda x: x.reciprocal(), NOT_ZERO),
    _elementwise("ceil", lambda x: x.ceil(), FRACTION),
    _elementwise("round", lambda x: x.round(), ((-1.4, -0.6), (0.6, 1.4))),
    _elementwise("floor_divide", lambda x, y: x // y, ((-0.8, -0.2), (4.2, 4.8)), ((2.8, 3.2),)),
    _elementwise("gelu_tanh", lambda x: x.gelu("tanh"), REAL),
    _elementwise("base_2", lambda x: 2.0**x, REAL),
    Op("var", lambda x: x.var(1), (REAL,), (_MATRIX,)),
    Op("std", lambda x: x.std(), (REAL,), (_MATRIX,)),
    Op("norm", lambda x: x.norm(), (REAL,), (_MATRIX,)),
    Op("norm_1", lambda x: x.norm(1, dim=0), (NOT_ZERO,), (_MATRIX,)),
    Op("logsumexp", lambda x: x.logsumexp(1), (REAL,), (_MATRIX,)),
    Op("max", lambda x: x.max(), (REAL,), (_MATRIX,)),
    Op("max_dim", lambda x: x.max(1).values, (REAL,), (_MATRIX,)),
    Op("amin", lambda x: x.amin(0, keepdim=True), (REAL,), (_MATRIX,)),
    Op("sort", lambda x: x.sort(1).values, (REAL,), (_MATRIX,)),
    Op("topk", lambda x: x.topk(2, 1).values, (REAL,), (_MATRIX,)),
    Op("median", lambda x: x.median(1).values, (REAL,), (_MATRIX,)),
    Op("gather", lambda x: x.gather(1, [[2, 0], [1, 1]]), (REAL,), (_MATRIX,)),
    Op("index_select", lambda x: x.index_select(1, [2, 2]), (REAL,), (_MATRIX,)),
    Op("masked_select", lambda x: x.masked_select(x > 0.0), (NOT_ZERO,), (_MATRIX,)),
    Op("mask", lambda x: x[x > 0.0], (NOT_ZERO,), (_MATRIX,)),
    Op("reshape", lambda x: x.T.reshape(2, -1), (REAL,), (_MATRIX,)),
    Op("flatten", lambda x: x.flatten(1), (REAL,), ((2, 3, 2),)),
    Op("transpose", lambda x: x.transpose(0, -1), (REAL,), ((2, 3, 4),)),
    Op("squeeze", lambda x: x.squeeze(), (REAL,), ((1, 3, 1),)),
    Op("unsqueeze", lambda x: x.unsqueeze(1), (REAL,), (_MATRIX,)),
    Op("repeat", lambda x: x.repeat(2, 1, 2), (REAL,), (_MATRIX,)),
    Op("split", lambda x: x.split([1, 2], 1)[1], (REAL,), (_MATRIX,)),
    Op("unbind", lambda x: x.unbind(1)[2], (REAL,), (_MATRIX,)),
    Op("flip", lambda x: x.flip(0, 1), (REAL,), (_MATRIX,)),
    Op("roll", lambda x: x.roll(1, 1), (REAL,), (_MATRIX,)),
    Op("tril", lambda x: x.tril(), (REAL,), (_MATRIX,)),
    Op("triu", lambda x: x.triu(1), (REAL,), (_MATRIX,)),
    Op("stack", lambda x, y: stack([x, y], 1), (REAL,) * 2, (_MATRIX,) * 2),
    Op("matmul_vector", matmul, (REAL,) * 2, ((2, 2, 3), (3,))),
    Op("outer", lambda x, y: x.outer(y), (REAL,) * 2, ((2,), (3,))),
    Op("einsum", lambda x, y: einsum("bij,kjb->bki", x, y), (REAL,) * 2, ((2, 3, 4), (2, 4, 2))),
    Op(
        "einsum_of_three",
        lambda x, y, z: einsum("ij,jk,k->i", x, y, z),
        (REAL,) * 3,
        ((2, 3), (3, 2), (2,)),
    ),
)
"""Operations that are composed of those in `OPS`, each name once."""
