"""What the tests of the facade share. They speak of nothing but `minitorch`."""

import random
import sys

import pytest

import minitorch
from mt_kernels_cuda import SIMULATED, is_usable

collect_ignore = [] if is_usable() else ["facade_on_device"]

if SIMULATED:
    # Simulated threads wait for one another in turns of the interpreter; make them short.
    sys.setswitchinterval(1e-4)

FAST = minitorch.TensorBackend(minitorch.FastOps)


@pytest.fixture(autouse=True)
def _seeded() -> None:
    """Everything random in the facade comes from Python's `random`."""
    random.seed(1)


@pytest.fixture(params=[minitorch.SimpleBackend, FAST], ids=["simple", "fast"])
def backend(request: pytest.FixtureRequest) -> minitorch.TensorBackend:
    """Each backend that needs no GPU."""
    chosen: minitorch.TensorBackend = request.param
    return chosen
