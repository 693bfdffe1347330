"""Submissions in the course's own layout: what is right passes, what is absent is not there."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings

from grading.driver.in_process import InProcessSubject
from grading.isolation import IsolatedSubject, Limits
from grading.judge import session
from grading.judge.records import Status, TaskResult
from grading.judge.remarks import SENTENCES, repairs
from grading.judge.run import Plan, judge
from grading.judge.subjects import Subjects, starter
from grading.paths import ROOT
from grading.protocol.messages import Array, Plain, Request, Response, Subject, SubjectError
from grading.submissions.submission import Submission
from grading.tasks.table import table
from grading.tests.upstream_trees import (
    EDITIONS,
    SIGNATURES,
    WITHOUT_SCALARS,
    Edition,
    needing,
    write_upstream,
)


@pytest.mark.parametrize("edition", EDITIONS)
@pytest.mark.parametrize("module", range(4))
def test_a_tree_ends_with_its_module(tmp_path: Path, edition: Edition, module: int) -> None:
    submission = Submission.at(write_upstream(tmp_path, edition, module))
    for task in table().tasks:
        if task.upstream and task.device == "cpu" and task.id != "0.2":
            assert bool(submission.missing(task.upstream)) == (task.module > module), task.id


@pytest.fixture(scope="module", params=EDITIONS)
def subject(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[IsolatedSubject]:
    tree = write_upstream(tmp_path_factory.mktemp("upstream"), request.param, 4)
    worker = IsolatedSubject(Submission.at(tree))
    yield worker
    worker.end_worker()


def test_repairs_of_the_template_are_made_once_and_reported(subject: IsolatedSubject) -> None:
    images = np.arange(24.0).reshape(1, 1, 4, 6)
    upstream = np.arange(4.0).reshape(1, 1, 2, 2)
    options = {"kernel": [2, 3], "backend": "simple"}
    answer = subject.call("nn.avgpool2d", [images], options, upstream)
    spread = np.repeat(np.repeat(upstream, 2, axis=2), 3, axis=3) / 6
    gradient = answer.gradients[0]
    assert gradient is not None and bool(np.allclose(gradient, spread))
    assert subject.call("repairs.repaired").plain == ["View.backward"]


class Worker(Subject):
    """Names repairs."""

    def __init__(self, names: Plain) -> None:
        self.names = names

    def answer(self, request: Request) -> Response:
        assert request.operation == "repairs.repaired"
        if self.names is None:
            raise SubjectError(["ImportError"], "no", request)
        return Response(request, plain=self.names)


class Workers(Subjects):
    """Workers that name repairs."""

    def __init__(self, *names: Plain) -> None:
        super().__init__(starter(Submission.at(ROOT)))
        self.names = names

    def running(self) -> list[Subject]:
        return [Worker(names) for names in self.names]


def test_only_known_repairs_are_reported_once() -> None:
    view, sentence = "View.backward", SENTENCES["View.backward"]
    made_up = Workers(None, "View.backward", 7, [[view], "30 of 30 points", 1.5])
    assert repairs(made_up) == ()
    both = Workers([view], [view])
    assert repairs(both) == (sentence,)
    assert repairs(both, known=[sentence]) == ()


def test_packages_are_not_repaired() -> None:
    packages = InProcessSubject()

    packages.call("tensor.view", [np.zeros((2, 3))], {"shape": [3, 2]}, np.ones((3, 2)))
    assert packages.call("repairs.repaired").plain == []


def test_a_broken_file_costs_the_tasks_that_need_it(tmp_path: Path) -> None:
    """Its `__init__` imports all of it, and what it comes to before the broken file is there."""
    broken = ("minitorch/fast_conv.py", '"""Convolutions."""', '"""Convolutions."""\ndef :')
    tree = write_upstream(tmp_path, "2024", 4, [broken])
    images = np.ones((1, 1, 2, 2))
    with IsolatedSubject(Submission.at(tree)) as worker:
        for _ in range(2):
            answer = worker.call("operators.each", [np.array([2.0])], {"formula": "neg"})
            assert answer.array.tolist() == [-2.0]
            assert worker.call("tensor.neg", [images]).array.tolist() == (-images).tolist()
            with pytest.raises(SubjectError, match="invalid syntax"):
                worker.call("tensor.conv2d", [images, images], {"backend": "fast"})


LIST_FUNCTIONS: dict[str, tuple[list[list[float]], dict[str, Plain], Plain]] = {
    "map": ([[1.0, 2.5]], {"fn": "double"}, [2.0, 5.0]),
    "zipWith": ([[1.0, 2.5], [4.0, 2.0]], {"fn": "difference"}, [-3.0, 0.5]),
    "reduce": ([[1.0, 4.0]], {"fn": "middle", "start": 3.0}, 3.0),
    "negList": ([[1.0, -2.5]], {}, [-1.0, 2.5]),
    "sum": ([[]], {}, 0.0),
    "prod": ([[2.0, -3.0]], {}, -6.0),
}


@pytest.mark.measured("style")
@pytest.mark.parametrize(
    "signature", SIGNATURES, ids=[f"0.3: {signature}" for signature in SIGNATURES]
)
def test_list_functions_of_any_signature(tmp_path: Path, signature: str) -> None:
    tree = write_upstream(tmp_path, "2024", 0, changes=SIGNATURES[signature])
    with IsolatedSubject(Submission.at(tree)) as worker:
        for name, (lists, options, expected) in LIST_FUNCTIONS.items():
            operands = [np.array(each) for each in lists]
            answer = worker.call("operators.lists", operands, {"function": name, **options})
            assert answer.array.tolist() == expected, name
        # Without elements, the start is the result; 0 is a start as well.
        for start in (2.5, 0.0):
            options = {"function": "reduce", "fn": "middle", "start": start}
            assert worker.call("operators.lists", [np.zeros(0)], options).array == start


def test_a_failing_reduce_reports_its_exception(tmp_path: Path) -> None:
    broken = ("minitorch/operators.py", "        total = fn(total, x)", "        total = x / 0.0")
    tree = write_upstream(tmp_path, "2024", 0, [broken])
    with IsolatedSubject(Submission.at(tree)) as worker:
        options = {"function": "reduce", "fn": "middle", "start": 1.0}
        with pytest.raises(SubjectError, match="division by zero"):
            worker.call("operators.lists", [np.ones(1)], options)


def judged(tree: Path, *names: str) -> dict[str, TaskResult]:
    """Judge some tasks of a tree, without their speed."""
    tasks = table().select(names)
    report = judge(Plan(Submission.at(tree), tasks, seed=1, speed=False), table())
    assert report.errors == ()
    return {task.id: task for task in report.tasks}


@pytest.mark.parametrize("edition", EDITIONS)
def test_files_that_a_task_does_not_need_may_be_absent(tmp_path: Path, edition: Edition) -> None:
    tree = write_upstream(tmp_path, edition, 2, without=WITHOUT_SCALARS)
    (tree / "minitorch" / "optim.py").unlink()
    (tree / "minitorch" / "__init__.py").write_text("from .tensor import *\n", encoding="utf-8")
    results = judged(tree, "1.2", "2.1", "2.2")
    statuses = {name: result.status for name, result in results.items()}
    assert statuses == {"1.2": Status.NOT_THERE, "2.1": Status.PASSED, "2.2": Status.PASSED}


@pytest.mark.parametrize("edition", EDITIONS)
def test_the_order_of_imports_does_not_matter(tmp_path: Path, edition: Edition) -> None:
    """A starter imports files of earlier modules that were not copied into it."""
    tree = write_upstream(tmp_path, edition, 2, without=WITHOUT_SCALARS)
    package = tree / "minitorch" / "__init__.py"
    given = package.read_text(encoding="utf-8")
    package.write_text(f"from .scalar import *\n{given}from .nn import *\n", encoding="utf-8")
    with IsolatedSubject(Submission.at(tree)) as worker:
        x = np.arange(6.0).reshape(2, 3)
        answer = worker.call("tensor.permute", [x], {"order": [1, 0]}, np.ones((3, 2)))
        assert answer.array.tolist() == x.T.tolist()
        with pytest.raises(SubjectError, match=r"No module named 'minitorch.scalar'"):
            worker.call("scalar.program", options={"program": [["neg", 0]], "inputs": [1.0]})


def test_an_absent_module_does_not_affect_others(tmp_path: Path) -> None:
    """A starter of module 2 with the files of module 1 only."""
    tree = write_upstream(tmp_path, "2022", 1)
    with (tree / "minitorch" / "__init__.py").open("a", encoding="utf-8") as package:
        package.write("from .tensor_data import *\nfrom .tensor import *\n")
    statuses = {name: task.status for name, task in judged(tree, "1.1", "1.3", "2.1").items()}
    assert statuses == {"1.1": Status.PASSED, "1.3": Status.PASSED, "2.1": Status.NOT_THERE}


def test_a_package_that_is_not_installed_is_named(tmp_path: Path) -> None:
    package = "a_package_of_the_learners_own"
    tree = write_upstream(tmp_path, "2022", 0, [needing(package)], requirements=[package])
    (result,) = judged(tree, "0.4").values()
    assert result.status is Status.FAILED
    assert result.checks[0].fault is not None
    assert package in result.checks[0].fault.sentence


@pytest.mark.slow
@pytest.mark.parametrize("edition", EDITIONS)
def test_modules_0_and_1_of_every_edition_are_judged(
    tmp_path: Path, edition: Edition, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Functions are found and called by the names and in the ways of each edition."""
    few = settings(session.PROFILE, max_examples=10)
    monkeypatch.setattr("grading.judge.session.PROFILE", few)
    tree = write_upstream(tmp_path, edition, 1)
    results = judged(tree, "0.1", "0.2", "0.3", "0.4", "1.1", "1.2", "1.3", "1.4")
    others = {name for name, result in results.items() if result.points != result.max_points}
    assert others == set()


@pytest.mark.slow
@pytest.mark.parametrize("edition", EDITIONS)
def test_kernels_of_a_gpu_in_the_course_layout(tmp_path: Path, edition: Edition) -> None:
    submission = Submission.at(write_upstream(tmp_path, edition, 4, cuda=True))
    # The checks of 3.3 and 3.4 start a thousand threads again and again: see the `long` test.
    tasks = (table().task("4.4b"),)
    report = judge(Plan(submission, tasks, seed=1, simulate=True), table())
    assert report.errors == ()
    (task,) = report.tasks
    assert (task.status, task.points, task.simulated) == (Status.PASSED, 10, True)


@pytest.mark.slow
def test_a_missing_barrier_in_the_course_layout_is_named(tmp_path: Path) -> None:
    barrier = "        cuda.syncthreads()\n        for k in range(BLOCK_DIM):"
    change = ("minitorch/cuda_ops.py", barrier, barrier.partition("\n")[2])
    tree = write_upstream(tmp_path, "2024", 3, [change], cuda=True)
    with IsolatedSubject(
        Submission.at(tree),
        environment={"NUMBA_ENABLE_CUDASIM": "1"},
        limits=Limits(processes=2000),
    ) as worker:
        a, b = np.ones((2, 3)), np.ones((3, 2))
        with pytest.raises(SubjectError, match=r"threads .* of block .* a_shared\[.*no barrier"):
            worker.call("tensor.matmul", [a, b], {"backend": "cuda"})


def test_the_template_reduces_its_partial_results(tmp_path: Path) -> None:
    """The course's reduction stops after one round of 1024 elements."""
    tree = write_upstream(tmp_path, "2024", 3, cuda=True)
    with IsolatedSubject(
        Submission.at(tree),
        environment={"NUMBA_ENABLE_CUDASIM": "1"},
        limits=Limits(processes=2000),
    ) as worker:
        x = np.arange(1030.0).reshape(1, 1030)
        answer = worker.call("tensor.sum", [x], {"backend": "cuda", "dim": 1})
        assert answer.array.tolist() == [[x.sum()]]
        assert worker.call("repairs.repaired").plain == ["CudaOps.reduce"]


@pytest.mark.long
def test_all_tasks_of_a_gpu_in_the_course_layout(tmp_path: Path) -> None:
    submission = Submission.at(write_upstream(tmp_path, "2024", 4, cuda=True))
    tasks = tuple(task for task in table().tasks if task.device == "cuda")
    report = judge(Plan(submission, tasks, seed=1, simulate=True), table())
    assert {task.status for task in report.tasks} == {Status.PASSED}


@pytest.mark.long
@pytest.mark.parametrize("edition", EDITIONS)
def test_networks_of_every_edition_are_trained(tmp_path: Path, edition: Edition) -> None:
    rng = np.random.default_rng(1)
    points = rng.uniform(0, 1, (3, 5, 2)), rng.integers(0, 2, (3, 5)).astype(float)
    digits = rng.uniform(0, 1, (1, 16, 1, 28, 28)), rng.integers(0, 10, (1, 16)).astype(float)
    words = rng.integers(0, 20, (2, 3, 7)).astype(float), np.array([[0.0, 1.0, 1.0]] * 2)
    cases: dict[str, tuple[tuple[Array, Array], dict[str, Plain], tuple[int, ...]]] = {
        "scalar": (points, {"hidden": 4}, ()),
        "simple": (points, {"hidden": 4}, ()),
        "fast": (points, {"hidden": 4}, ()),
        "digits": (digits, {}, (10,)),
        "sentences": (words, {"maps": 4}, ()),
    }
    tree = write_upstream(tmp_path, edition, 4)
    with IsolatedSubject(Submission.at(tree)) as worker:
        for problem, ((inputs, labels), options, outputs) in cases.items():
            tables = [rng.uniform(-1, 1, (20, 50))] if problem == "sentences" else []
            worker.call(
                "learn.begin", tables, {"problem": problem, "rate": 0.01, **options, "seed": 1}
            )
            losses = worker.call("learn.steps", [inputs, labels, np.ones(len(inputs))]).array
            assert np.isfinite(losses).all() and (losses > 0).all(), problem
            predicted = worker.call("learn.predict", [inputs]).array
            assert predicted.shape == (*labels.shape, *outputs), problem
            assert (
                (predicted < 0).all() if outputs else ((predicted > 0) & (predicted < 1)).all()
            ), problem


SCRIPTS = ("run_mnist_multiclass", "run_sentiment")


@pytest.mark.long
@pytest.mark.parametrize("script", SCRIPTS)
def test_a_script_of_the_course_runs_unmodified(tmp_path: Path, script: str) -> None:
    tree = write_upstream(tmp_path, "2024", 4)
    done = subprocess.run(
        [sys.executable, "-P", "-m", "minitorch.course_scripts", f"project/{script}.py"],
        cwd=tree,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert re.search(r"Epoch 1,? loss [\d.]+", done.stdout)


@pytest.mark.long
@pytest.mark.parametrize(
    ("edition", "module"), [("2021", 4), ("2022", 4), ("2024", 4), ("2024", 2)]
)
def test_a_correct_tree_passes(tmp_path: Path, edition: Edition, module: int) -> None:
    """Every task that is there passes, and every other task is not there."""
    tree = write_upstream(tmp_path, edition, module)
    # Networks are trained below.
    names = [task.id for task in table().tasks if not task.id.endswith(".5")]
    results = judged(tree, *names)
    for task in (table().task(name) for name in names):
        there = task.module <= module and task.device == "cpu"
        expected = Status.PASSED if there else Status.NOT_THERE
        result = results[task.id]
        assert (result.status, result.points) == (expected, task.points if there else None), task.id
    # A repair is told once.
    remarks = [remark for task in results.values() for remark in task.remarks]
    assert remarks == [SENTENCES["View.backward"]]


@pytest.mark.long
@pytest.mark.parametrize("edition", EDITIONS)
def test_networks_of_a_correct_tree_exceed_the_required_accuracy(
    tmp_path: Path, edition: Edition
) -> None:
    tree = write_upstream(tmp_path, edition, 4)
    tasks = tuple(task for task in table().tasks if task.accuracy)
    report = judge(Plan(Submission.at(tree), tasks, seed=1), table())
    assert report.errors == ()
    assert {task.id: task.status for task in report.tasks} == {
        task.id: Status.PASSED for task in tasks
    }
    measured = [each for task in report.tasks for each in task.measurements if each.least]
    assert len(measured) == sum(len(task.accuracy) for task in tasks)
    for each in measured:
        assert each.of and each.least and each.value
        assert each.value >= each.least + 0.03 * each.of, each
