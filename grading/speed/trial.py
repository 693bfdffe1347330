"""One timed request to a submission, and the same work with the baseline.

A trial is a number of calls with new inputs. Each trial draws the start of its operands in the
prepared rows, so that no result can be computed in advance, and requests digests of all results, so
that no call can be omitted.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from asv_benchmarks.workloads import LAYERS, Workload
from grading.driver.timed_inputs import SPARE, Rows, arranged, weighted_sum
from grading.protocol.messages import Array, Request
from grading.speed.baseline import BASELINES

CALLS = {
    "sigmoid": 2,
    "mul": 16,
    "sum": 16,
    "matmul": 6,
    "conv1d": 2,
    "conv2d": 4,
    "avgpool2d": 32,
    "maxpool2d": 32,
    "logsumexp": 64,
    "layer_norm": 64,
    "self_attention": 16,
}
"""Calls per trial: enough that the transport time of a request is negligible."""

CHAINED = {"sigmoid", "mul"}
"""Operations whose calls take the previous result as input, because a digest of every result would
take as long as the operation."""

GROUPS = {
    "avgpool2d": "nn",
    "maxpool2d": "nn",
    "logsumexp": "transformer",
    "layer_norm": "transformer",
    "self_attention": "transformer",
}
"""The family of an operation in the driver, if it is not "tensor"."""

DIGEST_TOLERANCE = 1e-9
"""Tolerance of a digest, as a fraction of the sum of absolute terms."""

LAYER_TOLERANCE = 1e-5
"""The same for layers, because the tensors of some submissions are float32."""


@dataclass(frozen=True)
class Trial:
    """The calls of one timed request.

    Attributes:
        bench: The inputs.
        starts: For each call, the start of each operand in its row.
        factors: Factors of the first operand along its last dimension; None for no factors.
    """

    bench: "Bench"
    starts: tuple[tuple[int, ...], ...]
    factors: Array | None

    def request(self) -> Request:
        """Return the request to the submission."""
        workload = self.bench.workload
        group = GROUPS.get(workload.operation, "tensor")
        options = {
            "function": f"{group}.{workload.operation}",
            "more": dict(workload.options),
            "backend": "layers" if group == "transformer" else "fast",
            "shapes": [list(shape) for shape in workload.shapes],
            "permuted": workload.layout == "permuted",
            "starts": [list(starts) for starts in self.starts],
            "chain": self.bench.chained,
        }
        arrays = () if self.factors is None else (self.factors,)
        return Request("speed.run", arrays, options)

    def by_baseline(self) -> list[Array]:
        """Run the calls with the baseline and return the results to digest."""
        workload, results = self.bench.workload, list[Array]()
        baseline = BASELINES[workload.operation]
        for starts in self.starts:
            operands = self.bench.operands(starts)
            if self.bench.chained and results:
                operands[0] = results.pop()
            elif self.factors is not None:
                operands[0] = operands[0] * self.factors
            results.append(baseline(*operands, **workload.options))
        return results

    def is_answered_by(self, digests: Any, results: Sequence[Array]) -> bool:
        """Return True if digests agree with expected results."""
        rows, of_layers = self.bench.rows, self.bench.workload.name in LAYERS
        tolerance = LAYER_TOLERANCE if of_layers else DIGEST_TOLERANCE
        if not isinstance(digests, list) or len(digests) != len(results):
            return False
        for digest, result in zip(digests, results, strict=True):
            scale = weighted_sum(np.abs(result), np.abs(rows.weights))
            if not isinstance(digest, float):
                return False
            # `not … <=` instead of `>` rejects NaN, too.
            if not abs(digest - rows.digest(result)) <= tolerance * scale:
                return False
        return True


class Bench:
    """The inputs of a workload, which judge and worker generate from the same seed.

    Args:
        workload: The workload.
        seed: Seed of the inputs.
    """

    def __init__(self, workload: Workload, seed: int) -> None:
        self.workload = workload
        self.chained = workload.operation in CHAINED
        self._rng = np.random.default_rng([seed, *workload.name.encode()])
        self._sizes = [int(np.prod(shape)) for shape in workload.shapes]
        self._seed = int(self._rng.integers(2**48))
        self._results = self._result_size()
        self.rows = Rows(self._seed, self._sizes, self._results, workload.domain)

    def prepare(self) -> Request:
        """Return the request to prepare the inputs."""
        options = {
            "seed": self._seed,
            "sizes": self._sizes,
            "results": self._results,
            "domain": list(self.workload.domain),
        }
        return Request("speed.prepare", (), options)

    def trial(self) -> Trial:
        """Return a random trial."""
        calls = CALLS[self.workload.operation]
        starts = self._rng.integers(SPARE, size=(calls, len(self._sizes)))
        factors = None
        if len(self._sizes) == 1 and self.chained:
            # Without factors, a submission could compute an elementwise function of the row early.
            factors = self._rng.uniform(0.5, 1.5, self.workload.shapes[0][-1])
        return Trial(self, tuple(map(tuple, starts.tolist())), factors)

    def without_calls(self) -> Trial:
        """Return a trial without calls, which measures the transport time."""
        return Trial(self, (), None)

    def operands(self, starts: Sequence[int]) -> list[Array]:
        """Return the operands of a call, in the shapes and layout of the workload."""
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
        return int(BASELINES[workload.operation](*operands, **workload.options).size)
