"""The delimiter of a CSV file."""

import csv

DELIMITERS = (",", ";", "\t")
"""Possible delimiters; in some languages, spreadsheets write semicolons."""


def delimiter_of(text: str) -> str:
    """Return the delimiter that makes the most cells in the first line."""
    first = next(iter(text.splitlines()), "")
    return max(DELIMITERS, key=lambda each: len(next(csv.reader([first], delimiter=each), [])))
