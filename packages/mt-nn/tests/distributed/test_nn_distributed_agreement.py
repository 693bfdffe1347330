"""Exchange of texts and rows, comparison of facts, and what is said where MPI is missing."""

import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mt_nn.distributed import (
    Communicator,
    Mpi,
    RankFailure,
    Simulator,
    SingleProcess,
    broadcast_bytes,
    check_equal,
    gather_rows,
    gather_texts,
    launched,
    world,
)

OTHER_ORDER = np.zeros(2, np.dtype(np.float64).newbyteorder())


@given(st.lists(st.text(max_size=5), min_size=1, max_size=4))
def test_texts_of_all_ranks_arrive(texts: list[str]) -> None:
    received = Simulator(len(texts)).run(lambda ranks: gather_texts(ranks, texts[ranks.rank]))
    assert received == [texts] * len(texts)


@given(st.lists(st.integers(0, 3), min_size=1, max_size=4))
def test_rows_of_different_lengths_arrive(lengths: list[int]) -> None:
    def program(ranks: Communicator) -> list[Any]:
        return gather_rows(ranks, np.full((lengths[ranks.rank], 2), ranks.rank + 1.0))

    for received in Simulator(len(lengths)).run(program):
        assert [each.shape for each in received] == [(length, 2) for length in lengths]
        assert all((each == rank + 1.0).all() for rank, each in enumerate(received))


@given(st.binary(max_size=5), st.integers(1, 3))
def test_bytes_of_rank_0_arrive(content: bytes, size: int) -> None:
    def program(ranks: Communicator) -> bytes:
        return broadcast_bytes(ranks, content if ranks.rank == 0 else b"other")

    assert Simulator(size).run(program) == [content] * size


def test_a_difference_names_the_rank_and_both_values() -> None:
    def program(ranks: Communicator) -> None:
        facts = {"the data": "a", "NumPy": "2.4" if ranks.rank < 2 else "2.3"}
        check_equal(ranks, facts, "install the same version")

    expected = "rank 2 differs from rank 0 in: NumPy. Rank 2 has 2.3, and rank 0 has 2.4; install"
    with pytest.raises(RankFailure, match=expected):
        Simulator(4).run(program)


def test_without_mpi4py_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mpi4py", None)
    with pytest.raises(ImportError, match=r'need the package mpi4py.* pip install "mt-nn\[mpi\]"'):
        Mpi()


def test_without_a_library_of_mpi_the_error_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Package:
        @property
        def MPI(self) -> Any:  # noqa: N802 - the name of mpi4py
            raise RuntimeError("cannot load MPI library\ndetails")

    monkeypatch.setitem(sys.modules, "mpi4py", Package())
    with pytest.raises(ImportError, match=r"no MPI library \(cannot load MPI library\); install"):
        Mpi()


def test_a_limit_that_is_not_above_0_is_refused() -> None:
    with pytest.raises(ValueError, match="limit 0 must be above 0"):
        Mpi(0)


@pytest.mark.parametrize(
    ("environment", "size"),
    [
        ({}, 1),
        ({"PMI_SIZE": "1"}, 1),
        ({"PMI_SIZE": "4", "PMI_RANK": "3"}, 4),
        ({"OMPI_COMM_WORLD_SIZE": "2"}, 2),
        ({"PMIX_RANK": "0", "SLURM_STEP_NUM_TASKS": "8"}, 8),
        ({"SLURM_NTASKS": "8"}, 1),
    ],
)
def test_launchers_are_recognised(environment: dict[str, str], size: int) -> None:
    assert launched(environment) == size


def test_a_process_without_a_launcher_is_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PMI_SIZE", "OMPI_COMM_WORLD_SIZE", "PMIX_RANK"):
        monkeypatch.delenv(name, raising=False)
    assert isinstance(world(), SingleProcess)


@pytest.mark.parametrize(
    ("call", "error", "match"),
    [
        (lambda alone: alone.all_reduce([1.0]), TypeError, "of type list, not a NumPy array"),
        (lambda alone: alone.all_reduce(np.array(["a"])), TypeError, "the dtype <U1"),
        (lambda alone: alone.all_reduce(np.array([True])), TypeError, "the dtype bool"),
        (lambda alone: alone.broadcast(OTHER_ORDER), TypeError, "byte order"),
        (lambda alone: alone.all_gather(np.zeros((2, 4))[:, ::2]), ValueError, "not contiguous"),
        (lambda alone: alone.broadcast(np.zeros(1), root=1), ValueError, "ranks are 0 to 0"),
    ],
)
def test_wrong_buffers_are_refused(call: Any, error: type[Exception], match: str) -> None:
    with pytest.raises(error, match=match):
        call(SingleProcess())
