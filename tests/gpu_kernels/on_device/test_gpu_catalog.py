"""The catalogue of kernels is complete, and its launches run."""

import gc
import warnings
from typing import Any

import numpy as np
import pytest
from numba import cuda

from mt_kernels_cuda import SIMULATED, is_usable
from mt_kernels_cuda.tuned.forms import FORMS
from tools.gpu_kernels import catalog
from tools.gpu_kernels.catalog import Entry

ENTRIES = catalog.entries()


def test_every_form_has_an_example() -> None:
    assert {operation.name for operation in FORMS} <= set(catalog.TUNED)


def test_every_kernel_has_an_entry() -> None:
    """Every existing kernel is in the catalogue, except for kernels of tests."""
    named = {entry.launch.name for entry in ENTRIES}
    kind = type(ENTRIES[0].kernel)
    made = {
        each.__name__
        for each in gc.get_objects()
        if isinstance(each, kind)
        and each.__module__.startswith("mt_kernels_cuda.")
        and not getattr(each, "_device", getattr(each, "targetoptions", {}).get("device"))
    }
    assert made <= named


@pytest.mark.skipif(not is_usable(), reason="needs a GPU or its simulator")
@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: f"{entry.level}-{entry.name}")
def test_launches_run(entry: Entry) -> None:
    arguments = [
        cuda.to_device(argument) if isinstance(argument, np.ndarray) else argument
        for argument in entry.arguments
    ]
    run: Any = entry.kernel[entry.launch.blocks, entry.launch.threads]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        run(*arguments)


def test_signatures_need_no_device() -> None:
    for entry in ENTRIES:
        assert len(entry.signature) == len(entry.arguments)
    numbers = {"course": "float64", "tuned": "float32"}
    for entry in ENTRIES:
        assert numbers[entry.level] in str(entry.signature[0])


@pytest.mark.skipif(not SIMULATED, reason="sizes are those of the simulator")
def test_examples_are_small() -> None:
    for entry in ENTRIES:
        assert np.prod(entry.launch.blocks) * entry.threads < 400, entry.name
