"""Find data races in what was recorded of a kernel's `prange` loops.

A race is two iterations of one loop that touch the same cell, at least one of them writing. Whether
two threads really meet there does not matter: the iterations have no order.
"""

from dataclasses import dataclass

from grading.checking.compare import MismatchError, expect
from grading.checking.finding import Finding
from grading.protocol.messages import Array, Plain, Response

LARGEST = 200
"""Elements of an output, at most, for which a kernel is recorded: its source runs in Python."""


SHARED = "share this array, which is created outside of the loop"
"""The end of the sentence about a race if the array is no argument of the kernel."""


@dataclass(frozen=True)
class Race:
    """Two iterations that touch one cell.

    Attributes:
        loop: Which of the executed loops.
        array: Which of the recorded arrays.
        cell: The cell of that array.
        writer: An iteration that writes the cell.
        other: Another iteration, that writes or reads the cell.
        both_write: True if both iterations write.
    """

    loop: int
    array: int
    cell: int
    writer: int
    other: int
    both_write: bool


def check_accesses(answer: Response) -> None:
    """Demand that no two iterations touch one cell, if one of them writes it.

    Args:
        answer: The output of a call, and the accesses that were recorded.
    """
    race = find_race(_accesses(answer))
    if race is not None:
        wanted = "each cell written by one iteration, and touched by no other"
        raise MismatchError(
            Finding(
                describe(race, answer),
                answer.request,
                "the parallel loop",
                wanted,
                f"{_place(race, answer)} touched by iterations {race.writer} and {race.other}",
                answer=answer,
            )
        )


def find_race(accesses: Array) -> Race | None:
    """Return a race, one between two writes if there is any; None if there is no race.

    Shape:
        accesses (any, 5): loop, iteration, array, cell, and 1 for a write or 0 for a read.
    """
    touched: dict[tuple[int, int, int], tuple[set[int], set[int]]] = {}
    for loop, iteration, array, cell, write in accesses.tolist():
        readers, writers = touched.setdefault((loop, array, cell), (set(), set()))
        (writers if write else readers).add(iteration)
    for place, (_, writers) in sorted(touched.items()):
        if len(writers) > 1:
            first, second, *_ = sorted(writers)
            return Race(*place, first, second, both_write=True)
    for place, (readers, writers) in sorted(touched.items()):
        others = readers - writers
        if writers and others:
            return Race(*place, min(writers), min(others), both_write=False)
    return None


def describe(race: Race, answer: Response) -> str:
    """Return a race in one sentence, with the names of the submission."""
    file, line = answer.plain["loops"][race.loop]
    _, _, argument = answer.plain["arrays"][race.array]
    place, where = _place(race, answer), f"of the prange loop in line {line} of {file}"
    if race.both_write:
        sentence = f"iterations {race.writer} and {race.other} {where} both write {place}"
    else:
        sentence = (
            f"iteration {race.writer} {where} writes {place}, and iteration {race.other} reads it"
        )
    return sentence if argument else f"{sentence}; all iterations {SHARED}"


def _place(race: Race, answer: Response) -> str:
    """Return a cell as the kernel would write it, if the array has a name there."""
    name = answer.plain["arrays"][race.array][0]
    return f"{name}[{race.cell}]" if name else f"element {race.cell} of an array"


def _accesses(answer: Response) -> Array:
    """Return the recorded accesses, once they agree with the lists of loops and arrays."""
    plain, arrays = answer.plain, answer.arrays
    well_formed = (
        isinstance(plain, dict)
        and _are_records(plain.get("loops"), (str, int))
        and _are_records(plain.get("arrays"), (str, int, bool))
        and len(arrays) == 2
        and arrays[1].dtype == "int64"
        and arrays[1].ndim == 2
        and arrays[1].shape[1] == 5
    )
    if well_formed:
        rows, loops, names = arrays[1], len(plain["loops"]), len(plain["arrays"])
        inside = ((rows[:, 0] >= 0) & (rows[:, 0] < loops)).all()
        inside = inside and ((rows[:, 2] >= 0) & (rows[:, 2] < names)).all()
        well_formed = bool(inside)
    expect(well_formed, "the recorded accesses make no sense", answer)
    return answer.arrays[1]


def _are_records(values: Plain, kinds: tuple[type, ...]) -> bool:
    """Return whether a value is a list of lists whose items have the given types."""
    return isinstance(values, list) and all(
        isinstance(value, list) and len(value) == len(kinds) and all(map(isinstance, value, kinds))
        for value in values
    )
