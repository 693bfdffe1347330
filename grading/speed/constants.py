"""Replacement of measured constants in the text of the task table."""

import re
from collections.abc import Mapping

FAST = re.compile(r"^fast = \{.*\}$", re.MULTILINE)
"""Pattern of a line with the constants of a task."""

MACHINE = re.compile(r"(?<=^#   measured on    ).*$", re.MULTILINE)
"""Pattern of the machine and date in the comment at the top of the table."""


def with_constants(text: str, constants: Mapping[str, float], machine: str) -> str:
    """Return the text of the table with new constants.

    Args:
        text: The text of the table.
        constants: The time of our fast kernels divided by the baseline's, by workload; other
            constants are kept.
        machine: Machine, versions and date of the measurement. If it measured only some of the
            workloads, it is added to what stands there.

    Raises:
        ValueError: A workload does not occur exactly once, or the line `measured on` is missing.
    """
    occurring = [name for line in FAST.findall(text) for name in re.findall(r"(\w+) = [\d.]", line)]
    for name in constants:
        if occurring.count(name) != 1:
            raise ValueError(
                f"{name} occurs {occurring.count(name)} times in the table of tasks, expected once"
            )

    def replace(line: re.Match[str]) -> str:
        return re.sub(r"(\w+) = ([\d.e+-]+)", one, line[0])

    def one(constant: re.Match[str]) -> str:
        name, value = constant.groups()
        return f"{name} = {f'{constants[name]:.2g}' if name in constants else value}"

    before = MACHINE.findall(text)
    if len(before) != 1:
        raise ValueError("the comment at the top of the table has no line `measured on`")
    if set(occurring) - set(constants):
        names = ", ".join(constants)
        others = [note for note in before[0].split("; ") if not note.startswith(f"{names} on ")]
        machine = "; ".join([*others, f"{names} on {machine}"])
    return MACHINE.sub(lambda _: machine, FAST.sub(replace, text))
