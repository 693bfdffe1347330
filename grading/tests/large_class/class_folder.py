"""The submissions of the class, and their expected results."""

import csv
import random
import shutil
import tarfile
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import cycle, islice, zip_longest
from pathlib import Path

import py7zr

from grading.tests.course_styles import STYLES
from grading.tests.mutants import module0, module1, module2, module4
from grading.tests.mutants.mutant import Mutant
from grading.tests.mutants.rewriting import make_tree
from grading.tests.upstream_trees import EDITIONS, SIGNATURES, write_upstream

TASKS = ("0.1", "0.3", "1.1", "2.1", "2.2", "4.3")
"""The tasks of the class: quick ones of each module without training."""

BROKEN_SHARE = 0.1
"""Share of broken archives in the class."""

EXPECTED = "expected.csv"

Write = Callable[[Path], object]


@dataclass(frozen=True)
class Member:
    """A submission of the class.

    Attributes:
        kind: A description.
        expected: "right", the ids of the tasks with a mistake, or "refused".
        write: The function that writes its folder; for a broken archive, the archive.
        suffix: The ending of a broken archive.
    """

    kind: str
    expected: str
    write: Write
    suffix: str = ""


def write_class(folder: Path, size: int, seed: int = 100, tasks: Sequence[str] = TASKS) -> None:
    """Write a class to a new folder: `submissions`, and `expected.csv` beside it.

    Args:
        folder: The folder.
        size: The number of submissions.
        seed: The seed of their order.
        tasks: The tasks whose mistakes are in it.
    """
    batch = folder / "submissions"
    batch.mkdir(parents=True)
    broken = max(1, round(size * BROKEN_SHARE))
    members = [*islice(cycle(_broken()), broken)]
    rest = list(_solutions(tasks))
    members += islice(cycle(rest), size - broken)
    packings = cycle(("", "", ".zip", ".tar.gz", ".7z"))
    random.Random(seed).shuffle(members)
    rows = [("submission", "kind", "expected")]
    for number, member in enumerate(members, start=1):
        name = f"learner{number:03}"
        if member.suffix:
            member.write(batch / f"{name}{member.suffix}")
        else:
            _pack(member.write, batch / name, next(packings))
        rows.append((name, member.kind, member.expected))
    with (folder / EXPECTED).open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)


def _solutions(tasks: Sequence[str]) -> Iterator[Member]:
    """Yield right solutions and mistakes in turn, all mistakes before pairs of them."""
    right = [*_right(tasks)]
    charged = [
        mutant
        for module in (module0, module1, module2, module4)
        for mutant in module.MUTANTS
        if mutant.task in tasks and mutant.advice is None
    ]
    # Of all tasks from the beginning, so that a small class has them, too.
    of_task = [[each for each in charged if each.task == task] for task in tasks]
    charged = [each for row in zip_longest(*of_task) for each in row if each is not None]
    wrong = [_mistaken(each) for each in charged]
    for number, member in enumerate(wrong):
        yield member
        if number % 2 == 0 and number // 2 < len(right):
            yield right[number // 2]
    for first, second in zip(charged[::2], charged[1::2], strict=False):
        if first.rewrites[0].file != second.rewrites[0].file:
            yield _mistaken(first, second)


def _right(tasks: Sequence[str]) -> Iterator[Member]:
    last = max(int(task[0]) for task in tasks)
    for edition in EDITIONS:
        yield Member(
            f"right, edition {edition}",
            "right",
            partial(write_upstream, edition=edition, module=last),
        )
    for name, style in STYLES.items():
        if set(style.tasks) & set(tasks):
            yield Member(f"right, {name}", "right", style.write)
    for name, changes in SIGNATURES.items():
        yield Member(
            f"right, lists {name}",
            "right",
            partial(write_upstream, edition="2024", module=0, changes=changes),
        )


def _mistaken(*mutants: Mutant) -> Member:
    rewrites = [each for mutant in mutants for each in mutant.rewrites]
    return Member(
        " and ".join(f"{mutant.task} {mutant.name}" for mutant in mutants),
        " ".join(mutant.task for mutant in mutants),
        lambda folder: make_tree(folder, rewrites),
    )


def _pack(write: Write, path: Path, suffix: str) -> None:
    """Write a submission as a folder or an archive, with files that systems add."""
    write(path)
    if not suffix:
        return
    files = sorted(each for each in path.rglob("*") if each.is_file())
    names = [f"{path.name}/{each.relative_to(path).as_posix()}" for each in files]
    archive = path.with_name(path.name + suffix)
    if suffix == ".zip":
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as target:
            for file, name in zip(files, names, strict=True):
                target.write(file, name)
                target.writestr(f"__MACOSX/{name}", b"\0\5\x16\7")
    elif suffix == ".tar.gz":
        with tarfile.open(archive, "w:gz") as packed:
            for file, name in zip(files, names, strict=True):
                packed.add(file, name)
    else:
        with py7zr.SevenZipFile(archive, "w") as seven:
            for file, name in zip(files, names, strict=True):
                seven.write(file, name)
    shutil.rmtree(path)


def _broken() -> Iterator[Member]:
    """Yield archives that are refused, each for another reason."""
    own = {"minitorch/__init__.py": b""}
    for kind, suffix, write in (
        ("no archive", ".zip", lambda path: path.write_bytes(b"homework")),
        ("empty file", ".zip", lambda path: path.write_bytes(b"")),
        ("end is missing", ".zip", lambda path: _zip(path, own, keep=0.5)),
        ("end is missing", ".tar.gz", _short_tar),
        ("no archive", ".7z", lambda path: path.write_bytes(b"7z\xbc\xaf\x27\x1cno")),
        ("another format", ".rar", lambda path: path.write_bytes(b"Rar!\x1a\7\0")),
        ("path leads out", ".zip", lambda path: _zip(path, {"../evil.py": b"x", **own})),
        ("absolute path", ".zip", lambda path: _zip(path, {"/evil.py": b"x", **own})),
        ("no submission inside", ".zip", lambda path: _zip(path, {"essay.pdf": b"%PDF"})),
        ("bomb", ".zip", lambda path: _zip(path, {"zeros": bytes(300 << 20)})),
    ):
        yield Member(f"broken archive: {kind}", "refused", write, suffix)


def _zip(path: Path, files: Mapping[str, bytes], keep: float = 1.0) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target:
        for name, content in files.items():
            target.writestr(name, content)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * keep)])


def _short_tar(path: Path) -> None:
    with tarfile.open(path, "w:gz") as target:
        target.add(__file__, "minitorch/__init__.py")
    path.write_bytes(path.read_bytes()[:200])
