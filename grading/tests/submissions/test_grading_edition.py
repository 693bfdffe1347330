"""Editions are detected per file, and functions are found by the names of each edition."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from grading.submissions.edition import FILES, MODULE_OF, edition_of
from grading.submissions.submission import Submission
from grading.tasks.table import table
from grading.tests.upstream_trees import EDITIONS, WITHOUT_SCALARS, Edition, write_upstream


@pytest.mark.parametrize("edition", EDITIONS)
@pytest.mark.parametrize("module", range(5))
def test_the_edition_of_every_module_is_recognised(
    tmp_path: Path, edition: Edition, module: int
) -> None:
    submission = Submission.at(write_upstream(tmp_path, edition, module))
    assert submission.edition == edition
    editions = [edition_of(number, submission.source) for number in FILES]
    assert editions == [edition] * (module + 1) + [None] * (4 - module)


def test_the_editions_of_2022_and_2023_are_one(tmp_path: Path) -> None:
    assert Submission.at(write_upstream(tmp_path, "2023", 4)).edition == "2022"


@pytest.mark.parametrize(
    ("mixture", "edition"),
    [({1: "2022", 2: "2022"}, "2022 + 2024"), ({0: "2021", 3: "2022"}, "2021 + 2022 + 2024")],
)
def test_a_mixture_of_editions_is_named(
    tmp_path: Path, mixture: Mapping[int, Edition], edition: str
) -> None:
    submission = Submission.at(write_upstream(tmp_path, "2024", 4, mixture=mixture))
    assert submission.edition == edition
    for number in FILES:
        assert edition_of(number, submission.source) == mixture.get(number, "2024")


def test_a_single_file_of_another_edition_is_named(tmp_path: Path) -> None:
    tree = write_upstream(tmp_path, "2022", 3, files={"operators": "2024"})
    assert Submission.at(tree).edition == "2022 + 2024"


def test_files_without_traits_of_an_edition(tmp_path: Path) -> None:
    tree = write_upstream(tmp_path, "2024", 4)
    for name in ("operators", "autodiff", "scalar", "tensor_ops", "fast_ops", "fast_conv"):
        (tree / "minitorch" / f"{name}.py").write_text("def broken(:", encoding="utf-8")
    assert Submission.at(tree).edition is None


def test_every_file_of_the_package_belongs_to_a_module() -> None:
    names = {
        name.partition(":")[0]
        for task in table().tasks
        for hole in task.upstream
        for name in hole.partition(" @")[0].split(" | ")
    }
    assert {name for name in names if name.startswith("minitorch.")} <= set(MODULE_OF)


@pytest.mark.parametrize("edition", EDITIONS)
def test_every_function_of_every_task_is_found(tmp_path: Path, edition: Edition) -> None:
    submission = Submission.at(write_upstream(tmp_path, edition, 4, cuda=True))
    # In 2024 the learner chooses the names of networks.
    free = {"project.run_tensor:Linear.forward"} if edition == "2024" else set()
    for task in table().tasks:
        if task.module > 4:
            assert submission.missing(task.upstream) != (), task.id
            continue
        named = submission.named(task.upstream)
        assert {name for name in named if submission.find(name) is None} <= free, task.id
        assert submission.missing(task.upstream) == ()
        assert submission.open(task.upstream) == ()


def test_a_function_has_the_name_of_its_edition(tmp_path: Path) -> None:
    hole = "minitorch.scalar_functions:Mul.forward | minitorch.scalar:Mul.forward"
    for edition, name in {"2021": "scalar", "2022": "scalar_functions"}.items():
        submission = Submission.at(write_upstream(tmp_path / edition, edition, 1))  # type: ignore[arg-type]
        assert submission.named([hole]) == (f"minitorch.{name}:Mul.forward",)
        place = submission.find(hole)
        assert place is not None and place.file == f"minitorch/{name}.py"


def test_an_exercise_of_one_edition_is_complete_in_others(tmp_path: Path) -> None:
    hole = "minitorch.operators:log @2024"
    for edition, names in {"2022": (), "2024": ("minitorch.operators:log",)}.items():
        submission = Submission.at(write_upstream(tmp_path / edition, edition, 0))  # type: ignore[arg-type]
        assert submission.named([hole]) == names


def test_a_function_with_several_names_is_not_there_if_no_file_has_it(tmp_path: Path) -> None:
    tree = write_upstream(tmp_path, "2022", 3, without=WITHOUT_SCALARS)
    submission = Submission.at(tree)
    hole = "minitorch.scalar_functions:Mul.forward | minitorch.scalar:Mul.forward"
    assert submission.missing([hole]) == ("minitorch.scalar_functions",)
    # A file with the other name but without functions is not used.
    (tree / "minitorch" / "scalar.py").write_text("class Scalar: ...", encoding="utf-8")
    assert submission.missing([hole]) == ("minitorch.scalar_functions",)
    (tree / "minitorch" / "scalar.py").write_text("def broken(:", encoding="utf-8")
    assert submission.missing([hole]) == ()


def test_a_stub_has_the_name_of_its_edition(tmp_path: Path) -> None:
    body = (
        "    def forward(ctx, a, b):\n        ctx.save_for_backward(a, b)\n        return a * b\n"
    )
    stub = "    def forward(ctx, a, b):\n        raise NotImplementedError\n"
    tree = write_upstream(tmp_path, "2021", 1, [("minitorch/scalar.py", body, stub)])
    holes = table().task("1.2").upstream
    assert Submission.at(tree).open(holes) == ("minitorch.scalar:Mul.forward",)
