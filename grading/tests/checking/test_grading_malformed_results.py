"""Results of any shape are failures of a check, never errors of the grader."""

from collections.abc import Callable

import numpy as np
import pytest

from grading.driver.in_process import InProcessSubject
from grading.protocol.messages import Array, Request, Response, Subject
from grading.tests.running import case_failure, cases_of, checks_of

CHANGES: dict[str, Callable[[Array], Array]] = {
    "one dimension": lambda array: array.reshape(-1),
    "one more dimension": lambda array: array[None],
    "no elements": lambda array: np.zeros(0),
}


class Reshaped(Subject):
    """The packages, with results of other shapes in training, in evaluation, or in both."""

    def __init__(self, change: Callable[[Array], Array], modes: set[bool]) -> None:
        self.change = change
        self.modes = modes
        self.packages = InProcessSubject()

    def answer(self, request: Request) -> Response:
        answer = self.packages.answer(request)
        if bool(request.options.get("train")) not in self.modes:
            return answer
        arrays = tuple(map(self.change, answer.arrays))
        return Response(request, arrays, answer.gradients, answer.plain)


@pytest.mark.parametrize("task", ["5.1", "5.2", "5.3", "5.4", "5.5", "6.1", "6.2"])
@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_results_of_other_shapes(task: str, change: Callable[[Array], Array]) -> None:
    failed = set()
    for check in checks_of(task):
        if check.__name__ == "test_loss_on_text":
            continue
        for _, parameters in cases_of(check):
            for modes in ({False, True}, {True}):
                # An exception that is not the submission's fault is raised here.
                if case_failure(check, parameters, Reshaped(change, modes), examples=1):
                    failed.add(check.__name__)
    assert failed
