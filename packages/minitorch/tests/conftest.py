"""What the tests of the facade share. They speak of nothing but `minitorch`."""

import random

import pytest

import minitorch

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
