"""The code under test, as fixtures. Whoever judges something else replaces these."""

from collections.abc import Iterator

import pytest

from grading.in_process import InProcessSubject
from grading.other_process import OtherProcessSubject
from grading.subject import Subject, SubjectError

NOT_JUDGED = "not judged here: "


@pytest.fixture(scope="session")
def subject() -> Subject:
    """The packages of this environment."""
    return InProcessSubject()


@pytest.fixture(scope="session", params=["gpu", pytest.param("simulator", marks=pytest.mark.slow)])
def cuda_subject(request: pytest.FixtureRequest) -> Iterator[Subject]:
    """The packages on a GPU, or in a process of their own on numba's simulator.

    Only the simulator says which: checks that hold it to tiny sizes need not ask.
    """
    if request.param == "gpu":
        here = InProcessSubject()
        _skip_unless_available(here, "there is no GPU; -m 'TASK and slow' simulates one")
        yield here
        return
    with OtherProcessSubject({"NUMBA_ENABLE_CUDASIM": "1"}) as simulated:
        _skip_unless_available(simulated, "there is no simulator")
        yield simulated


def _skip_unless_available(subject: Subject, otherwise: str) -> None:
    """Skip if the submission has no GPU code, or nothing to run it on."""
    try:
        available = subject.call("cuda.available").plain
    except SubjectError as error:
        if "ImportError" not in error.kinds:
            raise
        pytest.skip(f"{NOT_JUDGED}the submission has no cuda_ops")
    if not available:
        pytest.skip(NOT_JUDGED + otherwise)
