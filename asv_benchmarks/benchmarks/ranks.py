"""Time of a training step on two ranks, and on one with one thread or two."""

import importlib.util

from asv_benchmarks.ranks.measure import CASES, LAYOUTS, launcher, measure_once

STEPS = 100
"""The number of timed steps; the median counts."""


class Ranks:
    """Steps in new processes; two ranks are n/a where MPI is not installed."""

    params = (list(CASES), list(LAYOUTS))
    param_names = ("step", "ranks × threads")
    timeout = 300.0
    unit = "seconds"

    def setup(self, case: str, layout: str) -> None:
        """Raise NotImplementedError if the commit has no ranks, or if two ranks have no MPI."""
        if importlib.util.find_spec("mt_nn.distributed") is None:
            raise NotImplementedError("the installed packages have no ranks")
        if LAYOUTS[layout].ranks > 1:
            try:
                launcher()
            except LookupError as reason:
                raise NotImplementedError(str(reason)) from reason

    def track_step(self, case: str, layout: str) -> float:
        """Return the median time of a step."""
        return measure_once("ours", case, layout, STEPS)
