"""The documents state the current number of frames between `x * y` and its loop."""

import sys

import pytest
from numba.core.dispatcher import Dispatcher

from mt_kernels_cpu import Fast
from mt_tensor import Reference
from tools.blocks import with_block
from tools.frames import BLOCK, README, TOUR, Frame, counted, frames, sentence, table


def test_the_documents_have_the_current_frames() -> None:
    ways = counted()
    assert [*ways] == ["Reference", "Fast", "Tuned"]
    for file, block in ((TOUR, table(ways)), (README, sentence(ways))):
        text = file.read_text("utf-8")
        assert with_block(text, BLOCK, block) == text, "out of date: `hatch run counts`"


@pytest.mark.parametrize("backend", [Reference(), Fast()])
def test_frames_begin_at_the_operator_and_end_at_the_loop(backend: Reference | Fast) -> None:
    way = frames(backend)
    assert way[0].name == "BasicTensor.__mul__"
    assert way[-1].name == "tensor_zip"
    assert len(set(way)) == len(way)


def test_counting_restores_dispatcher_and_profiler() -> None:
    before = Dispatcher.__call__
    profile = sys.getprofile()
    frames(Fast())
    assert Dispatcher.__call__ is before
    assert sys.getprofile() is profile


def test_frames_are_described_in_sentence_and_table() -> None:
    short, long = [Frame("f", "a.py")], [Frame("f", "a.py"), Frame("g", "a.py")]
    ways = {"A": short, "B": long, "C": short}
    assert "1 on `A`, 2 on `B` and 1 on `C`." in sentence(ways)
    assert "| `B` | 2 | 1 | `f` → `g` |" in table(ways)
