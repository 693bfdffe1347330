"""A table of the operations: name, operands, smooth domain.

Tests, benchmarks and documentation iterate over it. The library itself does not use it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mt_autodiff.combining import concatenate, conv1d, conv2d, pad, take
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
    _elementwise("log", lambda x: x.log(), POSITIVE),
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
    # The domains are disjoint, so that small steps do not change the result of a comparison.
    _elementwise("lt", lambda x, y: x < y, ((-2.0, -1.0),), POSITIVE),
    _elementwise("eq", lambda x, y: x == y, ((-2.0, -1.0),), POSITIVE),
    _elementwise("is_close", lambda x, y: x.is_close(y), ((-2.0, -1.0),), POSITIVE),
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
"""Every operation on tensors, each name once."""
