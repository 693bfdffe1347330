"""The table of kernels in docs/guides/cuda.md."""

import re
from collections.abc import Iterator
from pathlib import Path

import numba

from tools.blocks import with_block
from tools.gpu_kernels.catalog import Entry
from tools.gpu_kernels.compiling import Resources, assembler_version, resources
from tools.gpu_kernels.occupancy import MULTIPROCESSORS, Capability, occupancy
from tools.gpu_kernels.rows import Key, kernels
from tools.gpu_kernels.traffic import Moved, counted
from tools.workspace import ROOT

PAGE = ROOT / "docs" / "guides" / "cuda.md"

BLOCK = "kernels"
"""The name of the block with the table."""

FLOOR = 0.25
"""Least occupancy of a kernel, 0 to 1. A smaller value accepts kernels that leave a GPU idle."""

LOWER_FLOORS: dict[Key, float] = {
    # An exercise with a single block, for which occupancy does not matter.
    ("course", "mm_kernel"): 0.0,
}


def floor(key: Key) -> float:
    """Return the least occupancy that a kernel may have."""
    return LOWER_FLOORS.get(key, FLOOR)


def worst(entries: list[Entry], capability: Capability) -> tuple[Resources, float]:
    """Return the largest resources of the examples of a kernel, and their least occupancy."""
    each = [(entry, resources(entry, capability)) for entry in entries]
    return (
        Resources(
            max(need.registers for _, need in each),
            max(need.shared for _, need in each),
            max(need.spilled for _, need in each),
        ),
        min(
            occupancy(capability, entry.threads, need.registers, need.shared)
            for entry, need in each
        ),
    )


def versions() -> str:
    """Return the versions on which the table depends."""
    return f"numba {numba.__version__}, ptxas {assembler_version()}"


def rows() -> Iterator[str]:
    """Yield the lines of the table; compiling all kernels takes a minute."""
    names = [f"{major}.{minor}" for major, minor in MULTIPROCESSORS]
    moved = counted()
    yield f"Compute capability {', '.join(names)}; {versions()}."
    yield ""
    yield "| kernel | threads | registers | shared bytes | spilled | occupancy | traffic |"
    yield "| --- | --- | --- | --- | --- | --- | --- |"
    for key, entries in kernels().items():
        yield row(key, entries, moved[key])


def row(key: Key, entries: list[Entry], moved: Moved) -> str:
    """Return the row of a kernel."""
    level, name = key
    found = [worst(entries, capability) for capability in MULTIPROCESSORS]
    cells = [
        f"{level} `{name}`",
        ", ".join(map(str, sorted({entry.threads for entry in entries}))),
        " / ".join(str(need.registers) for need, _ in found),
        str(max(need.shared for need, _ in found)),
        str(max(need.spilled for need, _ in found)),
        " / ".join(f"{share:.0%}" for _, share in found),
        f"{moved.ratio:.1f}",
    ]
    return f"| {' | '.join(cells)} |"


def names_in(page: str) -> list[Key]:
    """Return the kernels with a row on the page."""
    return [(level, name) for level, name in re.findall(r"^\| (course|tuned) `(\w+)`", page, re.M)]


def versions_in(page: str) -> str:
    """Return the versions that the page states."""
    found = re.search(r"^Compute capability .*; (numba .*)\.$", page, re.M)
    return found[1] if found else ""


def with_rows(page: str, lines: list[str]) -> str:
    """Return the page with the lines in place of its table."""
    return with_block(page, BLOCK, "\n".join(lines))


def write(path: Path = PAGE) -> None:
    """Compute the table and write it into the page."""
    page = path.read_text(encoding="utf-8")
    path.write_text(with_rows(page, list(rows())), encoding="utf-8")
