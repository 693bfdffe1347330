"""Answers of the code under test with small changes, for the search of a correction.

The judge writes many changes of the submission into its files (`grading.correction.schema`). The
code in these files reads `selected`, so one worker tries all changes.
"""

import math
import signal
from dataclasses import dataclass
from typing import NoReturn

import numpy as np

import grading.driver
from grading.driver.family import Family
from grading.protocol.messages import Array, Plain, Request, Response

family = Family()

MOST_SECONDS = 0.3
"""Processor time of one change: for loops that do not count their passes, in seconds."""


@dataclass
class Selection:
    """The change that is in effect.

    Attributes:
        site: The number of the place in the code; 0 for the unchanged code.
        number: The number of the change at this place.
        steps: The number of passes of loops that are left to it.
    """

    site: int = 0
    number: int = 0
    steps: float = math.inf


selected = Selection()


class EndlessError(Exception):
    """The changed code does not end."""


def _stop(signal_number: int, frame: object) -> NoReturn:
    """End a change that takes too long."""
    raise EndlessError


def count_step() -> None:
    """Count a pass of a loop.

    Raises:
        EndlessError: No pass is left.
    """
    selected.steps -= 1
    if selected.steps < 0:
        raise EndlessError


@family.operation
def answers(request: Request) -> Response:
    """Answer a request once with each of some changes.

    Options: `operation` and `options` of the request, `changes` as pairs of site and number, and
    `steps`, the number of passes of loops of each change.

    Returns:
        All results and all gradients, in the order of the changes, and for each change the number
        of its results, for each gradient whether there is one, and its plain value; or the names
        of the exception's class and of its bases.
    """
    options = request.options
    arrays: list[Array] = []
    gradients: list[Array] = []
    found: list[Plain] = []
    signal.signal(signal.SIGVTALRM, _stop)
    for selected.site, selected.number in options["changes"]:
        selected.steps = options["steps"]
        # A change may write to the operands.
        operands = tuple(np.copy(array, order="K") for array in request.arrays)
        again = Request(options["operation"], operands, options["options"], request.upstream)
        try:
            # The unchanged code comes first and imports modules, which takes longer.
            signal.setitimer(signal.ITIMER_VIRTUAL, MOST_SECONDS if selected.site else 0.0)
            response = grading.driver.perform(again)
            signal.setitimer(signal.ITIMER_VIRTUAL, 0.0)
        except BaseException as error:  # A change may call `exit`.
            signal.setitimer(signal.ITIMER_VIRTUAL, 0.0)
            found.append({"kinds": [kind.__name__ for kind in type(error).__mro__]})
            continue
        arrays += response.arrays
        gradients += [each for each in response.gradients if each is not None]
        there = [each is not None for each in response.gradients]
        found.append({"arrays": len(response.arrays), "gradients": there, "plain": response.plain})
    selected.site, selected.steps = 0, math.inf
    return Response(request, tuple(arrays), tuple(gradients), found)
