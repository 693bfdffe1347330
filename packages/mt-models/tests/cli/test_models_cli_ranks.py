"""The end of the ranks of a command after an error on one of them."""

import pytest

from mt_models.cli import ranks
from mt_nn.distributed import Mpi


class Started(Mpi):
    """Rank 1 of two, without MPI; `abort` ends the test's block only."""

    def __init__(self) -> None:
        self.rank, self.size = 1, 2

    def abort(self, code: int = 1) -> None:
        raise SystemExit(code)


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (ValueError("no such column"), "Error on rank 1: no such column\n"),
        (ZeroDivisionError("a mistake"), "Error on rank 1:\nTraceback"),
    ],
)
def test_only_an_unexpected_error_has_a_traceback(
    error: Exception,
    text: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(ranks, "world", lambda limit: Started())
    with pytest.raises(SystemExit) as ended, ranks.joined():
        raise error
    assert ended.value.code == 1
    written = capsys.readouterr().err
    assert written.startswith(text)
    assert ("Traceback" in written) == isinstance(error, ZeroDivisionError)
