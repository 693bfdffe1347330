"""Facts about kernels that are found out from their sources, which the judge reads itself.

The process with the submission could claim anything about a kernel: that its loop is parallel, that
its iterations have no cell in common. So the judge follows the names in the sources to the function
that numba compiles, takes it out with all that it calls, and has it run under the recorder in
another process, without the submission. It has to give the right result there: the function in the
source is the one that does the work.
"""

import ast
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from weakref import WeakKeyDictionary

import numpy as np

from grading.checking.compare import MismatchError, expect_array
from grading.checking.finding import Finding
from grading.checking.races import LARGEST, check_accesses
from grading.protocol.messages import Array, Plain, Request, Response, Subject, SubjectError
from grading.submissions.kernels import Program, UnreadableError, program_of
from grading.submissions.kernels.loops import serial_output
from grading.submissions.submission import Submission

LARGEST_SHARE = 0.6
"""The share of the work, at most, of one iteration of a parallel loop, and of what is done outside
of the loops. The tensors have a size of three at least in every dimension."""

LOOPS = (ast.For, ast.While)

_programs: WeakKeyDictionary[Subject, dict[tuple[str, str], tuple[Program, ...]]]
_programs = WeakKeyDictionary()


def check_iterations(
    subject: Subject, options: Plain, out: Array, operands: Sequence[Array], expected: Array
) -> None:
    """Demand that no two iterations of a kernel's parallel loops touch one cell, if one writes it.

    Nothing is demanded of a kernel whose source does not run without numba, nor of a large call.
    """
    if out.size > LARGEST:
        return
    for program in programs(subject, options, out, operands):
        answer = _run(subject, "source.accesses", program, options, out, operands, expected)
        if answer is not None:
            check_accesses(answer)


def check_is_parallel(
    subject: Subject, options: Plain, out: Array, operands: Sequence[Array], expected: Array
) -> None:
    """Demand that the loop that writes the output is parallel, and shares the work out."""
    for program in programs(subject, options, out, operands):
        answer = _run(subject, "source.work", program, options, out, operands, expected)
        why = serial_output(program) if answer is None else _not_shared(answer)
        if why:
            request = Request("source.work", (out, *operands), options)
            sentence = f"the main loop of the kernel is not parallel: {why} ({program.place})"
            raise MismatchError(Finding(sentence, request, answer=answer))


def check_is_called(
    subject: Subject, options: Plain, out: Array, operands: Sequence[Array], expected: Array
) -> None:
    """Demand that the kernel that is called is the function in the source.

    That function gives the right result by itself, without the submission. And where it does
    nothing, in a copy of the submission, the kernel that is called gives a wrong one.
    """
    for program in programs(subject, options, out, operands):
        _run(subject, "source.work", program, options, out, operands, expected)
        name, text = program.emptied()
        with subject.changed({name: text}) as copy:
            try:
                answer = copy.call("kernel.run", [out, *operands], options)
            except SubjectError:
                continue
        if answer.arrays and np.array_equal(answer.arrays[0], expected):
            sentence = (
                f"the result does not come from the function in {program.place}: it stays right "
                "in a copy in which that function does nothing"
            )
            raise MismatchError(Finding(sentence, answer.request, answer=answer))


def check_needs_no_indexing(
    subject: Subject, options: Plain, out: Array, operands: Sequence[Array], expected: Array
) -> None:
    """Demand that a kernel finds no element by its index, if its source runs without numba."""
    for program in programs(subject, options, out, operands):
        answer = _run(subject, "source.indexing", program, options, out, operands, expected)
        if answer is not None and answer.plain:
            sentence = "tensors of one layout are indexed element by element"
            raise MismatchError(Finding(sentence, answer.request, answer=answer))


def check_inner_multiplications(
    subject: Subject, options: Plain, out: Array, operands: Sequence[Array], most: int
) -> None:
    """Demand that the innermost loops of a kernel's source multiply no more often than that."""
    for program in programs(subject, options, out, operands):
        found = max(multiplications(program.node), default=0)
        if found > most:
            sentence = (
                f"an innermost loop has {found} multiplications, expected {most} ({program.place})"
            )
            raise MismatchError(Finding(sentence, Request("source.work", (), options)))


def multiplications(kernel: ast.AST) -> list[int]:
    """Return how many multiplications each innermost loop of a kernel has that is in a loop."""
    loops = [node for node in ast.walk(kernel) if isinstance(node, LOOPS)]
    bodies = [[part for line in loop.body for part in ast.walk(line)] for loop in loops]
    inner = {part for body in bodies for part in body if isinstance(part, LOOPS)}
    return [
        sum(isinstance(part, ast.Mult) for part in body)
        for loop, body in zip(loops, bodies, strict=True)
        if loop in inner and not any(isinstance(part, LOOPS) for part in body)
    ]


def programs(
    subject: Subject, options: Plain, out: Array, operands: Sequence[Array]
) -> tuple[Program, ...]:
    """Return what the sources of a submission say about a kernel.

    Raises:
        MismatchError: They do not say what the kernel is.
    """
    known = _programs.setdefault(subject, {})
    key = options["module"], options["kernel"]
    if key not in known:
        submission = Submission.at(_folder(subject))
        try:
            known[key] = program_of(
                submission, f"minitorch.{key[0]}", key[1], options.get("fn") is not None
            )
        except UnreadableError as error:
            where = f" ({error.place})" if error.place else ""
            sentence = (
                f"which function `{key[1]}` is cannot be read in its source: {error}{where}; "
                "compile the function of the task with `njit(..., parallel=True)`"
            )
            request = Request("source.work", (out, *operands), options)
            raise MismatchError(Finding(sentence, request)) from None
    return known[key]


def _folder(subject: Subject) -> Path:
    assert subject.folder is not None, "the sources are not known"
    return subject.folder


def _run(
    subject: Subject,
    operation: str,
    program: Program,
    options: Plain,
    out: Array,
    operands: Sequence[Array],
    expected: Array,
) -> Response | None:
    """Run a kernel without its submission; return None where that is not possible.

    Raises:
        MismatchError: Its result is wrong.
    """
    shown = Request(operation, (out, *operands), options)
    try:
        answer = subject.alone().call(
            operation, [out, *operands], {**options, "functions": program.plain()}
        )
    except SubjectError:  # The compiled kernel may be right all the same.
        return None
    answer = replace(answer, request=shown)
    try:
        expect_array(replace(answer, arrays=answer.arrays[:1]), expected)
    except MismatchError as error:
        found = error.finding
        sentence = f"run by itself, the function in {program.place} is wrong: {found.sentence}"
        raise MismatchError(replace(found, sentence=sentence)) from None
    return answer


def _not_shared(answer: Response) -> str:
    """Say why a kernel's work is not that of a parallel loop; empty if it is."""
    output, work, written = answer.arrays
    outside = int(answer.plain)
    if not len(work):
        return "no `prange` loop runs that is compiled with `parallel=True`"
    if len(np.unique(written)) < output.size:
        return "the output, or a part of it, is written outside of the `prange` loop"
    inside = int(work[:, 2].sum())
    if outside > LARGEST_SHARE * (inside + outside):
        return "most of the work is done outside of the `prange` loop"
    if work[:, 2].max() > LARGEST_SHARE * inside:
        return "one iteration of the `prange` loop does nearly all of the work"
    return ""
