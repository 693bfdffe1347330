"""The checks of a kernel's source, for sources that cannot be read or changed."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from grading.checking import sources
from grading.checking.compare import MismatchError, expect_plain
from grading.driver.in_process import InProcessSubject
from grading.protocol.messages import Request, Response, SubjectError
from grading.tests.attacks.trees import write_tree

OPTIONS = {"module": "fast", "kernel": "kernel"}


class _Subject(InProcessSubject):
    """A subject with the sources of a folder."""

    message = ""

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
    program = SimpleNamespace(emptied=lambda _: ("fast.py", "def ("), location="fast.py:1")
    monkeypatch.setattr(sources, "programs", lambda *_: [program])
    monkeypatch.setattr(sources, "_run", lambda *_: None)
    with pytest.raises(MismatchError, match=r"in fast\.py:1 cannot be removed"):
        sources.check_is_called(_Subject(tmp_path), OPTIONS, np.zeros(1), [], np.zeros(1))


@pytest.mark.parametrize("calls", [True, False])
def test_an_error_of_the_copy_has_to_be_that_of_the_function(
    calls: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A caller may need what the function returns, or the copy may fail for another reason."""

    class Copy(_Subject):
        def answer(self, request: Request) -> Response:
            raise SubjectError(["TypeError"], self.message, request)

    class Original(_Subject):
        @contextmanager
        def changed(self, sources: Mapping[str, str], compiled: bool = True) -> Iterator[Copy]:
            copy = Copy(tmp_path)
            copy.message = f"raised: {sources['fast.py']}" if calls else "no copies"
            yield copy

    program = SimpleNamespace(emptied=lambda message: ("fast.py", f"{message!r}"), location="f:1")
    monkeypatch.setattr(sources, "programs", lambda *_: [program])
    monkeypatch.setattr(sources, "_run", lambda *_: None)

    def check() -> None:
        sources.check_is_called(Original(tmp_path), OPTIONS, np.zeros(1), [], np.zeros(1))

    if calls:
        check()
        return
    with pytest.raises(MismatchError, match="the copy raises TypeError: no copies"):
        check()


def test_an_integer_beyond_all_floats_is_wrong() -> None:
    response = Response(Request("scalar.program"), plain=[10**400])
    with pytest.raises(MismatchError, match="the result is wrong"):
        expect_plain(response, [1.0])
