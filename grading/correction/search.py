"""The search of a change with which failed checks pass."""

import ast
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence, Set
from importlib.util import decode_source
from itertools import chain, islice, zip_longest
from typing import TypeAlias

import numpy as np

from grading.checking.compare import alike
from grading.checking.finding import Finding
from grading.correction.schema import Edit, Schema, functions_in
from grading.diagnosis import Answers, Diagnosis
from grading.isolation import CheckAbandoned, IsolatedSubject, Isolation, Limits
from grading.isolation.called import WITHOUT_FUNCTIONS
from grading.isolation.errors import IsolationError
from grading.isolation.subject import WITHOUT_COMPILER
from grading.protocol.messages import DriverError, Plain, Request, Response, Subject, SubjectError
from grading.submissions.submission import Submission, SubmissionError
from grading.submissions.syntax import Definition, Function, definitions
from grading.tasks.model import Task

MOST_TRIALS = 30_000
"""Number of changes that are tried, for each kind of changes.

It takes the place of a time limit, so that a report is reproducible.
"""

MOST_KEPT = 20
"""Number of changes that are compared with every answer."""

MOST_GROUPS = 2
"""Number of failed groups for which a change is searched."""

MOST_ANSWERS = 24
"""Number of wrong and of right answers that all changes are compared with."""

TOLERANCE = 1e-4
"""Relative tolerance of this comparison, and ten times the absolute one.

Some checks have a larger tolerance than others, which a finding does not contain.
"""

LARGEST = 500
"""Number of elements of the operands up to which a request is repeated."""

LONG = frozenset({"kernel.repeat"})
"""Operations that call a function many times."""

LONGEST_OPTIONS = 2_000
"""Number of characters of the options up to which a request is repeated."""

MOST_STEPS = 100_000
"""Number of passes of loops after which a change counts as endless."""

BATCH = 250
"""Number of changes that one request tries."""

LIMITS = Limits(total_seconds=120.0, stops=20)
"""Limits of the worker with the changed submission."""


UNCHANGED = Edit(0, 0, 0, "", "", str)
"""The unchanged code."""


def corrections(
    task: Task,
    submission: Submission,
    isolation: Isolation,
    answers: Sequence[Answers],
    excused: Set[str] = frozenset(),
) -> list[Diagnosis]:
    """Return changes of one place that make wrong answers of a task right, as likely causes.

    Args:
        task: The task.
        submission: The submission.
        isolation: The required isolation of the worker with the changed submission.
        answers: The answers to the checks of the task.
        excused: Groups for which nothing is searched, because they cannot pass.
    """
    search = _Search(task, submission, isolation, answers)
    groups = [group for group in search.groups if group not in excused]
    found = search.run(groups, (False, True))
    if found is None and len(groups) > 1:
        for group in groups[:MOST_GROUPS]:
            alone = search.run([group], (False,))
            if alone is not None:
                return [alone]
    return [] if found is None else [found]


class _Search:
    """The search of a change that explains wrong answers.

    Attributes:
        groups: The names of the groups with wrong answers; empty for checks without a group.

    Args:
        task: The task.
        submission: The submission.
        isolation: As in `corrections`.
        answers: As in `corrections`.
    """

    def __init__(
        self,
        task: Task,
        submission: Submission,
        isolation: Isolation,
        answers: Sequence[Answers],
    ) -> None:
        self._task = task
        self._submission = submission
        self._isolation: Isolation = isolation
        self._right = [[f for f in each.findings if f.right and _usable(f)] for each in answers]
        self._wrong: dict[str, list[Finding]] = {}
        for each in answers:
            wrong = [finding for finding in each.findings if not finding.right and _usable(finding)]
            if wrong:
                self._wrong.setdefault(each.check, []).extend(sorted(wrong, key=_size))
        failed = [each.check for each in answers if each.wrong()]
        self.groups = tuple(dict.fromkeys(map(self._group_of, failed)))

    def _group_of(self, check: str) -> str:
        names = (group.name for group in self._task.groups if check in group.checks)
        return next(names, "")

    def run(self, groups: Collection[str], kinds: Sequence[bool]) -> Diagnosis | None:
        """Return the first change that explains all wrong answers of some groups, if any.

        Args:
            groups: The names of the groups.
            kinds: The kinds of changes, see `Schema`.
        """
        task, layout = self._task, self._submission.layout
        wrong = [each for check, each in self._wrong.items() if self._group_of(check) in groups]
        own = [group for group in task.groups if group.name in groups]
        holes = [hole for group in own for hole in task.holes_of(group, layout)]
        holes = holes or list(task.holes_in(layout))
        if not wrong:
            return None
        try:
            for inserts in kinds:
                schema = Schema(inserts)
                texts = dict(self._texts(schema, self._submission.named(holes)))
                if not texts:
                    return None
                with self._changed(texts) as copy:
                    left = _explaining(copy, schema.edits, _in_turn(wrong), _in_turn(self._right))
                    left = _explaining(copy, left[:MOST_KEPT], chain(*wrong), chain(*self._right))
                    if left:
                        checks = tuple(self._explained(copy, left[0]))
                        return Diagnosis(_cause(left[0]), checks) if checks else None
        except (CheckAbandoned, IsolationError, SubmissionError):
            pass  # A change does not end, or the changed submission does not run.
        return None

    def _explained(self, copy: Subject, edit: Edit) -> Iterator[str]:
        """Yield the failed checks of which a change makes all wrong answers right."""
        for name, findings in self._wrong.items():
            wrong = [each for each in findings if not _is_right(each, _answer(copy, each))]
            if wrong and _explaining(copy, [edit], wrong, ()):
                yield name

    def _texts(self, schema: Schema, holes: Sequence[str]) -> Iterator[tuple[str, str]]:
        """Yield the changed files: their paths, relative to the submission, and their texts."""
        by_module: dict[str, list[str]] = {}
        for hole in holes:
            module, _, name = hole.partition(":")
            by_module.setdefault(module, []).append(name)
        for module, names in by_module.items():
            file = self._submission.source(module)
            if file is None:
                continue
            path = file.relative_to(self._submission.root).as_posix()
            try:
                tree = ast.parse(decode_source(file.read_bytes()))
                text = schema.text(path, tree, _functions(tree, names))
                compile(text, path, "exec")
            except (SyntaxError, ValueError, RecursionError, MemoryError):
                continue
            yield path, f"# coding: utf-8\n{text}"

    def _changed(self, texts: Mapping[str, str]) -> IsolatedSubject:
        return IsolatedSubject(
            self._submission,
            environment=WITHOUT_COMPILER,
            limits=LIMITS,
            isolation=self._isolation,
            changes=texts,
        )


def _cause(edit: Edit) -> str:
    """Return a change as a likely cause."""
    place = f"line {edit.line} of {edit.file}, in `{edit.function}`"
    return f"Look at {place}: {edit.change()}, all wrong answers of the failed checks are right."


def _functions(tree: ast.Module, names: Sequence[str]) -> list[tuple[str, Function]]:
    """Return some functions of a file, and those of the file that they call."""
    defined = definitions(tree)
    found: dict[str, Definition] = {}
    waiting = list(names)
    while waiting:
        name = waiting.pop(0)
        if name not in defined or name in found:
            continue
        found[name] = defined[name]
        for node in ast.walk(defined[name]):
            match node:
                case ast.Call(ast.Name(called)):
                    waiting.append(called)
                case ast.Call(ast.Attribute(_, method)):
                    waiting += [each for each in defined if each.endswith(f".{method}")]
    return [(name, each) for name, node in found.items() for each in functions_in(node)]


def _usable(finding: Finding) -> bool:
    request = finding.request
    family = request.operation.partition(".")[0]
    return (
        family not in WITHOUT_FUNCTIONS
        and request.operation not in LONG
        and sum(array.size for array in request.arrays) <= LARGEST
        and len(str(request.options)) <= LONGEST_OPTIONS
    )


def _in_turn(findings: Sequence[Sequence[Finding]]) -> list[Finding]:
    """Return the first findings of each check, then the second ones, and so on."""
    rounds = zip_longest(*findings)
    return list(islice((each for turn in rounds for each in turn if each), MOST_ANSWERS))


def _size(finding: Finding) -> tuple[bool, int]:
    request = finding.request
    elements = sum(array.size for array in request.arrays)
    return bool(finding.kinds), elements + len(str(request.options))


def _explaining(
    copy: Subject, edits: Sequence[Edit], wrong: Iterable[Finding], right: Iterable[Finding]
) -> Sequence[Edit]:
    """Return the changes that make all wrong answers right and leave all right ones right.

    Answers that differ without a change are left out: they depend on the compiler or on chance. If
    no wrong answer is left, no change explains anything.
    """
    again = [each for each in wrong if not _is_right(each, _answer(copy, each))]
    left = edits[:MOST_TRIALS] if again else ()
    for finding in (*sorted(again, key=_size), *right):
        if not left or (finding.right and not _is_right(finding, _answer(copy, finding))):
            continue
        left = [
            edit
            for batch in _batches(left)
            for edit, answer in zip(batch, _answers(copy, finding, batch), strict=True)
            if _is_right(finding, answer)
        ]
    return left


def _batches(edits: Sequence[Edit]) -> Iterator[Sequence[Edit]]:
    """Yield the changes for each request."""
    for first in range(0, len(edits), BATCH):
        yield edits[first : first + BATCH]


Answer: TypeAlias = Response | tuple[str, ...]
"""A response, or the names of the class of an exception and of its bases."""


def _answer(copy: Subject, finding: Finding) -> Answer:
    """Return the answer to the request of a finding without a change."""
    return _answers(copy, finding, [UNCHANGED])[0]


def _answers(copy: Subject, finding: Finding, edits: Sequence[Edit]) -> list[Answer]:
    """Return the answers to the request of a finding with each of some changes.

    A worker that is lost has answered nothing.
    """
    request = finding.request
    options = {
        "operation": request.operation,
        "options": dict(request.options),
        "changes": [[edit.site, edit.number] for edit in edits],
        "steps": MOST_STEPS,
    }
    sweep = Request("correction.answers", request.arrays, options, request.upstream)
    try:
        response = copy.answer(sweep)
        return list(_separate(response, request))
    except (SubjectError, DriverError, LookupError, TypeError, ValueError):
        return [("WorkerError",)] * len(edits)


def _separate(response: Response, request: Request) -> Iterator[Answer]:
    """Yield the answers with each change."""
    arrays, gradients = iter(response.arrays), iter(response.gradients)
    for each in response.plain:
        if "kinds" in each:
            yield tuple(each["kinds"])
            continue
        own = tuple(islice(arrays, each["arrays"]))
        there = tuple(next(gradients) if is_there else None for is_there in each["gradients"])
        yield Response(request, own, there, each["plain"])


def _is_right(finding: Finding, answer: Answer) -> bool:
    """Return whether an answer to the request of a finding is right."""
    refused = finding.name == "the exception" and isinstance(finding.expected, str)
    if not isinstance(answer, Response):
        kind = str(finding.expected).removeprefix("an ")
        return refused and kind in ("exception", *answer)
    if refused:
        return False
    if finding.response is None:  # An exception was raised where an answer was expected.
        return True
    if finding.right:  # Other parts of the response may be wrong.
        return _are_same(_part(answer, finding.name), _part(finding.response, finding.name))
    if finding.expected is None or not _are_same(
        _part(finding.response, finding.name), finding.received
    ):
        return not _are_equal(answer, finding.response)
    return _are_same(_part(answer, finding.name), finding.expected)


def _part(response: Response, name: str) -> Plain:
    """Return the part of a response that a finding compares."""
    words = name.split()
    match words:
        case ["the", "gradient", "of", "operand", number] if number.isdigit():
            which = int(number)
            return response.gradients[which] if which < len(response.gradients) else None
        case ["result", number] if number.isdigit() and int(number) < len(response.arrays):
            return response.arrays[int(number)]
    return response.arrays[0] if response.arrays else response.plain


def _are_equal(response: Response, other: Response) -> bool:
    pairs = (
        (response.arrays, other.arrays),
        (response.gradients, other.gradients),
    )
    return alike(response.plain, other.plain) and all(
        len(one) == len(two) and all(map(_are_same, one, two)) for one, two in pairs
    )


def _are_same(received: Plain, expected: Plain) -> bool:
    if isinstance(received, np.ndarray) and isinstance(expected, np.ndarray):
        return received.shape == expected.shape and bool(
            np.allclose(received, expected, TOLERANCE, TOLERANCE / 10, equal_nan=True)
        )
    if isinstance(received, np.ndarray) or isinstance(expected, np.ndarray):
        return False
    return alike(received, expected)
