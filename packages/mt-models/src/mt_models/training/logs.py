"""The logs of a run: text in the course's format, and JSON lines.

A log is a function of the records and is written completely after every epoch: a resumed run has
the same lines as an uninterrupted one, except for the seconds in the JSON lines. A log is written
to a temporary file and renamed: after an error the previous log is intact.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from mt_models.files import replace_file
from mt_models.training.records import EpochRecord, Progress, best_record


def digit_line(record: EpochRecord, best: EpochRecord) -> str:
    """Return the line of an epoch in the course's format for image classifiers."""
    return (
        f"Epoch {record.epoch} loss {record.train_loss:.4f} "
        f"valid acc {record.first_right}/{record.first_total} "
        f"({record.validation_right}/{record.validation_total} "
        f"= {record.validation_accuracy:.2%})"
    )


def sentiment_line(record: EpochRecord, best: EpochRecord) -> str:
    """Return the line of an epoch in the course's format for sentence classifiers."""
    return (
        f"Epoch {record.epoch}, loss {record.train_loss:.4f}, "
        f"train accuracy: {record.train_accuracy:.2%}, "
        f"validation accuracy: {record.validation_accuracy:.2%}, "
        f"best so far: {best.validation_accuracy:.2%}"
    )


def text_line(record: EpochRecord, best: EpochRecord) -> str:
    """Return the line of an epoch of a language model; the losses are those of a token."""
    return (
        f"Epoch {record.epoch}, loss {record.train_loss:.4f}, "
        f"validation loss {record.validation_loss:.4f}, "
        f"accuracy {record.validation_accuracy:.2%}, "
        f"best so far: {best.validation_loss:.4f}"
    )


def lines(name: str, progress: Progress) -> list[str]:
    """Return the lines of a run of a problem, one for each epoch.

    Args:
        name: The problem's name.
        progress: The finished epochs, and the metric of the problem.
    """
    line = {"mnist": digit_line, "text": text_line}.get(name, sentiment_line)
    result = []
    best = None
    for record in progress.records:
        best = best_record([record] if best is None else [best, record], progress.metric)
        assert best is not None
        result.append(line(record, best))
    return result


def write_logs(folder: Path, name: str, header: Sequence[str], progress: Progress) -> None:
    """Write `NAME.txt` and `NAME.jsonl`.

    Args:
        folder: The folder of the logs.
        name: The problem's name.
        header: Lines that describe the run; the text has "# " before each.
        progress: The finished epochs, and the metric of the problem.

    Raises:
        OSError: A log cannot be written. The previous log is intact.
    """
    text = [*(f"# {line}" for line in header), *lines(name, progress)]
    _write(folder / f"{name}.txt", text)
    _write(folder / f"{name}.jsonl", [json.dumps(asdict(record)) for record in progress.records])


def _write(path: Path, lines: Sequence[str]) -> None:
    replace_file(path, "".join(f"{line}\n" for line in lines).encode())
