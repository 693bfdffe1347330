"""The dashboard works without a network: there is a copy of every script that asv's pages load."""

import re
import subprocess
import sys
from pathlib import Path

import asv
import pytest

from asv_benchmarks.dashboard.offline import (
    VENDOR,
    MissingCopyError,
    make_offline,
    with_local_scripts,
)
from tools.workspace import ROOT

PAGE = Path(asv.__file__).parent / "www" / "index.html"
LOADED = re.compile(r'<(?:script|link)[^>]*(?:src|href)="([^"]+)"')


def test_the_pages_of_the_installed_asv_load_local_scripts_only(tmp_path: Path) -> None:
    html = tmp_path / "html"
    html.mkdir()
    original = PAGE.read_text("utf-8")
    remote = [name for name in LOADED.findall(original) if "://" in name]
    assert len(remote) >= 10
    (html / "index.html").write_text(original, "utf-8")
    make_offline(html)
    loaded = LOADED.findall((html / "index.html").read_text("utf-8"))
    assert not any("://" in name for name in loaded)
    ours = [name for name in loaded if name.startswith("vendor/")]
    assert len(ours) == len(remote)
    assert all((html / name).is_file() for name in ours)
    assert "integrity" not in (html / "index.html").read_text("utf-8")


def test_links_in_the_text_stay() -> None:
    page = '<a href="https://example.org/asv/">asv</a>'
    assert with_local_scripts(page) == page


def test_a_script_without_a_copy_is_an_error() -> None:
    with pytest.raises(MissingCopyError, match=r"new\.min\.js"):
        with_local_scripts('<script src="https://example.org/x/new.min.js"></script>')


def test_every_copy_comes_with_its_licence() -> None:
    table = (VENDOR / "README.md").read_text("utf-8")
    for file in VENDOR.glob("*.*s"):
        short = "…" + file.name.removeprefix("jquery.flot")
        assert f"`{file.name}`" in table or f"`{short}`" in table
    for licence in re.findall(r"\]\((licences/[^)]+)\)", table):
        assert "Permission is hereby granted" in (VENDOR / licence).read_text("utf-8")


def test_without_results_the_command_names_the_command_to_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from click.testing import CliRunner

    from asv_benchmarks.dashboard import __main__ as command

    monkeypatch.setattr(command, "RESULTS", tmp_path)
    result = CliRunner().invoke(command.main, ["--no-serve"])
    assert result.exit_code == 1
    assert "hatch run bench-commits" in result.output


@pytest.mark.slow
def test_asv_finds_every_benchmark() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "asv", "check", "-E", f"existing:{sys.executable}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "No problems found" in done.stdout
