"""Independent solutions of the course's functions: the right styles and editions of the tests.

A variant is a way to write one function. Two variants whose syntax trees, apart from names, agree
in more than `ALIKE` of their nodes are one. Two solutions share no variant of a function of more
than `SHORT` nodes; shorter functions are the same in many real solutions.
"""

import ast
import difflib
import random
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from grading.submissions.submission import Submission
from grading.submissions.syntax import definitions, parsed
from grading.tasks.model import Table, Task
from grading.tests.course_styles import STYLES
from grading.tests.mutants.rewriting import ROOT
from grading.tests.mutants.rewriting import STYLES as KERNELS
from grading.tests.upstream_trees import EDITIONS, SIGNATURES, write_upstream

SHORT = 30
"""Size of a short function, in nodes of its syntax tree."""

ALIKE = 0.9
"""Share of common nodes from which two variants are one: a function in two editions."""

Variants = dict[tuple[str, str], list[str]]
"""For each function, by task and name, the sources of its variants."""


def all_variants(table: Table) -> Variants:
    """Return the variants of all functions of the tasks."""
    found: Variants = {}

    def add(number: str, name: str, source: str) -> None:
        known = found.setdefault((number, name.lstrip("_")), [])
        nodes = nodes_of(source)
        if not any(_ratio(nodes, nodes_of(other)) > ALIKE for other in known):
            known.append(source)

    with tempfile.TemporaryDirectory() as folder:
        for submission in _submissions(Path(folder)):
            for task in table.tasks:
                for name, source in _sources(submission, task):
                    add(task.id, name, source)
    for file in sorted(KERNELS.glob("*.py")):
        for node in ast.parse(file.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef):
                number = {"tensor_conv1d": "4.1", "tensor_conv2d": "4.2"}.get(node.name)
                if number is not None:
                    node.decorator_list = []
                    add(number, node.name, ast.unparse(node))
    return found


def _submissions(folder: Path) -> Iterator[Submission]:
    yield Submission.at(ROOT)
    for edition in EDITIONS:
        yield Submission.at(write_upstream(folder / edition, edition, 4))
    for number, changes in enumerate(SIGNATURES.values()):
        yield Submission.at(write_upstream(folder / f"lists{number}", "2024", 0, changes))
    for style in STYLES.values():
        yield Submission.at(style.write(folder / style.name))


def _sources(submission: Submission, task: Task) -> Iterator[tuple[str, str]]:
    """Yield the last parts of the names of a task's functions, and their sources."""
    for hole in submission.named(task.holes_in(submission.layout)):
        module, _, qualname = hole.partition(":")
        file = submission.source(module)
        node = None if file is None else definitions(parsed(file)).get(qualname)
        if isinstance(node, ast.FunctionDef):
            name = qualname.removeprefix("make_tensor_backend.Backend.")
            # Names of classes and modules, because `Add.forward` exists for scalars and tensors.
            yield name, _source(node)


def _source(node: ast.FunctionDef) -> str:
    copy = ast.parse(ast.unparse(node)).body[0]
    assert isinstance(copy, ast.FunctionDef)
    copy.decorator_list = []
    if ast.get_docstring(copy) is not None:
        copy.body = copy.body[1:] or [ast.Pass()]
    return ast.unparse(ast.fix_missing_locations(copy))


def nodes_of(source: str) -> tuple[str, ...]:
    """Return the kinds of the nodes of a syntax tree and its constants, without names."""
    return tuple(_kinds(ast.parse(source)))


def _kinds(node: ast.AST) -> Iterator[str]:
    yield repr(node.value) if isinstance(node, ast.Constant) else type(node).__name__
    for name, value in ast.iter_fields(node):
        for each in value if isinstance(value, list) else [value]:
            if isinstance(each, ast.AST) and name not in ("annotation", "returns", "ctx"):
                yield from _kinds(each)


def _ratio(one: tuple[str, ...], other: tuple[str, ...]) -> float:
    return difflib.SequenceMatcher(None, one, other, autojunk=False).ratio()


Solution = Mapping[tuple[str, str], str]
"""The source of each function that a learner has written."""


def independent(
    variants: Variants, tasks: Sequence[str], number: int, rng: random.Random
) -> Sequence[Solution]:
    """Return solutions of some tasks that share no variant of a function that is not short.

    A function with fewer variants than solutions is missing in some of them, as in a hand-in that
    is not finished.
    """
    solutions: list[dict[tuple[str, str], str]] = [{} for _ in range(number)]
    for key, known in variants.items():
        if key[0] not in tasks:
            continue
        long = [source for source in known if len(nodes_of(source)) > SHORT]
        short = [source for source in known if len(nodes_of(source)) <= SHORT]
        order = list(range(number))
        rng.shuffle(order)
        rng.shuffle(long)
        for position, solution in enumerate(order):
            if position < len(long):
                solutions[solution][key] = long[position]
            elif short:
                solutions[solution][key] = rng.choice(short)
    return solutions
