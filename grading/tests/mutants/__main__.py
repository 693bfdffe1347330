"""The command `python -m grading.tests.mutants`: reported inputs of a sample of mutants.

It runs the checks of each mutant's task until one fails, as the grader does, and prints the input
that a report would show. At the end it counts the inputs that consist of small distinct integers
without 0, and the requests to the mutants.
"""

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import click
import numpy as np

from grading.isolation import IsolatedSubject
from grading.protocol.messages import Array, Plain, Request, Response, Subject
from grading.reports.words import plural
from grading.tests.mutants.judging import first_failure
from grading.tests.mutants.rewriting import make_tree
from grading.tests.mutants.test_grading_mutants import MUTANTS

LARGEST = 99
"""Largest absolute value of a small integer."""

FRACTIONS = frozenset({"epsilon", "rate"})
"""Names of options that are no integers by nature."""


class Counted(Subject):
    """A subject that counts requests.

    Attributes:
        requests: The number of requests so far.
    """

    def __init__(self, subject: Subject) -> None:
        self._subject = subject
        self.folder = subject.folder
        self.requests = 0

    def answer(self, request: Request) -> Response:
        """Count a request and perform it."""
        self.requests += 1
        return self._subject.answer(request)

    def changed(
        self, sources: Mapping[str, str], compiled: bool = True
    ) -> AbstractContextManager[Subject]:
        """Return a copy with some files replaced; its requests are not counted."""
        return self._subject.changed(sources, compiled)


def numbers_of(request: Request) -> Array:
    """Return the numbers of all operands, of the upstream gradient, and of the options.

    The output array of a kernel is no input. An integer in an option is a size, an index or the
    number of a variable.
    """
    first = 1 if request.operation.startswith(("kernel.", "source.")) else 0
    arrays = [array.ravel() for array in request.arrays[first:]]
    if request.upstream is not None:
        arrays.append(request.upstream.ravel())
    named = {name: value for name, value in request.options.items() if name not in FRACTIONS}
    return np.array([*np.concatenate([*arrays, []]), *_floats(named)], np.float64)


def _floats(value: Plain) -> Iterator[float]:
    if isinstance(value, float):
        yield value
    elif isinstance(value, dict):
        yield from _floats(list(value.values()))
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _floats(each)


def is_small_distinct(numbers: Array) -> bool:
    """Return whether numbers are small integers without 0, each of them once."""
    return bool(
        np.isfinite(numbers).all()
        and (numbers == np.round(numbers)).all()
        and (numbers != 0).all()
        and (np.abs(numbers) <= LARGEST).all()
        and len(np.unique(numbers)) == numbers.size
    )


def has_distinct_sizes(array: Array) -> bool:
    """Return whether all sizes of an array other than 1 differ."""
    sizes = [size for size in array.shape if size != 1]
    return len(set(sizes)) == len(sizes)


@contextmanager
def started(folder: Path) -> Iterator[Counted]:
    """Start a worker with a submission, without compilation."""
    with IsolatedSubject(folder, environment={"NUMBA_DISABLE_JIT": "1"}) as worker:
        yield Counted(worker)


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--every", default=4, help="Take one mutant of N.", show_default=True)
@click.option("-k", "expression", default="", help="Take mutants whose name has this text.")
def main(every: int, expression: str) -> None:
    """Print the reported inputs of a sample of mutants, and count the simple ones."""
    plain = [each for each in MUTANTS if not (each.compiled or each.simulated)]
    sample = [each for each in plain if not each.task.endswith(".5")][::every]
    distinct = sizes = caught = requests = 0
    for mutant in sample:
        if expression not in str(mutant):
            continue
        with tempfile.TemporaryDirectory() as folder:
            tree = make_tree(Path(folder), mutant.rewrites)
            with started(tree) as subject:
                failure = first_failure(
                    mutant.task, subject, mutant.check, mutant.advice, mutant.group
                )
                requests += subject.requests
        if failure is None or failure.finding is None:
            click.echo(f"{mutant}: not caught\n")
            continue
        caught += 1
        request = failure.finding.request
        is_distinct = is_small_distinct(numbers_of(request))
        is_sized = all(map(has_distinct_sizes, request.arrays))
        distinct += is_distinct
        sizes += is_sized
        signs = f"{'+' if is_distinct else '-'}{'+' if is_sized else '-'}"
        click.echo(f"{signs} {mutant}, {failure.check}, {subject.requests} requests\n{request}\n")
    click.echo(
        f"{plural(caught, 'input')}: {distinct} of small distinct integers without 0, {sizes} with "
        f"different sizes in different dimensions; {requests} requests"
    )


if __name__ == "__main__":
    main()
