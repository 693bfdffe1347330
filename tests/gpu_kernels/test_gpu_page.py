"""The table of docs/guides/cuda.md lists all kernels; the resources of a GPU suffice for each."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mt_kernels_cuda import is_usable
from tools.gpu_kernels.compiling import NoCompilerError, resources
from tools.gpu_kernels.occupancy import MULTIPROCESSORS
from tools.gpu_kernels.page import (
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


def test_the_page_has_a_row_for_each_kernel() -> None:
    missing = "run `python -m tools.gpu_kernels`"
    assert names_in(PAGE.read_text(encoding="utf-8")) == list(KERNELS), missing


def test_the_example_of_a_race_prints_the_message_on_the_page(tmp_path: Path) -> None:
    example, message = [
        block for block in Document(PAGE).code_blocks() if block.language in ("python", "text")
    ]
    file = tmp_path / "shift.py"
    file.write_text(example.text, encoding="utf-8")
    environment = {**os.environ, "NUMBA_ENABLE_CUDASIM": "1"}
    done = subprocess.run(
        [sys.executable, str(file)], env=environment, capture_output=True, text=True
    )
    assert done.stderr.splitlines()[-1].endswith(" ".join(message.text.split()))


def test_rows_replace_the_table_of_the_page() -> None:
    begin = "<!-- kernels: written by `python -m tools.gpu_kernels` -->"
    end = "<!-- end of kernels -->"
    page = f"before\n{begin}\nold\n{end}\nafter\n"
    once = with_rows(page, ["new"])
    assert once == f"before\n{begin}\n\nnew\n\n{end}\nafter\n" == with_rows(once, ["new"])


def test_the_documents_mention_that_no_run_on_a_gpu_is_published() -> None:
    published = any((ROOT / "docs" / "results").glob("gpu/*.json"))
    for page in (PAGE, ROOT / "README.md"):
        text = " ".join(page.read_text(encoding="utf-8").replace("*", "").split())
        assert ("not yet been run on a GPU" in text) != published, page


@pytest.fixture(scope="module")
def _compiler() -> None:
    """Skip the test if kernels cannot be compiled for a GPU."""
    try:
        (entry, *_), *_ = KERNELS.values()
        resources(entry, (8, 0))
    except NoCompilerError as error:
        pytest.skip(str(error))


@pytest.mark.slow
@pytest.mark.usefixtures("_compiler")
@pytest.mark.skipif(
    is_usable(), reason="device functions read the properties of the GPU that is present"
)
@pytest.mark.parametrize("key", KERNELS, ids=":".join)
def test_no_kernel_spills_or_has_low_occupancy(key: Key) -> None:
    for capability in MULTIPROCESSORS:
        need, share = worst(KERNELS[key], capability)
        assert need.spilled == 0, capability
        assert share >= floor(key), capability


@pytest.mark.long
@pytest.mark.usefixtures("_compiler")
def test_the_page_is_written_by_the_program() -> None:
    page = PAGE.read_text(encoding="utf-8")
    if versions_in(page) != versions():
        pytest.skip(f"the page was written with {versions_in(page)}")
    assert page == with_rows(page, list(rows()))
