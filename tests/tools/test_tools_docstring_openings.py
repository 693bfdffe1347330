"""Docstrings that begin with a question word are found wherever Python allows a docstring."""

from pathlib import Path

import pytest

from tools.docstring_openings import QUESTION, docstrings, main


def openings(source: str) -> list[bool]:
    """Return, for each docstring of a source, whether it begins with a question word."""
    return [QUESTION.match(text) is not None for _, text in docstrings(source)]


@pytest.mark.parametrize(
    "source",
    [
        '"""What the module holds."""',
        'class A:\n    """Where numbers are kept."""',
        'def f():\n    """Whether it works."""',
        'async def f():\n    """How long it takes."""',
        'LIMIT = 1\n"""What is allowed at most."""',
        'limit: int = 1\n"""When it ends."""',
        'class A:\n    limit: int\n    """Which is the limit."""',
        'class A:\n    def f(self):\n        """Who calls it."""',
        'def f():\n    r"""\n    Whose it is."""',
    ],
)
def test_every_kind_of_docstring_is_counted(source: str) -> None:
    assert openings(source) == [True]


@pytest.mark.parametrize(
    "source",
    [
        '"""Numbers."""',
        'def f():\n    """Return a number."""',
        '"""Whatever."""',
        '"""Whenever."""',
    ],
)
def test_verbs_and_nouns_are_accepted(source: str) -> None:
    assert openings(source) == [False]


@pytest.mark.parametrize(
    "source", ["print('What')", "f(1)\n'What a string.'", "x = 'What'", "# What a comment."]
)
def test_other_strings_are_no_docstrings(source: str) -> None:
    assert openings(source) == []


def test_files_and_lines_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("editions/tools", "editions/grading/tests/editions"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "module.py").write_text('X = 1\n"""What."""\n', "utf-8")
    # The folder around the checkout may have any name.
    assert main(str(tmp_path / "editions")) == 1
    assert capsys.readouterr().out.splitlines()[:-1] == ["tools/module.py:2: What."]


def test_no_output_without_errors(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "conftest.py").write_text('"""Settings."""', "utf-8")
    assert main(str(tmp_path)) == 0
    assert capsys.readouterr().out == ""
