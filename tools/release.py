"""Make a release in this checkout: versions, changelog, archives, their checks, commit and tag.

`hatch run release 0.2.0` does the following, and uploads nothing:

1. It refuses a tree with changes, a version that is not newer, an existing tag, and a changelog
   without unreleased lines.
2. It sets the version of all packages, the bounds between them, and `CITATION.cff`, and dates the
   changelog.
3. It builds a wheel and a source distribution of each package in `dist/`. Each must contain the
   licence and `py.typed`, and pass `twine check --strict`.
4. It installs each one in a new environment, with the other packages that it requires, and runs
   the first example of its README.
5. It commits the changes and tags the commit.

If a step fails, the changed files are restored. `--check` does all of it in a temporary clone of
the last commit, so that nothing changes.
"""

import argparse
import datetime
import re
import subprocess
import sys
import tarfile
import tempfile
import tomllib
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from tools.build_wheels import build
from tools.fresh_venv import FreshVenv
from tools.markdown import CodeBlock, Document
from tools.workspace import ROOT, Package, read_packages

UNRELEASED = "## [Unreleased]\n"
KINDS = ("wheel", "sdist")


class ReleaseError(Exception):
    """The release cannot be made; the message names the reason and the way out."""


def parsed(version: str) -> tuple[int, int, int]:
    """Return the three numbers of a version.

    Raises:
        ReleaseError: The text is not of the form 1.2.3.
    """
    found = re.fullmatch(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)", version)
    if found is None:
        raise ReleaseError(f"{version!r} is not a version; pass three numbers such as 0.2.0")
    major, minor, patch = map(int, found.groups())
    return major, minor, patch


def next_minor(version: str) -> str:
    """Return the next minor version: 0.2.0 for 0.1.3."""
    major, minor, _ = parsed(version)
    return f"{major}.{minor + 1}.0"


def bounds(version: str) -> str:
    """Return the bounds between packages of a version: `>=0.2,<0.3` for 0.2.0."""
    major, minor, _ = parsed(version)
    return f">={major}.{minor},<{major}.{minor + 1}"


def with_version(text: str, old: str, new: str, names: Sequence[str]) -> str:
    """Return a `pyproject.toml` with another version and other bounds of the packages `names`.

    Raises:
        ReleaseError: The file does not contain the old version once.
    """
    text, count = re.subn(
        rf'^version = "{re.escape(old)}"$', f'version = "{new}"', text, flags=re.MULTILINE
    )
    if count != 1:
        raise ReleaseError(f'version = "{old}" occurs {count} times in a pyproject.toml, not once')
    siblings = "|".join(map(re.escape, names))
    extras = r"(?:\[[\w,-]+\])?"
    return re.sub(
        rf'"((?:{siblings}){extras}){re.escape(bounds(old))}"', rf'"\1{bounds(new)}"', text
    )


def with_urls(text: str, repository: str) -> str:
    """Return a `pyproject.toml` with the addresses of a repository; without them if it is empty."""
    text = re.sub(r"^\[project\.urls\]\n(?:.+\n)*\n?", "", text, flags=re.MULTILINE)
    if not repository:
        return text
    table = (
        f'[project.urls]\nRepository = "{repository}"\nIssues = "{repository}/issues"\n'
        f'Changelog = "{repository}/blob/main/CHANGELOG.md"\n\n'
    )
    return text.replace("[tool.hatch.", table + "[tool.hatch.", 1)


def dated(changelog: str, version: str, day: datetime.date) -> str:
    """Return a changelog whose unreleased lines belong to a version, below an empty heading.

    Raises:
        ReleaseError: There are no unreleased lines, or the version has a heading.
    """
    if f"## [{version}]" in changelog:
        raise ReleaseError(f"CHANGELOG.md has a heading of {version}; choose a newer version")
    before, found, after = changelog.partition(UNRELEASED)
    if not found or not re.search(r"^- ", after.partition("\n## ")[0], re.MULTILINE):
        raise ReleaseError("CHANGELOG.md has no lines under [Unreleased]: describe the changes")
    return f"{before}{UNRELEASED}\n## [{version}] - {day.isoformat()}\n{after}"


def set_version(new: str, day: datetime.date) -> None:
    """Write a version and a date to all files that contain them."""
    packages = read_packages()
    names, old = [package.name for package in packages], packages[0].version
    root = ROOT / "pyproject.toml"
    settings = tomllib.loads(root.read_text("utf-8"))
    repository: str = settings["tool"]["minitorch"]["repository"]
    root.write_text(with_version(root.read_text("utf-8"), old, new, names), "utf-8")
    for package in packages:
        project = package.folder / "pyproject.toml"
        text = with_version(project.read_text("utf-8"), old, new, names)
        project.write_text(with_urls(text, repository), "utf-8")
        source = package.source / "__init__.py"
        text = source.read_text("utf-8")
        source.write_text(
            text.replace(f'\n__version__ = "{old}"\n', f'\n__version__ = "{new}"\n'), "utf-8"
        )
    citation = ROOT / "CITATION.cff"
    text = re.sub(r"^version: .*$", f"version: {new}", citation.read_text("utf-8"), flags=re.M)
    text = re.sub(r"^date-released: .*\n", "", text, flags=re.MULTILINE)
    citation.write_text(f"{text}date-released: {day.isoformat()}\n", "utf-8")
    changelog = ROOT / "CHANGELOG.md"
    changelog.write_text(dated(changelog.read_text("utf-8"), new, day), "utf-8")


def git(*arguments: str) -> str:
    """Run git in the checkout and return its output."""
    done = subprocess.run(
        ["git", *arguments], cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True
    )
    return done.stdout.strip()


def check_preconditions(version: str) -> None:
    """Check that a version can be released from this checkout.

    Raises:
        ReleaseError: It cannot.
    """
    current = read_packages()[0].version
    if parsed(version) <= parsed(current):
        raise ReleaseError(f"{version} is not newer than the current version {current}")
    if git("status", "--porcelain"):
        raise ReleaseError("the tree has changes; commit or stash them (`git status` lists them)")
    if git("tag", "--list", f"v{version}"):
        raise ReleaseError(f"the tag v{version} exists; choose a newer version")
    dated((ROOT / "CHANGELOG.md").read_text("utf-8"), version, datetime.date.today())


def contents(archive: Path) -> list[str]:
    """Return the names of the files in a wheel or in a source distribution."""
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as wheel:
            return wheel.namelist()
    with tarfile.open(archive) as sdist:
        return sdist.getnames()


def archive_of(package: Package, folder: Path, kind: str) -> Path:
    """Return the path of a package's archive in a folder."""
    ending = "-py3-none-any.whl" if kind == "wheel" else ".tar.gz"
    return folder / f"{package.name.replace('-', '_')}-{package.version}{ending}"


def build_archives(folder: Path) -> list[Path]:
    """Build and check the archives of all packages in an empty folder, and return their paths.

    Raises:
        ReleaseError: An archive lacks a file.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.iterdir():
        old.unlink()
    archives = []
    for package in read_packages():
        for kind in KINDS:
            build(package.folder, folder, target=kind)
            archive = archive_of(package, folder, kind)
            names = contents(archive)
            for needed in ("LICENSE", f"{package.module}/py.typed"):
                if not any(name.endswith(f"/{needed}") or name == needed for name in names):
                    raise ReleaseError(f"{archive.name} contains no {needed}")
            archives.append(archive)
    subprocess.run(
        [sys.executable, "-m", "twine", "check", "--strict", *map(str, archives)], check=True
    )
    return archives


def needed_by(package: Package, packages: dict[str, Package]) -> Iterator[Package]:
    """Yield a package and all packages of this repository that it requires, each once."""
    names = {package.name}
    while new := {name for each in names for name in packages[each].requires if name in packages}:
        if new <= names:
            break
        names |= new
    yield from (packages[name] for name in sorted(names))


def first_example(package: Package) -> CodeBlock:
    """Return the first Python block of a package's README."""
    blocks = Document(package.folder / "README.md").code_blocks()
    return next(block for block in blocks if block.language == "python" and not block.is_fragment)


def try_installation(package: Package, kind: str, folder: Path) -> None:
    """Install the archives of a package in a new environment, and run its README's first example.

    Raises:
        ReleaseError: The example prints something else than the README.
        AssertionError: The example fails.
        subprocess.CalledProcessError: The installation fails.
    """
    packages = {each.name: each for each in read_packages()}
    needed = [archive_of(each, folder, kind) for each in needed_by(package, packages)]
    example = first_example(package)
    with tempfile.TemporaryDirectory() as place:
        uv = [sys.executable, "-m", "uv"]
        subprocess.run([*uv, "venv", "-q", "--python", sys.executable, f"{place}/venv"], check=True)
        venv = FreshVenv(Path(place) / "venv")
        subprocess.run(
            [*uv, "pip", "install", "-q", "--python", str(venv.interpreter), *map(str, needed)],
            check=True,
        )
        printed = venv.python("-W", "error", "-c", example.text)
        version = f"import {package.module} as m; print(m.__version__)"
        if venv.python("-c", version).strip() != package.version:
            raise ReleaseError(f"{package.name}: the installed __version__ is another one")
    if example.output is not None and printed != example.output:
        raise ReleaseError(
            f"{package.name}, line {example.line} of its README: the example prints\n{printed}\n"
            f"and the README shows\n{example.output}"
        )


def release(version: str) -> None:
    """Make a release of this checkout; the changed files are restored if it fails."""
    check_preconditions(version)
    try:
        set_version(version, datetime.date.today())
        build_archives(ROOT / "dist")
        for package in read_packages():
            for kind in KINDS:
                print(f"installing {archive_of(package, ROOT / 'dist', kind).name}", flush=True)
                try_installation(package, kind, ROOT / "dist")
        # The hooks check single changes, not releases; their tools are not in this environment.
        git("commit", "--quiet", "--all", "--no-verify", "-m", f"release: {version}", "-m", BODY)
    except BaseException:
        git("restore", "--staged", "--worktree", ".")
        raise
    git("tag", "--annotate", f"v{version}", "-m", f"Version {version}")
    print(f"{version} is committed and tagged v{version}; its archives are in dist/.")
    print("Nothing was uploaded: docs/guides/releasing.md says how to.")


BODY = "Set the version of all packages and date the changelog."


def rehearse(version: str) -> None:
    """Make a release of the last commit in a temporary clone."""
    author, mail = git("log", "-1", "--format=%an%n%ae").split("\n")
    with tempfile.TemporaryDirectory() as place:
        git("clone", "--quiet", "--no-hardlinks", str(ROOT), place)
        for key, value in {"user.name": author, "user.email": mail}.items():
            git("-C", place, "config", key, value)
        subprocess.run([sys.executable, "-m", "tools.release", version], cwd=place, check=True)
    print("That was a rehearsal in a clone: this checkout is unchanged.")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(
        prog="hatch run release", description=__doc__.partition("\n")[0] if __doc__ else None
    )
    parser.add_argument(
        "version",
        nargs="?",
        help="such as 0.2.0; with --check, by default the next minor one",
    )
    parser.add_argument("--check", action="store_true", help="rehearse it, and change nothing")
    options = parser.parse_args(arguments)
    if options.version is None and not options.check:
        parser.error("name the version, such as 0.2.0, or rehearse with --check")
    try:
        version: str = options.version or next_minor(read_packages()[0].version)
        parsed(version)
        (rehearse if options.check else release)(version)
    except ReleaseError as error:
        sys.exit(f"release: {error}")
    except subprocess.CalledProcessError as error:
        # The program has printed its own message.
        sys.exit(f"release: stopped, because this command failed: {' '.join(map(str, error.cmd))}")


if __name__ == "__main__":
    main()
