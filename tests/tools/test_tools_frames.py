"""The documents say how many frames lie between `x * y` and its loop, as they are counted here."""

import sys

import pytest
from numba.core.dispatcher import Dispatcher

from mt_kernels_cpu import Fast
from mt_tensor import Reference
from tools.blocks import with_block
from tools.frames import BLOCK, README, TOUR, Frame, counted, frames, sentence, table


def test_the_documents_have_the_frames_of_today() -> None:
    ways = counted()
    assert [*ways] == ["Reference", "Fast", "Tuned"]
    for file, block in ((TOUR, table(ways)), (README, sentence(ways))):
        text = file.read_text("utf-8")
        assert with_block(text, BLOCK, block) == text, "out of date: `hatch run counts`"


@pytest.mark.parametrize("backend", [Reference(), Fast()])
def test_the_way_leads_from_the_operator_to_the_loop(backend: Reference | Fast) -> None:
    way = frames(backend)
    assert way[0].name == "Tensor.__mul__"
    assert way[-1].name == "tensor_zip"
    assert len(set(way)) == len(way)


def test_nothing_watches_afterwards() -> None:
    before = Dispatcher.__call__
    profile = sys.getprofile()
    frames(Fast())
    assert Dispatcher.__call__ is before
    assert sys.getprofile() is profile


def test_a_way_is_told_in_words() -> None:
    short, long = [Frame("f", "a.py")], [Frame("f", "a.py"), Frame("g", "a.py")]
    ways = {"A": short, "B": long, "C": short}
    assert "1 on `A`, 2 on `B` and 1 on `C`." in sentence(ways)
    assert "| `B` | 2 | 1 | `f` → `g` |" in table(ways)
