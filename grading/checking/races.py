"""Detection of data races in the recorded accesses of a kernel's `prange` loops.

A race is a pair of iterations of one loop that access the same element, at least one of them with a
write. It is a race even if no two threads access the element at the same time: the iterations have
no order.
"""

from dataclasses import dataclass

from grading.checking.compare import MismatchError, expect
from grading.checking.finding import Finding
from grading.protocol.messages import Array, Plain, Response

LARGEST = 200
"""Number of output elements up to which a kernel is recorded: its source runs in slow Python."""


SHARED = "share this array, which is created outside the loop"
"""End of the sentence about a race in an array that is not an argument of the kernel."""


@dataclass(frozen=True)
class Race:
    """Two iterations that access one element.

    Attributes:
        loop: The number of the executed loop.
        array: The number of the recorded array.
        cell: The position of the element in memory.
        writer: An iteration that writes the element.
        other: Another iteration, which writes or reads the element.
        both_write: True if both iterations write.
    """

    loop: int
    array: int
    cell: int
    writer: int
    other: int
    both_write: bool


def check_accesses(response: Response) -> None:
    """Require that no iteration accesses an element that another iteration writes.

    Args:
        response: The output of a call, and the recorded accesses.

    Raises:
        MismatchError: There is a race, or the response is malformed.
    """
    race = find_race(_accesses(response))
    if race is not None:
        expected = "each element written by one iteration, and accessed by no other"
        raise MismatchError(
            Finding(
                describe(race, response),
                response.request,
                "the parallel loop",
                expected,
                f"{_element(race, response)} accessed by iterations {race.writer} and {race.other}",
                response=response,
            )
        )


def find_race(accesses: Array) -> Race | None:
    """Return a race, preferably one between two writes; None if there is none.

    Shape:
        accesses (any, 5): loop, iteration, array, cell, and 1 for a write or 0 for a read.
    """
    accessed: dict[tuple[int, int, int], tuple[set[int], set[int]]] = {}
    for loop, iteration, array, cell, write in accesses.tolist():
        readers, writers = accessed.setdefault((loop, array, cell), (set(), set()))
        (writers if write else readers).add(iteration)
    for element, (_, writers) in sorted(accessed.items()):
        if len(writers) > 1:
            first, second, *_ = sorted(writers)
            return Race(*element, first, second, both_write=True)
    for element, (readers, writers) in sorted(accessed.items()):
        others = readers - writers
        if writers and others:
            return Race(*element, min(writers), min(others), both_write=False)
    return None


def describe(race: Race, response: Response) -> str:
    """Return a sentence about a race, with the names that the submission uses."""
    file, line = response.plain["loops"][race.loop]
    _, _, argument = response.plain["arrays"][race.array]
    element, loop = _element(race, response), f"of the prange loop in line {line} of {file}"
    if race.both_write:
        sentence = f"iterations {race.writer} and {race.other} {loop} both write {element}"
    else:
        sentence = (
            f"iteration {race.writer} {loop} writes {element}, and iteration {race.other} reads it"
        )
    return sentence if argument else f"{sentence}; all iterations {SHARED}"


def _element(race: Race, response: Response) -> str:
    """Return the name of an element as in the kernel's source, if its array has a name there."""
    name = response.plain["arrays"][race.array][0]
    return f"{name}[{race.cell}]" if name else f"element {race.cell} of an array"


def _accesses(response: Response) -> Array:
    """Return the recorded accesses.

    Shape:
        (any, 5), as in `find_race`.

    Raises:
        MismatchError: They do not match the lists of loops and arrays.
    """
    plain, arrays = response.plain, response.arrays
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
    expect(well_formed, "the recorded accesses are malformed", response)
    return response.arrays[1]


def _are_records(values: Plain, kinds: tuple[type, ...]) -> bool:
    """Return whether a value is a list of lists whose items have the given types."""
    return isinstance(values, list) and all(
        isinstance(value, list) and len(value) == len(kinds) and all(map(isinstance, value, kinds))
        for value in values
    )
