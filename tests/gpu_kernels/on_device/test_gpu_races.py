"""No kernel of the catalogue has a race, and each one needs all of its barriers."""

import dis
from types import CodeType
from typing import Any

import numpy as np
import pytest
from numba import cuda

from mt_kernels_cuda import SIMULATED
from mt_kernels_cuda.simulation import RaceDetector, RaceError, blocks, observing
from tools.gpu_kernels.catalog import Entry, entries

pytestmark = [
    pytest.mark.skipif(not SIMULATED, reason="observes numba's simulator"),
    # A GPU does not warn of overflow and infinity.
    pytest.mark.filterwarnings("ignore::RuntimeWarning"),
]


def kernels() -> dict[CodeType, list[Entry]]:
    """Return all launches of the catalogue by the code of their kernel."""
    grouped: dict[CodeType, list[Entry]] = {}
    for entry in entries():
        grouped.setdefault(entry.kernel.py_func.__code__, []).append(entry)
    return grouped


KERNELS = kernels()


def run(entry: Entry, detector: RaceDetector) -> None:
    """Launch a kernel on distinct numbers, so that equal writes do not hide a race."""
    random = np.random.default_rng(0)
    arguments: list[Any] = []
    for argument in entry.arguments:
        if isinstance(argument, np.ndarray):
            if argument.dtype.kind == "f" and not argument.any():
                argument = np.asarray(random.random(argument.shape) + 0.5, argument.dtype)
            argument = cuda.to_device(argument)
        arguments.append(argument)
    with observing(detector):
        entry.kernel[entry.launch.blocks, entry.launch.threads](*arguments)


@pytest.mark.parametrize("code", KERNELS, ids=lambda code: code.co_name)
def test_kernels_have_no_race_and_no_redundant_barrier(code: CodeType) -> None:
    barriers = {}
    for entry in KERNELS[code]:
        detector = RaceDetector()
        run(entry, detector)
        barriers.update(detector.barriers)
    reached = {site for site in barriers if site[0] is code}
    calls = [each for each in dis.get_instructions(code) if each.argval == "syncthreads"]
    assert len(reached) == len(calls), "the examples of the catalogue do not reach every barrier"
    for site, line in barriers.items():
        assert any(races(entry, site) for entry in KERNELS[code]), (
            f"no example needs the barrier in line {line}"
        )


def races(entry: Entry, site: Any) -> bool:
    """Return True if a launch without a barrier is reported."""
    try:
        run(entry, RaceDetector(without=site))
    except RaceError as error:
        assert error.kernel == entry.kernel.py_func.__name__
        assert error.first.write or error.second.write
        return True
    return False


def test_without_greenlet_kernels_run_in_a_bounded_number_of_threads(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(blocks, "greenlets", lambda: None)
    for entries_of_kernel in KERNELS.values():
        run(entries_of_kernel[0], RaceDetector())
    assert len(blocks._idle) <= 1024
