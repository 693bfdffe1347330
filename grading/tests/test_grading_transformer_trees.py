"""Trees of the courses that assign a transformer, in their layout, are judged without a GPU."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from grading.isolation import IsolatedSubject, Limits
from grading.protocol.messages import Subject, SubjectError
from grading.submissions.submission import Submission
from grading.tasks.table import table
from grading.tests.running import case_failure, cases_of, checks_of
from grading.tests.transformer_trees import KERNELS, YEARS, write_tree
from grading.tests.upstream_trees import Change

TRAINING = "test_loss_on_text"

BASIC = "minitorch/modules_basic.py"
TRANSFORMER = "minitorch/transformer.py"

ATTENTION = ("5.4", "test_attention_of_heads_and_gradients")
NETWORK = ("5.5", "test_network_of_each_position_and_gradients")


@contextmanager
def worker_for(tree: Path) -> Iterator[Subject]:
    """Yield a tree in a worker, without compiled kernels."""
    environment = {"NUMBA_DISABLE_JIT": "1"}
    limits = Limits(memory_mb=4000)
    with IsolatedSubject(Submission.at(tree), environment=environment, limits=limits) as worker:
        yield worker


def failing(subject: Subject, task: str, examples: int = 3) -> list[str]:
    """Return the required checks of a task that fail."""
    required = table().task(task).checks.required
    return [
        f"{check.__name__}: {error}"
        for check in checks_of(task)
        if check.__name__ in required and check.__name__ != TRAINING
        for case, parameters in cases_of(check)
        if (error := case_failure(check, parameters, subject, examples)) is not None
    ]


def failure(tree: Path, task: str, name: str) -> BaseException | None:
    """Return what a check of a task raises for a tree."""
    (check,) = [each for each in checks_of(task) if each.__name__ == name]
    with worker_for(tree) as subject:
        return case_failure(check, cases_of(check)[0][1], subject, 3)


@pytest.mark.slow
@pytest.mark.parametrize("year", YEARS)
def test_a_right_tree_of_each_year_passes(year: str, tmp_path: Path) -> None:
    # The other years differ in names of 5.2 and 5.4, and in the file of 5.4 and 5.5.
    tasks = ("5.1", "5.2", "5.3", "5.4", "5.5") if year == "2026" else ("5.2", "5.4")
    with worker_for(write_tree(tmp_path / "tree", year)) as subject:
        assert {task: failing(subject, task) for task in tasks} == {task: [] for task in tasks}


@pytest.mark.slow
def test_a_right_tree_without_kernels_passes(tmp_path: Path) -> None:
    with worker_for(write_tree(tmp_path, own_kernels=False)) as subject:
        assert [failing(subject, task) for task in ("5.1", "5.4")] == [[], []]


def test_the_functions_of_a_tree_are_found(tmp_path: Path) -> None:
    for year in YEARS:
        submission = Submission.at(write_tree(tmp_path / year, year))
        for task in table().in_module(5):
            assert submission.missing(task.upstream) == ()
            named = submission.named(task.upstream)
            assert len(submission.locations(task.upstream)) == len(named) == len(task.holes)


WRONG_CALLS: dict[str, tuple[Change, str]] = {
    "strides of the output for the input": (
        (KERNELS, "*layout(a),", "layout(a)[0],\n                layout(out)[1],"),
        "KernelArgumentError",
    ),
    "shape and strides exchanged": (
        (
            KERNELS,
            "return t._tensor._shape.astype(np.int32), t._tensor._strides.astype(np.int32)",
            "return t._tensor._strides.astype(np.int32), t._tensor._shape.astype(np.int32)",
        ),
        "KernelArgumentError",
    ),
    "strides of int64": (
        (KERNELS, "t._tensor._strides.astype(np.int32)", "t._tensor._strides"),
        "ArgumentError",
    ),
    "operands of a product exchanged": (
        (
            KERNELS,
            "            a._tensor._storage,\n            *layout(a),\n            b._tensor",
            "            b._tensor._storage,\n            *layout(b),\n            b._tensor",
        ),
        "MismatchError",
    ),
    "rows and columns of a product exchanged": (
        (
            KERNELS,
            "            a.shape[1],\n            b.shape[2],\n",
            "            b.shape[2],\n            a.shape[1],\n",
        ),
        "KernelArgumentError",
    ),
    "a product without contiguous operands": (
        (KERNELS, "a = a.contiguous().view(int(", "a = a.view(int("),
        "AssertionError",
    ),
    "another dimension of a sum": (
        (KERNELS, "                dim,\n", "                len(a.shape) - 1 - dim,\n"),
        "KernelArgumentError",
    ),
    "numbers of exp and inv exchanged": (
        (KERNELS, "operators.exp: 12", "operators.exp: 13"),
        "MismatchError",
    ),
    "arguments without a declaration": (
        (
            KERNELS,
            "            lib.tensorMap.argtypes = [*ARRAY, INT, *ARRAY, INT, INT, INT]\n",
            "",
        ),
        "ArgumentError",
    ),
    "an array of float64": (
        (BASIC, "np.ascontiguousarray(array, np.float32)", "np.asarray(array, np.float64)"),
        "ArgumentError",
    ),
}
"""Wrong calls of the kernels: a change of a tree, and the exception that it causes."""


@pytest.mark.slow
@pytest.mark.parametrize("name", WRONG_CALLS)
def test_a_wrong_call_of_the_kernels_fails(name: str, tmp_path: Path) -> None:
    change, kind = WRONG_CALLS[name]
    error = failure(write_tree(tmp_path, changes=[change]), *ATTENTION)
    found = {type(error).__name__, *(error.kinds if isinstance(error, SubjectError) else ())}
    assert kind in found, error


THREE_TIMES_TWO: tuple[Change, ...] = (
    (
        BASIC,
        "        batch, in_size = x.shape\n        y = x.view(batch, in_size) @ "
        "self.weights.value.view(in_size, self.out_size)\n",
        "        y = x @ self.weights.value\n",
    ),
    (BASIC, "self.bias.value.view(1, self.out_size)", "self.bias.value"),
    (
        TRANSFORMER,
        "GELU(self.linear_in(x.contiguous().view(bs * seq, n)))",
        "GELU(self.linear_in(x))",
    ),
)
"""Changes by which a network multiplies a batch of matrices by one matrix."""


@pytest.mark.slow
def test_products_of_unequal_batches_fail_on_the_kernels_of_a_tree(tmp_path: Path) -> None:
    with_kernels = write_tree(tmp_path / "with", changes=THREE_TIMES_TWO)
    error = failure(with_kernels, *NETWORK)
    assert isinstance(error, SubjectError) and "AssertionError" in error.kinds
    without = write_tree(tmp_path / "without", own_kernels=False, changes=THREE_TIMES_TWO)
    assert failure(without, *NETWORK) is None


def test_torch_is_an_empty_module(tmp_path: Path) -> None:
    """A tree that computes with torch fails."""
    tree = write_tree(tmp_path)
    with (tree / "minitorch" / "nn.py").open("a", encoding="utf-8") as nn:
        nn.write(
            "\n\ndef one_hot(input, num_classes):\n    import torch\n\n    return torch.eye(3)\n"
        )
    error = failure(tree, "5.1", "test_one_hot_rows")
    assert isinstance(error, SubjectError)
    assert "AttributeError" in error.kinds
