"""Docstrings that begin with a question word are found wherever Python allows a docstring."""

from pathlib import Path

import pytest

from tools.docstring_openings import counts, docstrings, main


def openings(tmp_path: Path, source: str) -> list[bool]:
    """Return, for each docstring of a source, whether it begins with a question word."""
    file = tmp_path / "module.py"
    file.write_text(source, "utf-8")
    return [each.opens_with_question for each in docstrings(file)]


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
def test_every_kind_of_docstring_is_counted(tmp_path: Path, source: str) -> None:
    assert openings(tmp_path, source) == [True]


@pytest.mark.parametrize(
    "source",
    [
        '"""Numbers."""',
        'def f():\n    """Return a number."""',
        '"""Whatever."""',
        '"""Whenever."""',
    ],
)
def test_verbs_and_nouns_are_accepted(tmp_path: Path, source: str) -> None:
    assert openings(tmp_path, source) == [False]


@pytest.mark.parametrize(
    "source", ["print('What')", "f(1)\n'What a string.'", "x = 'What'", "# What a comment."]
)
def test_other_strings_are_no_docstrings(tmp_path: Path, source: str) -> None:
    assert openings(tmp_path, source) == []


def write(root: Path, folder: str, bad: int, good: int) -> None:
    """Write a module with `bad` docstrings that begin with a question word, and `good` others."""
    (root / folder).mkdir(parents=True)
    lines = ['X = 1\n"""What."""'] * bad + ['X = 1\n"""A number."""'] * good
    (root / folder / "module.py").write_text("\n".join(lines), "utf-8")


def test_each_folder_has_its_own_share(tmp_path: Path) -> None:
    write(tmp_path, "packages/one/src", bad=1, good=3)
    write(tmp_path, "tools", bad=0, good=2)
    write(tmp_path, "grading/tests/editions", bad=5, good=0)
    (tmp_path / "conftest.py").write_text('"""Settings."""', "utf-8")
    shares = {name: (count.share, count.total) for name, count in counts(tmp_path).items()}
    assert shares == {"packages/one": (0.25, 4), "tools": (0.0, 2), ".": (0.0, 1)}


@pytest.mark.parametrize(("good", "code"), [(98, 1), (99, 0)])
def test_one_percent_is_the_limit(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], good: int, code: int
) -> None:
    write(tmp_path, "tools", bad=1, good=good)
    assert main(str(tmp_path)) == code
    output = capsys.readouterr().out
    assert f"1 of {good + 1:4} docstrings" in output
    assert ("tools/module.py:2: What." in output) == bool(code)
