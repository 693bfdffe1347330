"""Time of a training step on two ranks, and on one with one thread or two."""

from asv_benchmarks.ranks.measure import CASES, LAYOUTS, measure_once

STEPS = 100
"""The number of timed steps; the median counts."""


class Ranks:
    """Steps in new processes; two ranks are n/a where MPI is not installed."""

    params = (list(CASES), list(LAYOUTS))
    param_names = ("step", "ranks × threads")
    timeout = 300.0
    unit = "seconds"

    def track_step(self, case: str, layout: str) -> float:
        """Return the median time of a step."""
        try:
            return measure_once("ours", case, layout, STEPS)
        except RuntimeError as reason:
            raise NotImplementedError(str(reason)) from reason
