"""The kernels of the table, each once."""

from typing import TypeAlias

from tools.gpu_kernels.catalog import Entry, entries

Key: TypeAlias = tuple[str, str]
"""The level of a kernel, and its name."""


def key_of(entry: Entry) -> Key:
    """Return which kernel an entry is of."""
    return entry.level, entry.name.partition("/")[0]


def kernels() -> dict[Key, list[Entry]]:
    """Return the entries of each kernel, those alike only once."""
    found: dict[Key, dict[object, Entry]] = {}
    for entry in entries():
        same = (entry.kernel.py_func, entry.signature, entry.threads)
        found.setdefault(key_of(entry), {}).setdefault(same, entry)
    return {key: list(unlike.values()) for key, unlike in found.items()}
