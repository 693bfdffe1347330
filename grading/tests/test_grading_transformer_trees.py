"""Trees of the courses that assign a transformer, in their layout, are judged without a GPU."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from grading.isolation import IsolatedSubject, Limits
from grading.protocol.messages import Subject, SubjectError
from grading.submissions.submission import Submission
from grading.tasks.table import table
from grading.tests.course_styles import restyled
from grading.tests.running import case_failure, cases_of, checks_of
from grading.tests.upstream_trees import HERE, write_upstream

TRAINING = "test_loss_on_text"

SPELLINGS: dict[str, tuple[str, dict[str, str]]] = {
    "2026": ("transformer", {}),
    "2025": ("modules_transfomer", {"v_projection": "v_project"}),
    "2024": ("modules_transformer", {"v_projection": "v_project"}),
}
"""For each year, the file with the transformer, and names that differ."""


def write_tree(folder: Path, year: str) -> Path:
    """Write a right submission whose template imports torch."""
    write_upstream(folder, "2022", 4)
    name, renamed = SPELLINGS[year]
    pieces = HERE / "transformer"
    package = folder / "minitorch"
    more = (pieces / "nn.py").read_text(encoding="utf-8")
    nn = package / "nn.py"
    nn.write_text(restyled(nn.read_text(encoding="utf-8"), more), encoding="utf-8")
    functions = package / "tensor_functions.py"
    functions.write_text(
        functions.read_text(encoding="utf-8") + "\n\nimport torch\n", encoding="utf-8"
    )
    for piece, target in (("modules_basic", "modules_basic"), ("transformer", name)):
        text = (pieces / f"{piece}.py").read_text(encoding="utf-8")
        for old, new in renamed.items():
            text = text.replace(old, new)
        (package / f"{target}.py").write_text(text, encoding="utf-8")
    init = package / "__init__.py"
    flat = f"from .modules_basic import *\nfrom .{name} import *\n"
    init.write_text(init.read_text(encoding="utf-8") + flat, encoding="utf-8")
    return folder


@pytest.fixture(params=SPELLINGS)
def tree(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A tree of each year."""
    return write_tree(tmp_path / "tree", request.param)


@pytest.fixture
def subject(tree: Path) -> Iterator[Subject]:
    """The tree in a worker, without compiled kernels."""
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


@pytest.mark.slow
def test_a_right_tree_of_each_year_passes(subject: Subject, tree: Path) -> None:
    # The years differ in the files and names of 5.4 only.
    everything = (tree / "minitorch" / "transformer.py").exists()
    for task in ("5.1", "5.2", "5.3", "5.4", "5.5") if everything else ("5.4",):
        assert failing(subject, task) == []


def test_the_functions_of_a_tree_are_found(tmp_path: Path) -> None:
    for year in SPELLINGS:
        submission = Submission.at(write_tree(tmp_path / year, year))
        for task in table().in_module(5):
            assert submission.missing(task.upstream) == ()
            named = submission.named(task.upstream)
            assert len(submission.locations(task.upstream)) == len(named) == len(task.holes)


def test_torch_is_an_empty_module(tmp_path: Path) -> None:
    """A tree that computes with torch fails."""
    tree = write_tree(tmp_path, "2026")
    file = tree / "minitorch" / "nn.py"
    text = file.read_text(encoding="utf-8")
    text += "\n\ndef one_hot(input, num_classes):\n    import torch\n\n    return torch.eye(3)\n"
    file.write_text(text, encoding="utf-8")
    (check,) = [each for each in checks_of("5.1") if each.__name__ == "test_one_hot_rows"]
    with IsolatedSubject(Submission.at(tree)) as worker:
        error = case_failure(check, {}, worker)
    assert isinstance(error, SubjectError)
    assert "AttributeError" in error.kinds
