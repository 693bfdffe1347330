"""CSV files in which single cells are replaced; all other bytes stay as they are."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from grading.policy.delimiters import delimiter_of

BOM = "\ufeff"


class FileError(ValueError):
    """A platform's file cannot be filled in; the message gives the reason and a solution."""


@dataclass
class Cells:
    """The rows of a CSV file.

    Attributes:
        rows: The texts of the cells.
        raw: The same cells as they are in the file, with quotes.
        ends: The line end of each row.
        delimiter: The delimiter.
        bom: True if the file starts with a byte order mark.
        changed: Row, column and new text of each changed cell.
    """

    rows: list[list[str]]
    raw: list[list[str]]
    ends: list[str]
    delimiter: str
    bom: bool
    changed: list[tuple[int, int, str]] = field(default_factory=list)

    def set(self, row: int, column: int, text: str) -> None:
        """Replace a cell, unless it has this text."""
        if self.rows[row][column] == text:
            return
        quoted = self.raw[row][column].startswith('"')
        needs = quoted or any(sign in text for sign in (self.delimiter, '"', "\n", "\r"))
        self.rows[row][column] = text
        self.raw[row][column] = '"' + text.replace('"', '""') + '"' if needs else text
        self.changed.append((row, column, text))

    def encode(self) -> bytes:
        """Return the content of the file."""
        lines = (
            self.delimiter.join(row) + end for row, end in zip(self.raw, self.ends, strict=True)
        )
        return ((BOM if self.bom else "") + "".join(lines)).encode()


def parse(content: bytes) -> Cells:
    """Return the cells of a CSV file.

    Raises:
        FileError: The file is not UTF-8, is empty, or has an open quote.
    """
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        raise FileError(
            f"it is not UTF-8 ({error.reason} at byte {error.start}); export it again"
        ) from None
    bom = text.startswith(BOM)
    text = text.removeprefix(BOM)
    if not text.strip():
        raise FileError("it is empty")
    delimiter = delimiter_of(text)
    raw, ends = _split(text, delimiter)
    rows = [[_value(cell) for cell in row] for row in raw]
    return Cells(rows, raw, ends, delimiter, bom)


def _split(text: str, delimiter: str) -> tuple[list[list[str]], list[str]]:
    """Return the cells with their quotes, and the line end of each row."""
    raw: list[list[str]] = []
    ends: list[str] = []
    row: list[str] = []
    start = at = 0
    quoted = False
    while at < len(text):
        sign = text[at]
        if quoted:
            quoted = sign != '"'
        elif sign == '"' and text[start] == '"' and (at == start or text[at - 1] == '"'):
            # The quote at the start of a cell, or the second one of an escaped quote.
            quoted = True
        elif sign == delimiter:
            row.append(text[start:at])
            start = at + 1
        elif sign in "\r\n":
            row.append(text[start:at])
            end = "\r\n" if text.startswith("\r\n", at) else sign
            raw.append(row)
            ends.append(end)
            row, at = [], at + len(end) - 1
            start = at + 1
        at += 1
    if quoted:
        raise FileError(f"the quote in row {len(raw) + 1} is not closed")
    if row or start < len(text):
        raw.append([*row, text[start:]])
        ends.append("")
    return raw, ends


def _value(cell: str) -> str:
    if cell.startswith('"') and cell.endswith('"') and len(cell) > 1:
        return cell[1:-1].replace('""', '"')
    return cell


def only_row(rows: Sequence[tuple[int, str]], what: str) -> dict[str, int]:
    """Return the row of each identifier.

    Args:
        rows: Rows with their identifiers.
        what: The name of the identifier, for errors.

    Raises:
        FileError: Two rows have the same identifier.
    """
    found: dict[str, int] = {}
    for row, name in rows:
        if name in found:
            raise FileError(f"rows {found[name] + 1} and {row + 1} have the same {what} {name!r}")
        found[name] = row
    return found
