"""Functions of a task in a submission: their locations, and the function behind a failed check."""

import re
from collections.abc import Iterable, Sequence

import msgspec

from grading.judge.records import CheckResult, Hole
from grading.submissions.submission import Submission
from grading.tasks.model import Task

IMPORT = re.compile(r"cannot import name '(?P<name>\w+)' from '(?P<module>[\w.]+)' \(")
"""Pattern of Python's error for the import of a name that a module does not define."""

ATTRIBUTE = re.compile(r"module '(?P<module>[\w.]+)' has no attribute '(?P<name>\w+)'")
"""Pattern of Python's error for the use of a name that a module does not define."""


def hole_records(holes: Iterable[str], submission: Submission) -> tuple[Hole, ...]:
    """Return the records of the functions of a task."""
    names = submission.named(holes)
    opened = set(submission.open(names))
    return tuple(Hole(name, str(submission.find(name) or ""), name in opened) for name in names)


def absent_groups(task: Task, submission: Submission) -> dict[str, str]:
    """Return the missing module for each group of a task whose functions have no file.

    If all groups with functions are absent, the other groups are absent, too.
    """
    lacking = {}
    for group in task.groups:
        holes = submission.named(task.holes_of(group, submission.layout))
        if holes:
            missing = submission.missing(holes)
            lacking[group.name] = submission.absence(missing[0]) if missing else ""
    if lacking and all(lacking.values()):
        first = next(iter(lacking.values()))
        return {group.name: lacking.get(group.name, first) for group in task.groups}
    return {name: why for name, why in lacking.items() if why}


def with_location(check: CheckResult, holes: Sequence[Hole]) -> CheckResult:
    """Add the most likely function to a fault without a location.

    It is the function whose name occurs in the check, its parameters or its request; a single
    function is always taken.
    """
    fault = check.fault
    there = [hole for hole in holes if hole.place]
    if fault is None or fault.place or not there:
        return check
    text = f"{check.title} {check.case} {fault.request}".lower()
    # `inv_back` as a whole, and its parts, may be names of functions.
    words = {*re.findall(r"[a-z0-9]+", text), *re.findall(r"\w+", text)}
    named = [hole for hole in there if words & _names(hole)]
    backward = fault.sentence.startswith("the gradient")

    def likelihood(hole: Hole) -> tuple[bool, int, bool, int]:
        is_backward = hole.function.endswith(".backward")
        found = words & _names(hole)
        return hole.open, len(found), is_backward == backward, max(map(len, found), default=0)

    hole = max(named or there[:1], key=likelihood)
    if not named and len(there) > 1:
        return check
    fault = msgspec.structs.replace(fault, function=hole.function, place=hole.place)
    return msgspec.structs.replace(check, fault=fault)


def with_missing_function(
    check: CheckResult, holes: Sequence[Hole], submission: Submission
) -> CheckResult:
    """Say which function is missing, or which file is empty, if this ended a check.

    The exception points to the file that imports the function, which the learner may not have
    written, or to no file. Another file may be wrong about the name, so of imports only those of
    the task's functions count.

    Args:
        check: The check.
        holes: The functions of its task.
        submission: The submission.
    """
    fault = check.fault
    if fault is None:
        return check
    imported, read = IMPORT.search(fault.sentence), ATTRIBUTE.search(fault.sentence)
    found = imported or (None if fault.place else read)
    if found is None:
        return check
    function, use = found["name"], "import" if imported else "use"
    name = f"{found['module']}:{function}"
    alike = [hole for hole in holes if hole.function.partition(".")[0] == function]
    if empty := submission.empty([*(hole.name for hole in alike), name]):
        place, sentence = empty[0], f"{empty[0]} is empty, and other files {use} `{function}`"
    else:
        file = submission.source(found["module"])
        if file is None or (imported and all(each.name != name or each.place for each in holes)):
            return check
        place = file.relative_to(submission.root).as_posix()
        sentence = f"there is no `{function}` in {found['module']}, and other files {use} it"
    fault = msgspec.structs.replace(fault, sentence=sentence, place=f"{place}:1")
    return msgspec.structs.replace(check, fault=fault)


def _names(hole: Hole) -> set[str]:
    """Return the words that refer to a function: "conv2d" for "tensor_conv2d"."""
    parts = hole.function.replace("tensor_", "").replace("_kernel", "").lower().split(".")
    own = parts[-2:] if parts[-1] in ("forward", "backward") else parts[-1:]
    return {part.strip("_") for part in own} - {"forward", "backward"}
