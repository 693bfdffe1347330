"""Targets by kind of processor, from `floors.toml`."""

import fnmatch
import tomllib
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from asv_benchmarks.contenders.names import BEST, PEERS
from asv_benchmarks.contenders.settings import rival_of
from asv_benchmarks.peers.processes import ProcessRow
from asv_benchmarks.peers.rows import Row, Target

PATH = Path(__file__).with_name("floors.toml")

AnyRow = TypeVar("AnyRow", Row, ProcessRow)


@cache
def _read() -> dict[str, dict[str, dict[str, dict[str, Any]]]]:
    return tomllib.loads(PATH.read_text("utf-8"))


def with_floors(row: AnyRow, kind: str, threads: int) -> AnyRow:
    """Return a row with the targets and the reason that belong to a kind of processor.

    A row with rivals among the frameworks also gets the rival `BEST`.

    Args:
        row: A row with the targets of every other kind.
        kind: The kind, as `conditions.kind_of_processor` names it.
        threads: The number of computing threads.
    """
    targets, reason = {**row.targets}, row.reason
    if isinstance(row, Row) and any(rival_of(name) in PEERS for name in targets):
        targets[BEST] = Target()
    for pattern, tables in _read().items():
        if not fnmatch.fnmatchcase(kind, f"{pattern}-*") and not fnmatch.fnmatchcase(kind, pattern):
            continue
        for keys, values in tables.get("one" if threads == 1 else "several", {}).items():
            if fnmatch.fnmatchcase(row.key, keys):
                found = {**values}
                reason = found.pop("reason", reason)
                targets |= {rival: Target(**target) for rival, target in found.items()}
    return replace(row, targets=targets, reason=reason)
