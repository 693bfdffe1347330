"""NumPy, for single operations on arrays."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from asv_benchmarks.contenders.contender import Call, Contender, draw
from asv_benchmarks.workloads import Workload

MAPS: dict[str, Callable[..., Any]] = {
    "relu": lambda a: np.maximum(a, np.float32(0.0)),
    "exp": np.exp,
    "neg": np.negative,
    "sigmoid": lambda a: np.float32(1.0) / (np.float32(1.0) + np.exp(-a)),
    "add": np.add,
    "mul": np.multiply,
}


class WithNumPy(Contender):
    """NumPy and its BLAS."""

    name = "numpy"

    def versions(self) -> dict[str, str]:
        """Return the versions of NumPy and of its BLAS."""
        blas: Any = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
        return {"numpy": np.__version__, "blas": f"{blas['name']} {blas['version']}"}

    def operations(self) -> Mapping[str, Callable[[Workload], Call]]:
        """Return, for each operation, the function that prepares a case."""
        return {
            "matmul": self._matmul,
            "sum": self._sum,
            **dict.fromkeys(MAPS, self._elementwise),
        }

    def _elementwise(self, case: Workload) -> Call:
        fn, operands = MAPS[case.operation], draw(case)
        return lambda: fn(*operands)

    def _matmul(self, case: Workload) -> Call:
        a, b = draw(case)
        return lambda: np.matmul(a, b)

    def _sum(self, case: Workload) -> Call:
        (a,), dim = draw(case), case.options["dim"]
        return lambda: a.sum(dim, keepdims=True)
