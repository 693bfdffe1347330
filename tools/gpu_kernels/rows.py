"""The examples of the catalogue, grouped by kernel."""

from typing import TypeAlias

from tools.gpu_kernels.catalog import Entry, entries

Key: TypeAlias = tuple[str, str]
"""Level and name of a kernel."""


def key_of(entry: Entry) -> Key:
    """Return the kernel of an entry."""
    return entry.level, entry.name.partition("/")[0]


def kernels() -> dict[Key, list[Entry]]:
    """Return the entries of each kernel, without duplicates of code, types and block size."""
    found: dict[Key, dict[object, Entry]] = {}
    for entry in entries():
        same = (entry.kernel.py_func, entry.signature, entry.threads)
        found.setdefault(key_of(entry), {}).setdefault(same, entry)
    return {key: list(unlike.values()) for key, unlike in found.items()}
