"""Replays of right responses without the functions of the course.

A submission shares a process with the driver and can replace the driver's operations by its own. So
the judge repeats some requests in a copy of the submission in which the functions of the task, and
those of earlier tasks, only raise an error. A response that is still right comes from other code.
Earlier functions are included because the course provides some functions that call only these.
"""

import ast
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from importlib.util import decode_source
from itertools import chain
from typing import NamedTuple

import numpy as np

from grading.isolation import CheckAbandoned
from grading.isolation.called import WITHOUT_FUNCTIONS, CalledFunctions, name_of
from grading.judge.recorder import Outcome
from grading.judge.records import CheckResult, Fault, Status
from grading.judge.text import clean_line
from grading.protocol.messages import Array, DriverError, Response, Subject, SubjectError
from grading.submissions.edits import Edits
from grading.submissions.submission import Submission
from grading.submissions.syntax import Definition, Function, definitions
from grading.tasks.model import Group, Task

NAME = "test_results_of_the_functions"
"""Name of this check among the checks of a task."""

MOST = 10
"""Number of requests of one function that are repeated."""

PAUSE = 1.0
"""Pause before the requests that decide, in seconds.

They come twice: a replacement may wait for a time, or until some requests came.
"""

REMOVED = "the judge removed the body of this function"
"""Message of the error that a function without its body raises."""


class Replay(NamedTuple):
    """Requests to repeat without the functions of the course.

    Attributes:
        texts: The changed files of the submission, by path.
        right: The right responses to repeat, by the name of their group.
    """

    texts: dict[str, str]
    right: dict[str, list[Response]]


def prepare(
    task: Task,
    earlier: Iterable[Task],
    groups: Iterable[Group],
    outcomes: Sequence[Outcome],
    submission: Submission,
) -> Replay:
    """Choose requests of some groups to repeat, and remove the functions of the course.

    Call it in the thread of the checks: Python 3.11 sometimes fails to parse if two threads do so
    at the same time (https://github.com/python/cpython/issues/106905).

    Args:
        task: The task.
        earlier: The tasks above it in the table.
        groups: The groups of the task whose checks passed.
        outcomes: The outcomes of the checks.
        submission: The submission.
    """
    layout = submission.layout
    holes = [hole for each in (*earlier, task) for hole in each.holes_in(layout)]
    texts, removed = without_bodies(submission, submission.named(holes))
    right = {
        group.name: _right_responses(task, group, outcomes)
        for group in groups
        if removed.intersection(submission.named(task.holes_of(group, layout)))
    }
    return Replay(texts, right)


def replays(task: Task, replay: Replay, subject: Callable[[], Subject]) -> dict[str, CheckResult]:
    """Repeat requests of some groups without the functions of the course.

    Args:
        task: The task.
        replay: The requests.
        subject: Returns the worker of the submission; called only if there is a request.

    Returns:
        A failed check for each group whose responses do not change, by the name of the group. If
        one of them changes, the group is not charged: the course may provide the others' functions.
    """
    if not any(replay.right.values()):
        return {}
    found: dict[str, CheckResult] = {}
    try:
        with subject().changed(replay.texts) as copy:
            for response in chain.from_iterable(replay.right.values()):
                _is_repeated(copy, response)
            time.sleep(PAUSE)
            for name, responses in replay.right.items():
                if responses and all(_is_repeated(copy, each) for each in responses):
                    found[name] = _failed(task, name, responses[0])
    except CheckAbandoned:
        pass  # A copy that ends early proves nothing.
    return found


def _right_responses(task: Task, group: Group, outcomes: Sequence[Outcome]) -> list[Response]:
    """Return right responses to the checks of a group, at most `MOST` of each function."""
    found: dict[CalledFunctions, list[Response]] = {}
    for outcome in outcomes:
        if task.group_of(outcome.check, outcome.case) != group.name:
            continue
        for finding in outcome.findings:
            family = finding.request.operation.partition(".")[0]
            if not finding.right or finding.response is None or family in WITHOUT_FUNCTIONS:
                continue
            of_function = found.setdefault(CalledFunctions.of(finding.request), [])
            if len(of_function) < MOST:
                of_function.append(finding.response)
    return list(chain.from_iterable(found.values()))


def without_bodies(submission: Submission, holes: Iterable[str]) -> tuple[dict[str, str], set[str]]:
    """Return the texts of the files of a submission in which some functions have no body.

    Files that are not valid Python stay as they are.

    Returns:
        The texts by path, and the functions without a body.
    """
    names: dict[str, set[str]] = {}
    for hole in holes:
        module, _, qualname = hole.partition(":")
        names.setdefault(module, set()).add(qualname)
    texts, removed = {}, set()
    for module, qualnames in names.items():
        file = submission.source(module)
        if file is None:
            continue
        try:
            edits = Edits(decode_source(file.read_bytes()))
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            continue
        found: set[str] = set()
        for name, node in definitions(edits.tree).items():
            if name in qualnames:
                found.add(name)
                for each in _functions_in(node):
                    edits.empty(each, REMOVED)
        for statement in edits.tree.body:
            # A function may also be an expression: `neg = lambda x: -x`.
            if isinstance(statement, ast.Assign) and (
                names_of := qualnames.intersection(map(ast.unparse, statement.targets))
            ):
                found |= names_of
                edits.replace(statement.value, "None")
        # It may also be imported: by name, then it replaces a definition, or with a star.
        imported = qualnames.intersection(_imported(edits.tree))
        last = sorted(name for name in (qualnames - found) | imported if "." not in name)
        error = f"raise NotImplementedError({REMOVED!r})"
        more = "".join(f"\n\ndef {name}(*_, **__):\n    {error}\n" for name in last)
        # The text is written in UTF-8, and the file may declare another encoding below.
        text = f"# coding: utf-8\n{edits.result()}{more}"
        texts[file.relative_to(submission.root).as_posix()] = text
        removed |= {f"{module}:{name}" for name in (*found, *last)}
    return texts, removed


def _imported(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield from (alias.asname or alias.name for alias in node.names)


def _functions_in(node: Definition) -> list[Function]:
    """Return the functions that do the work of a function or of a class."""
    if isinstance(node, ast.ClassDef):
        methods = [each for each in node.body if isinstance(each, Function)]
        return [each for each in methods if each.name != "__init__"] or methods
    return _returned(node) or [node]


def _returned(node: Function) -> list[Function]:
    """Return the inner functions that a function returns, compiled or not.

    They do the work. The function itself may run at import, as `tensor_map` does.
    """
    results = [each.value for each in ast.walk(node) if isinstance(each, ast.Return) and each.value]
    parts = [part for result in results for part in ast.walk(result)]
    called = {part.func for part in parts if isinstance(part, ast.Call)}
    names = {part.id for part in parts if isinstance(part, ast.Name) and part not in called}
    return [each for each in node.body if isinstance(each, Function) and each.name in names]


def _is_repeated(copy: Subject, response: Response) -> bool:
    """Return whether a copy of the submission gives a response once more."""
    try:
        again = copy.answer(response.request)
    except (SubjectError, DriverError):
        return False
    return (
        again.plain == response.plain
        and _are_equal(again.arrays, response.arrays)
        and _are_equal(again.gradients, response.gradients)
    )


def _are_equal(arrays: Sequence[Array | None], others: Sequence[Array | None]) -> bool:
    return len(arrays) == len(others) and all(
        one is other is None
        or (one is not None and other is not None and np.array_equal(one, other, equal_nan=True))
        for one, other in zip(arrays, others, strict=True)
    )


def _failed(task: Task, group: str, response: Response) -> CheckResult:
    request = response.request
    sentence = (
        f"the result of {name_of(request)} does not come from the functions of the course: it is "
        "still right without the bodies of these functions, so other code computes it"
    )
    name = f"{NAME}[{group}]" if len(task.groups) > 1 else NAME
    fault = Fault(sentence=clean_line(sentence), request=clean_line(str(request)))
    return CheckResult(name, Status.FAILED, fault=fault)
