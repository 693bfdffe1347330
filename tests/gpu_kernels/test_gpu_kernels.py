"""What the kernels need of a GPU: the arithmetic, the page, and that no kernel needs too much."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mt_kernels_cuda import is_usable
from tools.gpu_kernels.compiling import NoCompilerError, resources
from tools.gpu_kernels.occupancy import MULTIPROCESSORS, REGISTERS, WARP, occupancy
from tools.gpu_kernels.page import (
    BEGIN,
    END,
    PAGE,
    floor,
    names_in,
    rows,
    versions,
    versions_in,
    with_rows,
    worst,
)
from tools.gpu_kernels.rows import Key, kernels
from tools.markdown import Document
from tools.workspace import ROOT

KERNELS = kernels()


@pytest.mark.parametrize(
    ("capability", "threads", "registers", "shared", "expected"),
    [
        # Warps, blocks, registers and shared memory each are what runs out first.
        ((7, 5), 1024, 32, 0, 1.0),
        ((8, 0), 1024, 32, 0, 1.0),
        ((8, 0), 32, 16, 0, 0.5),
        ((8, 0), 256, 33, 0, 0.75),
        ((9, 0), 256, 255, 0, 0.125),
        ((8, 0), 128, 32, 40 * 1024, 0.25),
        ((9, 0), 128, 32, 40 * 1024, 0.3125),
        ((7, 5), 128, 32, 33 * 1024, 0.125),
        # A block of 33 threads takes two warps.
        ((8, 0), 33, 16, 0, 1.0),
        ((8, 0), 1024, 65, 0, 0.0),
    ],
)
def test_occupancy(
    capability: tuple[int, int], threads: int, registers: int, shared: int, expected: float
) -> None:
    assert occupancy(capability, threads, registers, shared) == expected


def test_less_is_never_worse() -> None:
    for capability, own in MULTIPROCESSORS.items():
        for threads in (32, 96, 256, 1024):
            shares = [occupancy(capability, threads, n, 1024) for n in range(16, 256)]
            assert shares == sorted(shares, reverse=True)
            places = own.warps * WARP
            assert all(share * places * n <= REGISTERS for n, share in enumerate(shares, 16))


def test_the_page_has_a_row_for_each_kernel() -> None:
    missing = "run `python -m tools.gpu_kernels`"
    assert names_in(PAGE.read_text(encoding="utf-8")) == list(KERNELS), missing


def test_the_example_of_a_race_says_what_the_page_says(tmp_path: Path) -> None:
    example, said = [
        block for block in Document(PAGE).code_blocks() if block.language in ("python", "text")
    ]
    file = tmp_path / "shift.py"
    file.write_text(example.text, encoding="utf-8")
    environment = {**os.environ, "NUMBA_ENABLE_CUDASIM": "1"}
    done = subprocess.run(
        [sys.executable, str(file)], env=environment, capture_output=True, text=True
    )
    assert done.stderr.splitlines()[-1].endswith(" ".join(said.text.split()))


def test_rows_are_put_in_their_place() -> None:
    page = f"before\n{BEGIN}\nold\n{END}\nafter\n"
    once = with_rows(page, ["new"])
    assert once == f"before\n{BEGIN}\n\nnew\n\n{END}\nafter\n" == with_rows(once, ["new"])


def test_the_documents_claim_no_run_on_a_gpu_that_is_not_published() -> None:
    published = any((ROOT / "docs" / "results").glob("gpu/*.json"))
    for page in (PAGE, ROOT / "README.md"):
        text = " ".join(page.read_text(encoding="utf-8").replace("*", "").split())
        assert ("not yet been run on a GPU" in text) != published, page


@pytest.fixture(scope="module")
def _compiler() -> None:
    """Skips where kernels cannot be compiled for a GPU."""
    try:
        (entry, *_), *_ = KERNELS.values()
        resources(entry, (8, 0))
    except NoCompilerError as error:
        pytest.skip(str(error))


@pytest.mark.slow
@pytest.mark.usefixtures("_compiler")
@pytest.mark.skipif(is_usable(), reason="a GPU that is here is asked, whatever is compiled for")
@pytest.mark.parametrize("key", KERNELS, ids=":".join)
def test_no_kernel_spills_or_leaves_a_gpu_empty(key: Key) -> None:
    for capability in MULTIPROCESSORS:
        need, share = worst(KERNELS[key], capability)
        assert need.spilled == 0, capability
        assert share >= floor(key), capability


@pytest.mark.long
@pytest.mark.usefixtures("_compiler")
def test_the_page_is_written_by_the_program() -> None:
    page = PAGE.read_text(encoding="utf-8")
    if versions_in(page) != versions():
        pytest.skip(f"the page is of {versions_in(page)}")
    assert page == with_rows(page, list(rows()))


COUNT = """
import numpy as np
from mt_kernels_cuda import TILE, Cuda
from mt_kernels_cuda.simulation import TrafficCounter, observing
from mt_tensor import operators

device = Cuda(np.float64)
random = np.random.default_rng(0)


def traffic(operation, *shapes):
    operands = [device.from_numpy(random.random(shape)) for shape in shapes]
    counter = TrafficCounter()
    with observing(counter):
        operation(*operands)
    _, arrays = counter.launches[-1]
    return arrays


def up(number):
    return -(-number // TILE)


for m, k, n in [(TILE, TILE, TILE), (2 * TILE + 1, TILE + 1, TILE), (3, 2 * TILE, 3 * TILE + 1)]:
    arrays = traffic(device.matmul, (m, k), (k, n))
    # Each number is read once for each tile of the result that needs it, and written once.
    assert arrays["a"].reads == m * k * up(n), (m, k, n)
    assert arrays["b"].reads == k * n * up(m), (m, k, n)
    assert (arrays["out"].writes, arrays["out"].reads) == (m * n, 0)

arrays = traffic(lambda a: device.map(operators.neg, a), (5, 7))
assert arrays["a"].reads == arrays["out"].writes == 35
assert arrays["a"].bytes == arrays["a"].least == 8 * 35

arrays = traffic(lambda a: device.reduce(operators.add, a, 1, 0.0), (3, 50))
assert (arrays["a"].reads, arrays["out"].writes) == (150, 3)
"""


def test_what_travels() -> None:
    done = subprocess.run(
        [sys.executable, "-c", COUNT],
        cwd=ROOT,
        env={**os.environ, "NUMBA_ENABLE_CUDASIM": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
