"""Facts about kernels, determined from their sources.

The process with the submission cannot be trusted to report whether a kernel's loop is parallel or
has races. So the judge reads the sources itself. It follows the names to the function that numba
compiles, extracts it with all functions that it calls, and runs it under the recorder in another
process, without the submission. The function has to return the right result there: this shows that
the function in the source does the work.
"""

import ast
import secrets
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
"""Largest fraction of the work that one iteration, or the code outside parallel loops, may do.

The tensors have at least three elements in every dimension, so an even division stays below it. A
larger value accepts loops that do little of the work; a smaller one refuses small parallel loops.
"""

LOOPS = (ast.For, ast.While)

_programs: WeakKeyDictionary[Subject, dict[tuple[str, str], tuple[Program, ...]]]
_programs = WeakKeyDictionary()


def check_iterations(
    subject: Subject, options: Plain, out: Array, operands: Sequence[Array], expected: Array
) -> None:
    """Require that the iterations of a kernel's parallel loops have no data races.

    A kernel whose source does not run without numba passes, and so does a call with more than
    `LARGEST` output elements.
    """
    if out.size > LARGEST:
        return
    for program in programs(subject, options, out, operands):
        response = _run(subject, "source.accesses", program, options, out, operands, expected)
        if response is not None:
            check_accesses(response)


def check_is_parallel(
    subject: Subject, options: Plain, out: Array, operands: Sequence[Array], expected: Array
) -> None:
    """Require that the loop that writes the output is parallel, and divides the work."""
    for program in programs(subject, options, out, operands):
        response = _run(subject, "source.work", program, options, out, operands, expected)
        reason = serial_output(program) if response is None else _not_shared(response)
        if reason:
            request = Request("source.work", (out, *operands), options)
            sentence = f"the main loop of the kernel is not parallel: {reason} ({program.location})"
            raise MismatchError(Finding(sentence, request, response=response))


def check_is_called(
    subject: Subject, options: Plain, out: Array, operands: Sequence[Array], expected: Array
) -> None:
    """Require that the result comes from the function in the source file.

    The function alone, in a process without the rest of the submission, has to return the right
    result. In a copy of the submission without the body of the function, the result has to be
    wrong.
    """
    for program in programs(subject, options, out, operands):
        _run(subject, "source.work", program, options, out, operands, expected)
        response = _without_body(subject, program, options, out, operands)
        if response is not None and np.array_equal(response.arrays[0], expected):
            sentence = (
                f"the result does not come from the function in {program.location}: it is still "
                "right without the body of this function, so other code computes it"
            )
            raise MismatchError(Finding(sentence, response.request, response=response))


def _without_body(
    subject: Subject, program: Program, options: Plain, out: Array, operands: Sequence[Array]
) -> Response | None:
    """Run a kernel in a copy of the submission in which its function has no body.

    Returns:
        The response; None if the copy raises an error because it calls the function.

    Raises:
        MismatchError: The copy cannot be written, or it raises another error.
    """
    # A caller of a function without a body may raise any error. To recognise its cause, the
    # function then raises an error itself.
    for message in ("", f"called {secrets.token_hex(8)}"):
        name, text = program.emptied(message)
        try:
            ast.parse(text.encode())
        except (SyntaxError, ValueError) as error:
            # The copy would raise this error, which says nothing about the function.
            reason = str(error)
            break
        with subject.changed({name: text}) as copy:
            try:
                return copy.call("kernel.run", [out, *operands], options)
            except SubjectError as error:
                reason = f"the copy raises {error.kinds[0]}: {error.message}"
                if message and message in error.message:
                    return None
    sentence = (
        f"the body of the function in {program.location} cannot be removed from the file "
        f"to show that it does the work: {reason}"
    )
    raise MismatchError(Finding(sentence, Request("source.work", (out, *operands), options)))


def check_needs_no_indexing(
    subject: Subject, options: Plain, out: Array, operands: Sequence[Array], expected: Array
) -> None:
    """Require that a kernel computes no indices; one whose source needs numba passes."""
    for program in programs(subject, options, out, operands):
        response = _run(subject, "source.indexing", program, options, out, operands, expected)
        if response is not None and response.plain:
            sentence = "the kernel computes an index for every element of tensors with equal layout"
            raise MismatchError(Finding(sentence, response.request, response=response))


def check_inner_multiplications(
    subject: Subject, options: Plain, out: Array, operands: Sequence[Array], most: int
) -> None:
    """Require that the innermost loops of a kernel contain at most `most` multiplications."""
    for program in programs(subject, options, out, operands):
        found = max(multiplications(program.node), default=0)
        if found > most:
            sentence = (
                f"an innermost loop has {found} multiplications, expected at most {most} "
                f"({program.location})"
            )
            raise MismatchError(Finding(sentence, Request("source.work", (), options)))


def multiplications(kernel: ast.AST) -> list[int]:
    """Return the number of multiplications in each innermost loop that is inside another loop."""
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
    """Return the programs of a kernel: the function that numba compiles, one for each definition.

    Raises:
        MismatchError: The sources do not determine the function.
    """
    known = _programs.setdefault(subject, {})
    key = options["module"], options["kernel"]
    if key not in known:
        submission = Submission.at(_folder(subject))
        try:
            known[key] = program_of(
                submission, f"minitorch.{key[0]}", key[1], options.get("fn") is not None
            )
        except (UnreadableError, RecursionError, MemoryError) as error:
            reason = "its expressions are nested too deeply"
            if isinstance(error, UnreadableError):
                reason = f"{error} ({error.location})" if error.location else str(error)
            sentence = (
                f"the source does not show which function `{key[1]}` is: {reason}; "
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
    """Run a kernel without its submission; return None if its source does not run.

    Raises:
        MismatchError: Its result is wrong.
    """
    shown = Request(operation, (out, *operands), options)
    try:
        response = subject.without_submission().call(
            operation, [out, *operands], {**options, "functions": program.plain()}
        )
    except SubjectError:  # The compiled kernel may still be right.
        return None
    response = replace(response, request=shown)
    try:
        expect_array(replace(response, arrays=response.arrays[:1]), expected)
    except MismatchError as error:
        found = error.finding
        sentence = (
            f"without the submission, the function in {program.location} is wrong: {found.sentence}"
        )
        raise MismatchError(replace(found, sentence=sentence)) from None
    return response


def _not_shared(response: Response) -> str:
    """Return the reason why a kernel's parallel loops do not divide its work; empty if they do."""
    output, work, written = response.arrays
    outside = int(response.plain)
    if not len(work):
        return "no `prange` loop runs that is compiled with `parallel=True`"
    if len(np.unique(written)) < output.size:
        return "the output, or a part of it, is written outside the `prange` loop"
    inside = int(work[:, 2].sum())
    if outside > LARGEST_SHARE * (inside + outside):
        return "most of the work is done outside the `prange` loop"
    if work[:, 2].max() > LARGEST_SHARE * inside:
        return "one iteration of the `prange` loop does nearly all the work"
    return ""
