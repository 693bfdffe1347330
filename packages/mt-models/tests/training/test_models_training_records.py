"""Records of epochs, as plain values."""

from __future__ import annotations

import json

from mt_models.training import (
    EpochRecord,
    Progress,
)


def record(epoch: int, right: int) -> EpochRecord:
    return EpochRecord(epoch, 0.5, 0.5, 0.5, right, 10, min(right, 10), 10, 1.0, 10.0)


def test_progress_is_restored_from_json() -> None:
    progress = Progress([record(1, 3)], 7, 1.25, 4, 0.5)
    assert Progress.from_json(json.loads(json.dumps(progress.to_json()))) == progress
