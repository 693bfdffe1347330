"""What one timed request asks for, and the same work done with the yardstick.

A trial is a number of calls on fresh inputs. Every trial draws where its operands start in the
held rows, so that no result can be known before the clock runs, and asks for digests of all
results, so that none can be left out.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from asv_benchmarks.workloads import Workload
from grading.driver.held import SPARE, Rows, arranged, weighed
from grading.protocol.messages import Array, Request
from grading.speed.yardstick import YARDSTICKS

CALLS = {
    "sigmoid": 2,
    "mul": 16,
    "sum": 16,
    "matmul": 6,
    "conv1d": 2,
    "conv2d": 4,
    "avgpool2d": 32,
    "maxpool2d": 32,
}
"""How many calls make a trial: enough for the way there and back to be lost in their time."""

CHAINED = {"sigmoid", "mul"}
"""Operations of which a call goes on with the result of the one before: a digest of every result
would take as long as the operation."""

IN_NN = {"avgpool2d", "maxpool2d"}
"""Operations that are functions for networks."""

RELATIVE = 1e-9
"""How far a digest may be off, as a part of the sum of what is added up."""


@dataclass(frozen=True)
class Trial:
    """The calls of one timed request.

    Attributes:
        bench: Where the inputs are.
        starts: For each call, where each operand starts in its row.
        factors: What the first operand is multiplied by, along its last dimension, if anything.
    """

    bench: "Bench"
    starts: tuple[tuple[int, ...], ...]
    factors: Array | None

    def request(self) -> Request:
        """Return what is asked of a submission."""
        workload = self.bench.workload
        group = "nn" if workload.operation in IN_NN else "tensor"
        options = {
            "function": f"{group}.{workload.operation}",
            "more": dict(workload.options),
            "backend": "fast",
            "shapes": [list(shape) for shape in workload.shapes],
            "permuted": workload.layout == "permuted",
            "starts": [list(starts) for starts in self.starts],
            "chain": self.bench.chained,
        }
        arrays = () if self.factors is None else (self.factors,)
        return Request("speed.run", arrays, options)

    def by_yardstick(self) -> list[Array]:
        """Do the calls with the yardstick; return the results that are digested."""
        workload, results = self.bench.workload, list[Array]()
        yardstick = YARDSTICKS[workload.operation]
        for starts in self.starts:
            operands = self.bench.operands(starts)
            if self.bench.chained and results:
                operands[0] = results.pop()
            elif self.factors is not None:
                operands[0] = operands[0] * self.factors
            results.append(yardstick(*operands, **workload.options))
        return results

    def is_answered_by(self, digests: Any, results: Sequence[Array]) -> bool:
        """Return whether digests are those of the right results."""
        rows = self.bench.rows
        if not isinstance(digests, list) or len(digests) != len(results):
            return False
        for digest, result in zip(digests, results, strict=True):
            scale = weighed(np.abs(result), np.abs(rows.weights))
            if not isinstance(digest, float):
                return False
            # Not `>`: that would let NaN pass.
            if not abs(digest - rows.digest(result)) <= RELATIVE * scale:
                return False
        return True


class Bench:
    """The inputs of a workload, as both sides hold them.

    Args:
        workload: What is measured.
        seed: Of everything that is drawn.
    """

    def __init__(self, workload: Workload, seed: int) -> None:
        self.workload = workload
        self.chained = workload.operation in CHAINED
        self._rng = np.random.default_rng([seed, *workload.name.encode()])
        self._sizes = [int(np.prod(shape)) for shape in workload.shapes]
        self._seed = int(self._rng.integers(2**48))
        self._results = self._result_size()
        self.rows = Rows(self._seed, self._sizes, self._results, workload.domain)

    def hold(self) -> Request:
        """Return the request to prepare the inputs."""
        options = {
            "seed": self._seed,
            "sizes": self._sizes,
            "results": self._results,
            "domain": list(self.workload.domain),
        }
        return Request("speed.hold", (), options)

    def trial(self) -> Trial:
        """Draw a trial."""
        calls = CALLS[self.workload.operation]
        starts = self._rng.integers(SPARE, size=(calls, len(self._sizes)))
        factors = None
        if len(self._sizes) == 1 and self.chained:
            # Of a function of single elements, the results on the whole row could be prepared.
            factors = self._rng.uniform(0.5, 1.5, self.workload.shapes[0][-1])
        return Trial(self, tuple(map(tuple, starts.tolist())), factors)

    def nothing(self) -> Trial:
        """Return a trial without calls: what remains is the way there and back."""
        return Trial(self, (), None)

    def operands(self, starts: Sequence[int]) -> list[Array]:
        """Return the operands of a call."""
        workload = self.workload
        return [
            arranged(
                self.rows.operand(which, start, size),
                workload.shapes[which],
                workload.layout == "permuted",
            )
            for which, (start, size) in enumerate(zip(starts, self._sizes, strict=True))
        ]

    def _result_size(self) -> int:
        workload = self.workload
        operands = [np.zeros(shape) for shape in workload.shapes]
        return int(YARDSTICKS[workload.operation](*operands, **workload.options).size)
