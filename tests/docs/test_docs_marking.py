"""The commands of the guide to marking run, in order, and print what it shows."""

import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from grading.cli import commands, main
from grading.deployment.__main__ import main as deployment
from grading.tests.example_course.__main__ import main as example_course
from grading.tests.example_course.course import HERE
from tools.markdown import CodeBlock, Document
from tools.workspace import ROOT

pytestmark = pytest.mark.docs

GUIDE = Document(ROOT / "docs" / "guides" / "marking.md")
EXAMPLE = ["python", "-m", "grading.tests.example_course"]


def blocks(language: str, fragments: bool = False) -> Iterator[CodeBlock]:
    """Yield the blocks of a language, with or without those that do not run."""
    for block in GUIDE.code_blocks():
        if block.language == language and block.is_fragment == fragments:
            yield block


def run(line: str) -> int:
    """Run a `hatch run` command of the guide in this process."""
    start, command, *arguments = shlex.split(line)[1:]
    assert (line.split()[0], start) == ("hatch", "run")
    if [command, *arguments[:2]] == EXAMPLE:
        return example_course(arguments[2:])
    scripts = tomllib.loads((ROOT / "hatch.toml").read_text("utf-8"))["envs"]["default"]["scripts"]
    assert scripts[command] == f"python -m grading {command} {{args}}"
    return main([command, *arguments])


def expected(output: str) -> re.Pattern[str]:
    """Return the pattern of an output in which "…" stands for any text."""
    parts = [re.escape(part.strip("\n")) for part in output.split("…")]
    return re.compile(r"\s*" + r"[\s\S]*?".join(parts) + r"\s*")


def test_the_commands_print_what_the_guide_shows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "repository").mkdir()
    monkeypatch.chdir(tmp_path / "repository")
    monkeypatch.setenv("COLUMNS", "100")
    shown = 0
    for block in blocks("sh"):
        for line in block.text.splitlines():
            assert run(line) == 0, line
        printed = "\n".join(each.rstrip() for each in capsys.readouterr().out.splitlines())
        if block.output is not None:
            assert expected(block.output).fullmatch(printed), f"line {block.line}:\n{printed}"
            shown += 1
    assert shown == 7


def test_the_commands_that_grade_are_understood() -> None:
    for block in blocks("sh", fragments=True):
        _, _, command, *arguments = shlex.split(block.text)
        group = commands if command == "grade" else deployment
        words = [command, *arguments] if command == "grade" else arguments[2:]
        assert CliRunner().invoke(group, [*words, "--help"]).exit_code == 0


def test_the_rules_of_the_guide_are_those_of_the_example() -> None:
    policy = (HERE / "course.toml").read_text("utf-8")
    for block in blocks("toml"):
        assert block.text in policy, f"line {block.line}"
