"""The checks of a kernel's source, for sources that cannot be read or changed."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from grading.checking import sources
from grading.checking.compare import MismatchError, expect_plain
from grading.driver.in_process import InProcessSubject
from grading.protocol.messages import Request, Response
from grading.tests.attacks.trees import write_tree

OPTIONS = {"module": "fast", "kernel": "kernel"}


class _Subject(InProcessSubject):
    """A subject with the sources of a folder."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder = folder


def test_an_expression_that_is_nested_too_deeply_is_a_finding(tmp_path: Path) -> None:
    text = f"kernel = ({'+'.join(['1'] * 400)})[0]\n"
    tree = write_tree(tmp_path, others={"minitorch/fast.py": text})
    with pytest.raises(MismatchError, match="does not show which function `kernel` is"):
        sources.programs(_Subject(tree), OPTIONS, np.zeros(1), [])


def test_a_copy_that_is_not_valid_python_is_a_finding(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = SimpleNamespace(emptied=lambda: ("fast.py", "def ("), location="fast.py:1")
    monkeypatch.setattr(sources, "programs", lambda *_: [program])
    monkeypatch.setattr(sources, "_run", lambda *_: None)
    with pytest.raises(MismatchError, match=r"in fast\.py:1 cannot be removed"):
        sources.check_is_called(_Subject(tmp_path), OPTIONS, np.zeros(1), [], np.zeros(1))


def test_an_integer_beyond_all_floats_is_wrong() -> None:
    response = Response(Request("scalar.program"), plain=[10**400])
    with pytest.raises(MismatchError, match="the result is wrong"):
        expect_plain(response, [1.0])
