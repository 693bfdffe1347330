"""Attacks that claim properties of a kernel which its source does not have.

The process of the submission can forge every claim, so the judge does not use its claims. Right
code beside an attack keeps its points.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from grading.checking.compare import MismatchError
from grading.checking.oracles.convolution import conv
from grading.checking.products import random_case
from grading.checking.sources import check_is_called, check_is_parallel, check_iterations
from grading.isolation import IsolatedSubject
from grading.protocol.messages import Array, Plain, Subject
from grading.submissions.forbidden import forbidden_uses
from grading.submissions.submission import Submission
from grading.tasks.table import table
from grading.tests.attacks.kernels import NOT_PARALLEL, RACING, REPLACED, Attack

Check = Callable[[Subject, Plain, Array, list[Array], Array], None]

SIZES = {"tensor_conv1d": ((3, 4, 6), (5, 4, 3)), "tensor_conv2d": ((3, 3, 4, 3), (4, 3, 2, 2))}


@contextmanager
def submitted(attack: Attack, folder: Path) -> Iterator[IsolatedSubject]:
    with IsolatedSubject(attack.write(folder)) as subject:
        yield subject


def run(check: Check, subject: Subject, kernel: str = "tensor_conv1d") -> str:
    """Run a check of a kernel; return its finding, or an empty string if it passes."""
    x, weight, upstream = random_case(*SIZES[kernel])
    options = {"module": "fast_conv", "kernel": kernel, "more": [False]}
    try:
        check(subject, options, np.zeros(upstream.shape), [x, weight], conv(x, weight))
    except MismatchError as error:
        return error.finding.sentence
    return ""


@pytest.mark.parametrize("attack", NOT_PARALLEL.values(), ids=NOT_PARALLEL)
@pytest.mark.measured("attack")
def test_a_main_loop_that_is_not_parallel(tree: Path, attack: Attack) -> None:
    with submitted(attack, tree) as subject:
        assert "not parallel" in run(check_is_parallel, subject)
        beside = run(check_is_parallel, subject, "tensor_conv2d")
    assert ("not parallel" in beside) == attack.both


@pytest.mark.parametrize("attack", RACING.values(), ids=RACING)
@pytest.mark.measured("attack")
def test_races_that_rarely_change_results(tree: Path, attack: Attack) -> None:
    with submitted(attack, tree) as subject:
        assert "iteration" in run(check_iterations, subject)
        assert run(check_iterations, subject, "tensor_conv2d") == ""


@pytest.mark.slow
@pytest.mark.parametrize("attack", REPLACED.values(), ids=REPLACED)
@pytest.mark.measured("attack")
def test_kernels_replaced_at_import(tree: Path, attack: Attack) -> None:
    with submitted(attack, tree) as subject:
        message = run(check_is_called, subject)
    reasons = (
        "without the submission",
        "does not come from",
        "cannot be removed",
        "does not show which function",
    )
    assert any(reason in message for reason in reasons), message


@pytest.mark.slow
def test_the_packages_pass_all_checks_of_kernels(tree: Path) -> None:
    with submitted(Attack(), tree) as subject:
        for kernel in SIZES:
            for check in (check_is_parallel, check_iterations, check_is_called):
                assert run(check, subject, kernel) == ""


def test_unrelated_functions_in_the_file_cost_nothing(tree: Path) -> None:
    """A product by NumPy in the file for the GPU, and the course's own comparison with PyTorch."""
    Attack(
        files={
            "minitorch/cuda_ops.py": "import numpy\n\nprint(numpy.matmul([1], [2]))\n",
            "project/run_torch.py": "import torch\n\n\nclass Network(torch.nn.Module): ...\n",
        }
    ).write(tree)
    submission = Submission.at(tree)
    for task in table().tasks:
        if task.device == "cpu":
            assert forbidden_uses(submission, task.upstream, task.forbidden) == {}, task.id
