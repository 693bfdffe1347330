"""The operations whose speed is measured, defined once for asv and for the grader.

A workload consists of an operation, the shapes and memory layout of its operands, and a seed, from
which it draws them with NumPy. asv runs it with the backends of this repository, the grader with
the code of a submission.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

Array: TypeAlias = npt.NDArray[Any]
Layout: TypeAlias = Literal["contiguous", "permuted"]
Shape: TypeAlias = tuple[int, ...]


@dataclass(frozen=True)
class Workload:
    """One operation on tensors of fixed shapes.

    Attributes:
        name: Its name in reports and tables: lower case, words joined by underscores.
        operation: The name of the operation in the catalogue of operations or among the functions
            for networks: "mul", "sum", "conv2d", "avgpool2d".
        shapes: The shape of each operand.
        options: Further arguments of the operation: the `dim` of a reduction, the `kernel` of a
            pooling.
        dtype: The dtype of the operands.
        layout: The memory layout of the operands: row-major, or with the order of the dimensions
            reversed, as in a transposed tensor.
        domain: The interval from which the elements are drawn, uniformly.
        gradients: True if the gradients of all operands are computed, too.
        seed: The default seed of `inputs`.

    >>> small = Workload("small", "matmul", ((2, 3), (3, 4)))
    >>> [array.shape for array in small.inputs()]
    [(2, 3), (3, 4)]
    """

    name: str
    operation: str
    shapes: tuple[Shape, ...]
    options: Mapping[str, Any] = field(default_factory=dict)
    dtype: str = "float64"
    layout: Layout = "contiguous"
    domain: tuple[float, float] = (-1.0, 1.0)
    gradients: bool = False
    seed: int = 0

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "Workload":
        """Return a workload from its attributes, which `json` decoded."""
        shapes = tuple(tuple(shape) for shape in values["shapes"])
        return cls(**{**values, "shapes": shapes, "domain": tuple(values["domain"])})

    def inputs(self, seed: int | None = None) -> tuple[Array, ...]:
        """Draw the operands; the same seed gives the same operands.

        Args:
            seed: The seed; the workload's own by default.
        """
        rng = np.random.default_rng(self.seed if seed is None else seed)
        return tuple(self._draw(rng, shape) for shape in self.shapes)

    def _draw(self, rng: np.random.Generator, shape: Shape) -> Array:
        low, high = self.domain
        in_memory = shape[::-1] if self.layout == "permuted" else shape
        array = rng.uniform(low, high, in_memory).astype(self.dtype)
        return array.T if self.layout == "permuted" else array


WORKLOADS: tuple[Workload, ...] = (
    # Task 3.1: one pass over memory, with and without index arithmetic.
    Workload("map", "sigmoid", ((1000, 1000),)),
    Workload("map_permuted", "sigmoid", ((1000, 1000),), layout="permuted"),
    Workload("zip", "mul", ((1000, 1000), (1000, 1000)), domain=(0.5, 1.5)),
    Workload("zip_broadcast", "mul", ((1000, 1000), (1000, 1)), domain=(0.5, 1.5)),
    Workload("reduce", "sum", ((1000, 1000),), {"dim": 1}),
    # Task 3.2: a large product, and a batch of small ones.
    Workload("matmul", "matmul", ((256, 256), (256, 256))),
    Workload("matmul_batched", "matmul", ((64, 64, 64), (64, 64, 64))),
    # Task 4.1: the first layer of the sentence network, for kernels of width 3.
    Workload("conv1d", "conv1d", ((10, 50, 52), (100, 50, 3))),
    # Task 4.2: the second layer of the network for digits.
    Workload("conv2d", "conv2d", ((16, 4, 28, 28), (8, 4, 3, 3))),
    # Task 4.3: the pooling of that network, and maximum pooling.
    Workload("avgpool2d", "avgpool2d", ((16, 8, 28, 28),), {"kernel": (4, 4)}),
    Workload("maxpool2d", "maxpool2d", ((16, 8, 28, 28),), {"kernel": (2, 2)}),
)
"""The workloads of kernels."""

BY_NAME: Mapping[str, Workload] = {workload.name: workload for workload in WORKLOADS}
"""The workloads of kernels by their names."""

LAYERS: Mapping[str, Workload] = {
    workload.name: workload
    for workload in (
        # Task 5.1: the scores of a batch of tokens.
        Workload("logsumexp", "logsumexp", ((128, 120),), {"dim": 1}, domain=(-4.0, 4.0)),
        # Task 5.3: the vectors of a batch of tokens.
        Workload("layer_norm", "layer_norm", ((128, 120),)),
        # Task 5.4: queries, transposed keys and values of four heads.
        Workload(
            "attention",
            "self_attention",
            ((2, 4, 40, 16), (2, 4, 16, 40), (2, 4, 40, 16)),
            domain=(-2.0, 2.0),
        ),
    )
}
"""The workloads of layers by their names. The grader runs them on loops of its own, so that the
time depends on the layers only; asv does not run them. All arrays have less than 128 KiB: larger
ones may get new pages of memory at each allocation, which doubles the time."""

GRADED: Mapping[str, Workload] = {**BY_NAME, **LAYERS}
"""All workloads of the grader by their names, which are unique."""
