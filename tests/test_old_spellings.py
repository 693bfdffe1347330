"""Old spellings are accepted with one warning until the release that removes them."""

import re
import warnings
from pathlib import Path

import pytest
from click.testing import CliRunner

from asv_benchmarks.peers.__main__ import main as peers
from grading.tasks.table import PATH, load
from tools.workspace import ROOT, read_packages

OLD_SPELLINGS = {
    "spoils": ("also_remove", "0.3.0"),
    "--race": ("--time-to-accuracy", "0.3.0"),
}
"""New spelling, and the release that removes the old one, by old spelling."""


def numbers(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))


def test_the_changelog_promises_exactly_these() -> None:
    promise = re.compile(r"`([^`]+)` is now `([^`]+)`\. .*accepts the old name.* ([\d.]+) removes")
    found = promise.findall((ROOT / "CHANGELOG.md").read_text("utf-8"))
    assert {old: (new, removed) for old, new, removed in found} == OLD_SPELLINGS


def test_the_guide_lists_exactly_these() -> None:
    guide = (ROOT / "docs" / "guides" / "stability.md").read_text("utf-8")
    row = re.compile(r"^\| [^|`]*`([^`]+)`.* \| `([^`]+)` \| [\d.]+ \| ([\d.]+) \|$", re.MULTILINE)
    found = {old: (new, f"{removed}.0") for old, new, removed in row.findall(guide)}
    assert found == OLD_SPELLINGS


@pytest.mark.parametrize("old", OLD_SPELLINGS)
def test_the_release_that_removes_a_spelling_does_not_contain_it(old: str) -> None:
    (version,) = {package.version for package in read_packages()}
    removed_by = OLD_SPELLINGS[old][1]
    assert numbers(version) < numbers(removed_by), f"remove {old}: {removed_by} was to do this"


def test_the_old_key_of_a_table_warns_once(tmp_path: Path) -> None:
    text = PATH.read_text("utf-8")
    assert len(re.findall(r"^also_remove = ", text, re.MULTILINE)) > 1
    old = tmp_path / "tasks.toml"
    old.write_text(re.sub(r"^also_remove = ", "spoils = ", text, flags=re.MULTILINE), "utf-8")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        table = load(old)
    assert [each.category for each in caught] == [FutureWarning]
    assert re.search(r"`spoils` is now `also_remove`.*0\.3\.0", str(caught[0].message))
    assert table == load(PATH)


def test_the_old_option_of_a_command_warns_once() -> None:
    result = CliRunner().invoke(peers, ["--list", "--race", "--rows", "time-*"])
    assert result.exit_code == 0, result.output
    assert re.findall(r"^--race is now --time-to-accuracy; 0\.3\.0.*$", result.stderr, re.MULTILINE)
    assert result.stderr.count("--race") == 1
    new = CliRunner().invoke(peers, ["--list", "--time-to-accuracy", "--rows", "time-*"])
    assert (result.stdout, new.stderr) == (new.stdout, "")
