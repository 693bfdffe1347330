"""Writing measured constants into the table of tasks, with nothing else changed."""

import re
from collections.abc import Mapping

FAST = re.compile(r"^fast = \{.*\}$", re.MULTILINE)
"""A line of the table with the constants of a task."""

MACHINE = re.compile(r"(?<=^#   measured on    ).*$", re.MULTILINE)
"""Where the head of the table says where they come from."""


def with_constants(text: str, constants: Mapping[str, float], machine: str) -> str:
    """Return the text of the table with other constants.

    Args:
        text: The table as it is.
        constants: The time of our fast kernels over the yardstick's, by workload; what is not
            among them stays.
        machine: What was measured on.

    Raises:
        ValueError: A workload has no place in the table, or the head none for the machine.
    """
    places = [name for line in FAST.findall(text) for name in re.findall(r"(\w+) = [\d.]", line)]
    for name in constants:
        if places.count(name) != 1:
            raise ValueError(f"{name} has {places.count(name)} places in the table of tasks")

    def replace(line: re.Match[str]) -> str:
        return re.sub(r"(\w+) = ([\d.e+-]+)", one, line[0])

    def one(constant: re.Match[str]) -> str:
        name, value = constant.groups()
        return f"{name} = {f'{constants[name]:.2g}' if name in constants else value}"

    if len(MACHINE.findall(text)) != 1:
        raise ValueError("the head of the table has no line `measured on`")
    return MACHINE.sub(lambda _: machine, FAST.sub(replace, text))
