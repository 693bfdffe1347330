"""The communicator of MPI, on processes that mpiexec starts."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.mpi

MPIEXEC = Path(sys.executable).parent / "mpiexec"
PROBE = Path(__file__).with_name("mpi_probe.py")


def start(ranks: int, case: str) -> subprocess.CompletedProcess[str]:
    words = [str(MPIEXEC), "-n", str(ranks), sys.executable, str(PROBE), case]
    return subprocess.run(words, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize("ranks", [1, 2, 3])
def test_operations_equal_those_of_numpy(ranks: int) -> None:
    result = start(ranks, "collectives")
    assert result.stdout == "all right\n", result.stderr
    assert result.returncode == 0


def test_ranks_that_are_late_are_awaited() -> None:
    result = start(2, "late")
    assert result.stdout == "all right\n", result.stderr


def test_a_rank_that_hangs_is_named_after_the_limit() -> None:
    begin = time.monotonic()
    result = start(3, "hangs")
    assert time.monotonic() - begin < 15.0
    assert result.returncode != 0
    expected = "rank 1 did not take part in all_reduce number 2 within 2 s, and rank 0, 2 waited"
    assert result.stderr.count(expected) == 1


def test_an_error_on_one_rank_ends_all() -> None:
    begin = time.monotonic()
    result = start(2, "raises")
    assert time.monotonic() - begin < 10.0
    assert result.returncode != 0
    assert "Error on rank 1:\nTraceback" in result.stderr
    assert "ValueError: a mistake" in result.stderr


def test_a_difference_ends_all() -> None:
    result = start(2, "differs")
    assert result.returncode != 0
    assert "rank 1 differs from rank 0 in: the option lr. Rank 1 has 1" in result.stderr
