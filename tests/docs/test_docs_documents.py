"""Links, examples, commands and folder names in the documents are correct."""

import contextlib
import io
import json
import re
import tomllib
from pathlib import Path
from urllib.parse import unquote

import pytest

from tools.markdown import Document, anchor, documents
from tools.workspace import ROOT, Package, read_packages

pytestmark = pytest.mark.docs

DOCUMENTS = documents()
PACKAGES = read_packages()
each_document = pytest.mark.parametrize("document", DOCUMENTS, ids=str)


def linked_file(document: Document, target: str) -> Path:
    """Return the file or folder of a relative link."""
    path = unquote(target.partition("#")[0])
    return (document.file.parent / path).resolve() if path else document.file


def is_external(target: str) -> bool:
    return target.startswith(("https://", "http://", "mailto:"))


@each_document
def test_targets_of_links_exist(document: Document) -> None:
    for target in document.targets():
        if is_external(target):
            continue
        file = linked_file(document, target)
        assert file.exists(), f"{document}: {target} does not exist"
        assert file.is_relative_to(ROOT), f"{document}: {target} leaves the repository"
        fragment = target.partition("#")[2]
        if fragment and file.suffix == ".md":
            assert fragment in Document(file).anchors(), f"{document}: no heading for {target}"
        elif fragment:
            lines = file.read_text("utf-8").count("\n")
            is_line = re.fullmatch(r"L[1-9]\d*", fragment) and int(fragment[1:]) <= lines
            assert is_line, f"{document}: {target} is no line of it; lines are written as #L12"


def test_every_guide_can_be_reached_from_the_readme() -> None:
    reached, to_visit = set[Path](), [ROOT / "README.md"]
    while to_visit:
        file = to_visit.pop()
        if file in reached or file.suffix != ".md":
            continue
        reached.add(file)
        document = Document(file)
        to_visit += [linked_file(document, t) for t in document.targets() if not is_external(t)]
    assert {each.file for each in DOCUMENTS} <= reached


@each_document
def test_python_examples_run_and_print_the_expected_output(
    document: Document, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The blocks of a document run in order as one program.

    A `text` block right below a Python block is its expected output.
    """
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {"__name__": "__main__"}
    for block in document.code_blocks():
        if block.language != "python" or block.is_fragment:
            continue
        # Empty lines shift the code, so that a traceback shows the line of the document.
        source = "\n" * (block.line - 1) + block.text
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(source, str(document.file), "exec"), names)
        if block.output is not None:
            assert printed.getvalue() == block.output, f"{document}, line {block.line}"


@each_document
def test_commands_exist(document: Document) -> None:
    """Each `hatch run NAME` names a script, or a program of the environment."""
    environments = tomllib.loads((ROOT / "hatch.toml").read_text("utf-8"))["envs"]
    of_default = set(environments["default"]["scripts"])
    scripts = of_default | {
        f"{environment}:{name}"
        for environment, table in environments.items()
        for name in of_default | set(table.get("scripts", {}))
    }
    programs = {"python", "pytest", "pre-commit", "ruff", "mypy"}
    for code in document.code():
        for name in re.findall(r"\bhatch run ([a-z][\w:-]*)", code):
            assert name in scripts | programs, f"{document}: hatch run {name}"


@each_document
def test_folders_of_packages_exist(document: Document) -> None:
    names = {package.folder.name for package in PACKAGES}
    for code in document.code():
        for name in re.findall(r"\bpackages/([\w-]+)", code):
            assert name in names, f"{document}: packages/{name}"


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.name)
def test_every_package_shows_an_example(package: Package) -> None:
    document = Document(package.folder / "README.md")
    assert any(block.language == "python" for block in document.code_blocks())


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.name)
def test_the_installation_guide_lists_the_dependencies_of_a_package(package: Package) -> None:
    guide = (ROOT / "docs" / "guides" / "installation.md").read_text("utf-8")
    (row,) = (line for line in guide.splitlines() if line.startswith(f"| {package.name} |"))
    siblings, others = (set(re.findall(r"[\w-]+", cell)) for cell in row.split("|")[2:4])
    names = {each.name for each in PACKAGES}
    assert siblings == package.requires & names
    assert {name.lower() for name in others} == package.requires - names


@pytest.mark.parametrize(
    ("heading", "fragment"),
    [
        ("How to add an op", "how-to-add-an-op"),
        ("`hatch run test`: the tests", "hatch-run-test-the-tests"),
        ("What is mt-nn?", "what-is-mt-nn"),
        ("CPU & GPU", "cpu--gpu"),
    ],
)
def test_fragments_equal_those_of_code_hosts(heading: str, fragment: str) -> None:
    assert anchor(heading) == fragment


@pytest.mark.parametrize(
    ("run", "files"),
    [
        ("mnist", ["README.md", "docs/results/README.md"]),
        ("mnist-60000", ["README.md", "docs/README.md", "docs/results/README.md"]),
        ("sentiment", ["README.md", "docs/README.md", "docs/results/README.md"]),
    ],
)
def test_accuracies_are_the_range_of_two_logs(run: str, files: list[str]) -> None:
    shares = []
    for kernel in ("Haswell", "SkylakeX"):
        log = ROOT / "docs" / "results" / "openblas" / f"{run}-{kernel}.txt"
        share = re.search(r"^# last epoch \d+: ([\d.]+)%", log.read_text("utf-8"), re.MULTILINE)
        assert share is not None, log
        shares.append(float(share[1]))
    for file in files:
        text = (ROOT / file).read_text("utf-8")
        assert f"{min(shares):.2f} – {max(shares):.2f} %" in text, file


def test_the_loss_of_the_language_model_is_the_mean_of_three_logs() -> None:
    folder = ROOT / "docs" / "results"
    logs = [folder / "text/text.jsonl", *sorted((folder / "text-seeds").glob("*.jsonl"))]
    losses = [
        json.loads(log.read_text("utf-8").splitlines()[-1])["validation_loss"] for log in logs
    ]
    assert len(losses) == 3
    text = (folder / "README.md").read_text("utf-8")
    for loss in losses:
        assert f"{loss:.4f}" in text
    mean = sum(losses) / 3
    assert mean <= 1.92
    assert f"The mean of the three seeds is {mean:.4f} nats" in text
