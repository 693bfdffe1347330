"""The logs of a run: lines for people, as the course asks for them, and JSON lines beside them.

A log is a function of the records, written whole after every epoch: a resumed run leaves the
same lines as an undisturbed one, but for the seconds among the JSON lines. A log takes its name
only when it is complete: on a full disk the one before survives.
"""

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from mt_models.training.records import EpochRecord


def digit_line(record: EpochRecord, best: EpochRecord) -> str:
    """Return the course's line for an image classifier."""
    return (
        f"Epoch {record.epoch} loss {record.train_loss:.4f} "
        f"valid acc {record.first_right}/{record.first_total} "
        f"({record.validation_right}/{record.validation_total} "
        f"= {record.validation_accuracy:.2%})"
    )


def sentiment_line(record: EpochRecord, best: EpochRecord) -> str:
    """Return the course's line for a sentence classifier."""
    return (
        f"Epoch {record.epoch}, loss {record.train_loss:.4f}, "
        f"train accuracy: {record.train_accuracy:.2%}, "
        f"validation accuracy: {record.validation_accuracy:.2%}, "
        f"best so far: {best.validation_accuracy:.2%}"
    )


def lines(name: str, records: Sequence[EpochRecord]) -> list[str]:
    """Return the lines of a run of a problem, one for each epoch."""
    line = digit_line if name == "mnist" else sentiment_line
    result = []
    best = None
    for record in records:
        if best is None or record.validation_right > best.validation_right:
            best = record
        result.append(line(record, best))
    return result


def write_logs(
    folder: Path, name: str, header: Sequence[str], records: Sequence[EpochRecord]
) -> None:
    """Write `NAME.txt` and `NAME.jsonl`.

    Args:
        folder: Where.
        name: The problem's name.
        header: Lines that say what ran; they begin with "# " in the text.
        records: The finished epochs.

    Raises:
        OSError: A log cannot be written. The one that was there before is intact.
    """
    text = [*(f"# {line}" for line in header), *lines(name, records)]
    _replace(folder / f"{name}.txt", text)
    _replace(folder / f"{name}.jsonl", [json.dumps(asdict(record)) for record in records])


def _replace(path: Path, lines: Sequence[str]) -> None:
    """Write a log beside the old one, then put it in its place."""
    partial = path.with_name(f".{path.name}.partial")
    try:
        partial.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        partial.replace(path)
    except OSError as error:
        with suppress(OSError):
            partial.unlink()
        problem = f"the log cannot be written ({error.strerror}); make room, then go on by --resume"
        raise OSError(error.errno, problem, str(path)) from error
