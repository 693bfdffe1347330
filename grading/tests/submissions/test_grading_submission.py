"""Submissions are recognised, and their functions are found without running code."""

from pathlib import Path

import pytest

from grading.paths import ROOT
from grading.submissions.submission import (
    LARGEST_SOURCE,
    Location,
    Submission,
    SubmissionError,
    enclosing,
)

FAST_OPS = """
def njit(fn):
    return _njit(fn)

class FastOps:
    @staticmethod
    def map(fn):
        def apply(a):
            return a
        return apply

def map(fn):
    pass

tensor_matrix_multiply = njit(map)
"""


def upstream(root: Path, **files: str) -> Path:
    folder = root / "minitorch"
    folder.mkdir(parents=True)
    for name, text in {"__init__": "", **files}.items():
        (folder / f"{name}.py").write_text(text, encoding="utf-8")
    return root


def test_this_repository_is_a_submission() -> None:
    submission = Submission.at(ROOT)
    assert submission.layout == "packages"
    assert submission.edition is None
    names = [path.parent.name for path in submission.import_paths]
    assert {"mt-tensor", "mt-nn", "minitorch"} <= set(names)


@pytest.mark.parametrize("part", ["packages", "packages/minitorch", "packages/minitorch/src"])
def test_a_part_of_a_tree_stands_for_the_whole_tree(part: str) -> None:
    assert Submission.at(ROOT / part) == Submission.at(ROOT)


def test_a_tree_of_the_course_below_a_checkout_is_a_submission_of_its_own() -> None:
    tree = ROOT / "grading" / "tests" / "editions" / "e24"
    assert enclosing(tree) == tree


def test_functions_methods_and_names_are_found(tmp_path: Path) -> None:
    submission = Submission.at(upstream(tmp_path, fast_ops=FAST_OPS))
    assert submission.layout == "upstream"
    assert submission.import_paths == (tmp_path.resolve(),)
    assert submission.find("minitorch.fast_ops:FastOps.map") == Location("minitorch/fast_ops.py", 7)
    assert submission.find("minitorch.fast_ops:map") == Location("minitorch/fast_ops.py", 12)
    place = submission.find("minitorch.fast_ops:tensor_matrix_multiply")
    assert str(place) == "minitorch/fast_ops.py:15"
    assert submission.find("minitorch.fast_ops") == Location("minitorch/fast_ops.py", 1)
    assert submission.find("minitorch.fast_ops:reduce") is None
    assert submission.find("minitorch.nn:max") is None


def test_absent_files_are_listed(tmp_path: Path) -> None:
    submission = Submission.at(upstream(tmp_path, fast_ops=FAST_OPS))
    holes = ["minitorch.fast_ops:FastOps.map", "minitorch.nn:Max.forward", "minitorch.nn:max"]
    assert submission.missing(holes) == ("minitorch.nn",)


def test_empty_files_are_listed(tmp_path: Path) -> None:
    texts = {"nn": "", "operators": "# Later.\n", "scalar": "def broken(:", "fast_ops": FAST_OPS}
    submission = Submission.at(upstream(tmp_path, **texts))
    holes = [f"minitorch.{name}:f" for name in (*texts, "missing")]
    assert submission.empty(holes) == ("minitorch/nn.py", "minitorch/operators.py")


def test_the_folder_of_an_archive_is_searched(tmp_path: Path) -> None:
    inner = upstream(tmp_path / "student" / "mod4-main")
    (tmp_path / "student" / "__MACOSX").mkdir()
    assert Submission.at(tmp_path).root == inner.resolve()


def test_several_submissions_are_refused(tmp_path: Path) -> None:
    upstream(tmp_path / "ann")
    upstream(tmp_path / "ben")
    with pytest.raises(SubmissionError, match=r"several submissions: ann, ben; .*--batch"):
        Submission.at(tmp_path)


def test_a_folder_without_the_package_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SubmissionError, match=r"neither packages/minitorch.* nor minitorch/"):
        Submission.at(tmp_path)
    with pytest.raises(SubmissionError, match="does not exist"):
        Submission.at(tmp_path / "nowhere")
    (tmp_path / "essay.txt").write_text("", encoding="utf-8")
    with pytest.raises(SubmissionError, match="is a file"):
        Submission.at(tmp_path / "essay.txt")


def test_links_out_of_the_folder_are_not_followed(tmp_path: Path) -> None:
    elsewhere = upstream(tmp_path / "elsewhere", nn="def max(): ...")
    root = upstream(tmp_path / "here")
    (root / "minitorch" / "nn.py").symlink_to(elsewhere / "minitorch" / "nn.py")
    assert Submission.at(root).source("minitorch.nn") is None
    linked = tmp_path / "linked"
    linked.mkdir()
    (linked / "minitorch").symlink_to(elsewhere / "minitorch")
    with pytest.raises(SubmissionError, match="is not a submission"):
        Submission.at(linked)


def test_broken_and_huge_sources_raise_no_error(tmp_path: Path) -> None:
    root = upstream(tmp_path, scalar="def broken(:", huge="#" * (LARGEST_SOURCE + 1))
    (root / "minitorch" / "nn.py").write_bytes(b"\xff\xfe\x00def")
    submission = Submission.at(root)
    assert submission.find("minitorch.scalar:broken") is None
    assert submission.find("minitorch.nn:max") is None
    assert submission.missing(["minitorch.scalar:x", "minitorch.huge:x"]) == ("minitorch.huge",)


def test_absence_names_what_stands_in_the_place_of_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = upstream(tmp_path, huge="#" * (LARGEST_SOURCE + 1), closed="")
    (root / "minitorch" / "nn.py").mkdir()
    (root / "minitorch" / "link.py").symlink_to(__file__)
    submission = Submission.at(root)
    monkeypatch.setattr("os.access", lambda path, mode: path.name != "closed.py")
    absences = {
        name: submission.absence(f"minitorch.{name}")
        for name in ("nn", "link", "huge", "closed", "scalar")
    }
    assert absences == {
        "nn": "the submission has no minitorch.nn: minitorch/nn.py is a folder, not a file",
        "link": "the submission has no minitorch.link: minitorch/link.py is a link out of the "
        "submission",
        "huge": "the submission has no minitorch.huge: minitorch/huge.py has more than 2000000 "
        "bytes",
        "closed": "the submission has no minitorch.closed: minitorch/closed.py cannot be read; "
        "its permissions forbid it",
        "scalar": "the submission has no minitorch.scalar",
    }


def test_files_that_are_not_valid_python_are_named_with_line(tmp_path: Path) -> None:
    root = upstream(tmp_path, scalar="x = 1\ndef broken(:\n", nn="x = 1\n")
    (root / "minitorch" / "tensor.py").write_bytes(b"x = 1\x00")
    holes = [f"minitorch.{name}:f" for name in ("scalar", "nn", "tensor", "absent")]
    (scalar, _), (tensor, message) = Submission.at(root).syntax_errors(holes)
    assert str(scalar) == "minitorch/scalar.py:2"
    assert str(tensor) == "minitorch/tensor.py:1"
    assert "null bytes" in message


def test_open_exercises_are_listed(tmp_path: Path) -> None:
    text = """
def done(): return 1
def given_lines_first(fn):
    def kernel():
        raise NotImplementedError("Need to implement for Task 3.1")
    return kernel
class Max:
    def backward(ctx): raise NotImplementedError
"""
    submission = Submission.at(upstream(tmp_path, nn=text))
    names = ["done", "given_lines_first", "Max.backward", "absent"]
    holes = [f"minitorch.nn:{name}" for name in names] + ["minitorch.scalar:x"]
    assert submission.open(holes) == ("minitorch.nn:given_lines_first", "minitorch.nn:Max.backward")


def test_an_edited_file_is_read_again(tmp_path: Path) -> None:
    root = upstream(tmp_path, nn="def max(): ...")
    submission = Submission.at(root)
    assert submission.find("minitorch.nn:max") == Location("minitorch/nn.py", 1)
    (root / "minitorch" / "nn.py").write_text("\n\ndef max(): ...", encoding="utf-8")
    assert submission.find("minitorch.nn:max") == Location("minitorch/nn.py", 3)
