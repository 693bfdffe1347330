"""Versions, bounds, addresses and dates that a release writes."""

import datetime
import re
import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.constraints import CONSTRAINTS
from tools.release import (
    ReleaseError,
    bounds,
    dated,
    first_example,
    main,
    needed_by,
    next_minor,
    parsed,
    with_urls,
    with_version,
)
from tools.workspace import ROOT, Package, distribution_of, read_packages

PACKAGES = read_packages()
NAMES = [package.name for package in PACKAGES]
DAY = datetime.date(2026, 1, 2)
TEXTS = {
    package.name: (package.folder / "pyproject.toml").read_text("utf-8") for package in PACKAGES
}
VERSIONS = st.tuples(*[st.integers(0, 99)] * 3).map(lambda three: ".".join(map(str, three)))

each_package = pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.name)


@given(VERSIONS)
def test_versions_are_three_numbers(version: str) -> None:
    assert ".".join(map(str, parsed(version))) == version
    assert parsed(next_minor(version)) > parsed(version)


@pytest.mark.parametrize("version", ["0.2", "v0.2.0", "0.2.0rc1", "0.02.0", "", "0.2.0\n"])
def test_other_texts_are_no_versions(version: str) -> None:
    with pytest.raises(ReleaseError, match="three numbers"):
        parsed(version)


@each_package
def test_a_new_version_changes_the_version_and_the_bounds_only(package: Package) -> None:
    old, new = package.version, "7.8.9"
    text = with_version(TEXTS[package.name], old, new, NAMES)
    assert tomllib.loads(text)["project"]["version"] == new
    for before, after in zip(TEXTS[package.name].splitlines(), text.splitlines(), strict=True):
        if before != after:
            bounded = re.escape(bounds(new))
            sibling = any(re.search(rf'"{name}(\[\w+\])?{bounded}"', after) for name in NAMES)
            assert sibling or after == f'version = "{new}"'
    assert f"{bounds(old)}" not in "".join(
        line for line in text.splitlines() if any(f'"{name}' in line for name in NAMES)
    )
    assert with_version(text, new, old, NAMES) == TEXTS[package.name]


def test_a_file_of_another_version_is_refused() -> None:
    with pytest.raises(ReleaseError, match=r"0\.0\.1.*0 times"):
        with_version(TEXTS["mt-nn"], "0.0.1", "0.2.0", NAMES)


@each_package
def test_addresses_come_from_the_repository_and_are_left_out_without_one(package: Package) -> None:
    text = TEXTS[package.name]
    assert "urls" not in tomllib.loads(text)["project"]
    assert with_urls(text, "") == text
    written = with_urls(text, "https://example.org/a/b")
    assert tomllib.loads(written)["project"]["urls"]["Repository"] == "https://example.org/a/b"
    assert with_urls(with_urls(written, "https://example.org/c/d"), "") == text


def test_a_changelog_is_dated() -> None:
    text = "# Changelog\n\n## [Unreleased]\n\n### Added\n\n- **x**: y.\n"
    expected = (
        "# Changelog\n\n## [Unreleased]\n\n## [0.2.0] - 2026-01-02\n\n### Added\n\n- **x**: y.\n"
    )
    assert dated(text, "0.2.0", DAY) == expected
    for again in ("0.2.0", "0.3.0"):
        with pytest.raises(ReleaseError, match=r"heading of 0\.2\.0|no lines"):
            dated(expected, again, DAY)


def test_the_changelog_can_be_dated() -> None:
    text = (ROOT / "CHANGELOG.md").read_text("utf-8")
    assert "\n## [99.0.0] - 2026-01-02\n" in dated(text, "99.0.0", DAY)


def test_a_package_needs_its_siblings_and_theirs() -> None:
    packages = {package.name: package for package in PACKAGES}
    needed = [package.name for package in needed_by(packages["mt-nn"], packages)]
    assert needed == ["mt-autodiff", "mt-nn", "mt-tensor"]


@each_package
def test_a_package_has_a_first_example(package: Package) -> None:
    assert package.module in first_example(package).text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["0.1.0"], "not newer"),
        (["two"], "three numbers"),
        ([], ""),
    ],
)
def test_a_wrong_version_is_refused(arguments: list[str], message: str) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert message in str(stopped.value.code)
    assert stopped.value.code != 0


def test_constraints_pin_names_and_versions_only() -> None:
    first, *lines = CONSTRAINTS.read_text("utf-8").splitlines()
    assert first.startswith("# ")
    assert all(line.partition("==")[0] == distribution_of(line) for line in lines)
    assert all(line.count("==") == 1 and "/" not in line for line in lines)
    assert {"numpy", "numba", "pytest", "mypy"} <= {distribution_of(line) for line in lines}
    names = [distribution_of(line) for line in lines]
    assert names == sorted(names)
