"""The workloads on which the grader measures speed, run by our backends and other frameworks."""

from dataclasses import replace

from asv_benchmarks.benchmarks.settings import Timed
from asv_benchmarks.workloads import BY_NAME


class GraderWorkloads(Timed):
    """The grader's workloads in single precision."""

    params = (list(BY_NAME), ["tuned", "fast", "numpy", "torch", "jax"])
    param_names = ("workload", "contender")

    def setup(self, workload: str, contender: str) -> None:
        """Prepare one call of the workload."""
        self.prepare(contender, replace(BY_NAME[workload], dtype="float32"))

    def time_workload(self, workload: str, contender: str) -> None:
        """Time one call."""
        self.call()
