"""Logs: the course's format, and writing on a full disk."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path

import pytest

from mt_models.problems import Text
from mt_models.training import (
    EpochRecord,
    Progress,
    lines,
    write_logs,
)


def record(epoch: int, right: int) -> EpochRecord:
    return EpochRecord(epoch, 0.5, 0.5, 0.5, right, 10, min(right, 10), 10, 1.0, 10.0)


def test_logs_have_the_format_of_the_course(tmp_path: Path) -> None:
    records = [
        EpochRecord(1, 0.61, 0.5, 0.4, 9321, 10000, 15, 16, 1.0, 100.0),
        EpochRecord(2, 0.31, 0.9, 0.3, 9200, 10000, 16, 16, 1.0, 100.0),
    ]
    progress = Progress(records)
    assert lines("mnist", progress)[0] == (
        "Epoch 1 loss 0.6100 valid acc 15/16 (9321/10000 = 93.21%)"
    )
    assert lines("sentiment", progress)[1] == (
        "Epoch 2, loss 0.3100, train accuracy: 90.00%, validation accuracy: 92.00%, "
        "best so far: 93.21%"
    )
    write_logs(tmp_path, "mnist", ["what ran"], progress)
    text = (tmp_path / "mnist.txt").read_text().splitlines()
    assert text[0] == "# what ran"
    assert text[1:] == lines("mnist", progress)
    objects = [json.loads(line) for line in (tmp_path / "mnist.jsonl").read_text().splitlines()]
    assert [EpochRecord(**o) for o in objects] == records


def test_the_best_epoch_of_a_text_has_the_lowest_loss() -> None:
    records = [
        EpochRecord(1, 2.0, 0.4, 1.5, 40, 100, 6, 16, 1.0, 100.0),
        EpochRecord(2, 1.0, 0.5, 1.75, 50, 100, 8, 16, 1.0, 100.0),
    ]
    assert lines("text", Progress(records, metric=Text.metric))[1] == (
        "Epoch 2, loss 1.0000, validation loss 1.7500, accuracy 50.00%, best so far: 1.5000"
    )


def test_a_full_disk_keeps_the_old_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_logs(tmp_path, "points", ["what ran"], Progress([record(1, 3)]))
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    def half(path: Path, content: bytes) -> None:
        path.write_text(content.decode()[: len(content) // 2])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "write_bytes", half)
    with pytest.raises(OSError, match=r"No space left on device.*points\.txt"):
        write_logs(tmp_path, "points", ["what ran"], Progress([record(1, 3), record(2, 4)]))
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
