"""Fixtures with the code under test, and pytest options to select it.

`hatch run grade` and `hatch run pytest -m task4_2` run the same checks with the same fixtures: the
grader passes its workers, plain pytest starts them here.
"""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from hypothesis import settings

from grading.hand_ins.opening import opened
from grading.judge import options
from grading.judge.draws import draws_from_seed_only
from grading.judge.recorder import NOT_JUDGED
from grading.judge.subjects import SUBJECTS, Device, Subjects, starter
from grading.protocol.messages import Subject, SubjectError
from grading.submissions.submission import Submission, SubmissionError
from grading.tasks.table import table

# It imports a package of the environment `similar`.
collect_ignore = ["similar/measure.py"]


def pytest_addoption(parser: pytest.Parser, pluginmanager: pytest.PytestPluginManager) -> None:
    """Add the options, unless the plugin did so."""
    if not pluginmanager.has_plugin(options.NAME):
        options.pytest_addoption(parser)


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Make inputs depend on `--seed` only, as in the grader, without saved failures."""
    seed = config.getoption("--seed")
    if seed is not None:
        config.option.hypothesis_seed = str(seed)
        settings.register_profile("seeded", settings.default, database=None, derandomize=False)
        settings.load_profile("seeded")
        drawing = ExitStack()
        drawing.enter_context(draws_from_seed_only())
        config.add_cleanup(drawing.close)


@pytest.fixture(scope="session")
def submission(request: pytest.FixtureRequest) -> Iterator[Submission]:
    """The submission with the code under test, for checks that only read it.

    Of several homeworks in a hand-in, the marks of the collected checks decide.
    """
    marks = {mark.name for item in request.session.items for mark in item.iter_markers()}
    tasks = [task for task in table().tasks if task.marker in marks]
    path = Path(request.config.getoption("--submission"))
    try:
        with opened([path], tasks, table()) as hand_in:
            yield hand_in.submission
    except SubmissionError as error:
        raise pytest.UsageError(str(error)) from None


@pytest.fixture(scope="session")
def subjects(request: pytest.FixtureRequest) -> Iterator[Subjects]:
    """The workers of this run."""
    pytestconfig = request.config
    if SUBJECTS in pytestconfig.stash:
        yield pytestconfig.stash[SUBJECTS]
        return
    submission: Submission = request.getfixturevalue("submission")
    with Subjects(starter(submission), pytestconfig.getoption("--simulate")) as workers:
        yield workers


@pytest.fixture(autouse=True)
def _new_check(request: pytest.FixtureRequest) -> None:
    """Begin a check, with a new count of lost workers."""
    if "subjects" in request.fixturenames:
        request.getfixturevalue("subjects").begin_check()


@pytest.fixture(scope="session")
def subject(subjects: Subjects) -> Subject:
    """The code under test."""
    return subjects.on("cpu")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Parametrize the checks of CUDA tasks: on a GPU, or on the simulator with `--simulate`."""
    if "cuda_subject" not in metafunc.fixturenames:
        return
    stash = metafunc.config.stash
    judged = stash[SUBJECTS].simulate if SUBJECTS in stash else None
    if judged or metafunc.config.getoption("--simulate"):
        devices = [pytest.param("simulator")]
    else:
        devices = [pytest.param("gpu")]
        if judged is None:
            devices.append(pytest.param("simulator", marks=pytest.mark.slow))
    metafunc.parametrize("cuda_subject", devices, indirect=True, scope="session")


@pytest.fixture(scope="session")
def cuda_subject(request: pytest.FixtureRequest, subjects: Subjects) -> Subject:
    """The code under test on a GPU, or on numba's simulator."""
    device: Device = request.param
    subject = subjects.on(device)
    try:
        available = subject.call("cuda.available").plain
    except SubjectError as error:
        if "ImportError" not in error.kinds:
            raise
        pytest.skip(f"{NOT_JUDGED}the submission has no cuda_ops")
    if not available:
        missing = "there is no GPU; --simulate runs these checks on numba's simulator"
        if device == "simulator":
            missing = "there is no simulator"
        pytest.skip(NOT_JUDGED + missing)
    return subject
