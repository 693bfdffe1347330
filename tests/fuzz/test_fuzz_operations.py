"""Random operations agree with PyTorch."""

import pytest

INPUTS = 60
"""Inputs of one test. Each runs on every backend in both dtypes."""


@pytest.mark.oracle
@pytest.mark.slow
@pytest.mark.parametrize("special", [False, True], ids=["usual", "special"])
@pytest.mark.parametrize("part", range(4))
def test_operations_agree_with_pytorch(part: int, special: bool) -> None:
    from tests.fuzz.run import disagreements

    found = disagreements(part * INPUTS, INPUTS, special)
    assert not found, "\n".join(found)
