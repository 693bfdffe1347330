"""Fixtures of the tests of the facade, which import `minitorch` only."""

import random
import sys

import pytest

import minitorch
from mt_kernels_cuda import SIMULATED, is_usable

collect_ignore = [] if is_usable() else ["facade_on_device"]

if SIMULATED:
    # A short switch interval of the interpreter speeds up simulated threads.
    sys.setswitchinterval(1e-4)

FAST = minitorch.TensorBackend(minitorch.FastOps)


@pytest.fixture(autouse=True)
def _seeded() -> None:
    """Seed Python's `random`, the source of all random numbers of the facade."""
    random.seed(1)


@pytest.fixture(params=[minitorch.SimpleBackend, FAST], ids=["simple", "fast"])
def backend(request: pytest.FixtureRequest) -> minitorch.TensorBackend:
    """Each backend that needs no GPU."""
    chosen: minitorch.TensorBackend = request.param
    return chosen
