"""Targets by kind of processor, from `floors.toml`."""

import fnmatch
import tomllib
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from asv_benchmarks.contenders.names import BEST, PEERS
from asv_benchmarks.contenders.settings import rival_of
from asv_benchmarks.peers.processes import ProcessRow
from asv_benchmarks.peers.rows import Row, Target

PATH = Path(__file__).with_name("floors.toml")


@cache
def _read() -> dict[str, dict[str, dict[str, dict[str, Any]]]]:
    return tomllib.loads(PATH.read_text("utf-8"))


def with_floors(row: Row | ProcessRow, kind: str, threads: int) -> Row | ProcessRow:
    """Return a row with the targets and the reason that belong to a kind of processor.

    A row with rivals among the frameworks also gets the rival `BEST`. A rival that the row lacks,
    because the user named others, gets no target.

    Args:
        row: A row with the targets of every other kind.
        kind: The kind, as `conditions.kind_of_processor` names it.
        threads: The number of computing threads.
    """
    targets = {**row.targets}
    if isinstance(row, Row) and any(rival_of(name) in PEERS for name in targets):
        targets[BEST] = Target()
    found = _of(row.key, kind, threads)
    reason = found.pop("reason", row.reason)
    targets |= {rival: Target(**target) for rival, target in found.items() if rival in targets}
    return replace(row, targets=targets, reason=reason)


def reason_of(key: str, kind: str, threads: int) -> str:
    """Return the reason why a row falls short on a kind of processor; empty if unknown."""
    return str(_of(key, kind, threads).get("reason", ""))


def _of(key: str, kind: str, threads: int) -> dict[str, Any]:
    """Return the values of all tables that match a row, later ones first."""
    found: dict[str, Any] = {}
    for pattern, tables in _read().items():
        if fnmatch.fnmatchcase(kind, f"{pattern}-*") or fnmatch.fnmatchcase(kind, pattern):
            for keys, values in tables.get("one" if threads == 1 else "several", {}).items():
                if fnmatch.fnmatchcase(key, keys):
                    found |= values
    return found
