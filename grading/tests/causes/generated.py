"""Generic mistakes: the right solutions with one small change of their syntax.

`python -m grading.tests.causes.generated FOLDER` draws mistakes with a fixed seed and prints those
that the checks catch, for `grading.tests.mutants.unseen`. The answers are kept in the folder.
"""

import ast
import copy
import random
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from grading.diagnosis import Answers
from grading.submissions.syntax import Function, definitions
from grading.tasks.table import table
from grading.tests.causes.cases import KNOWN
from grading.tests.causes.evidence import kept_evidence
from grading.tests.mutants.mutant import Mutant
from grading.tests.mutants.rewriting import STYLES, Rewrite, changed_sources, original

SEED = 2029
"""The seed of the choice; the mistakes of seeds 20, 2026, 2027 and 2028 are known by now."""

COUNT = 20
"""Number of mistakes that are drawn, if each task has enough that the checks catch."""

ONLY_EXCEPTIONS = ("1.3",)
"""Tasks in which the checks catch only changes that raise exceptions."""

STYLED = {"3.1": "loops", "3.2": "matmul", "4.1": "conv1d", "4.2": "conv2d"}
"""Tasks whose mistakes change a solution in the style of the course's guide."""

ARITHMETIC: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mod,
    ast.Mod: ast.FloorDiv,
}
"""Each operator of arithmetic, and the one that replaces it."""

COMPARISONS: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.Gt),
    ast.LtE: (ast.Lt, ast.GtE),
    ast.Gt: (ast.GtE, ast.Lt),
    ast.GtE: (ast.Gt, ast.LtE),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
}
"""Each comparison, and those that replace it."""


@dataclass(frozen=True)
class Change:
    """A change of a source text.

    Attributes:
        function: The function that contains it.
        operator: The operator, in words.
        first: The first line that is replaced, from 0.
        last: The line after the last one that is replaced.
        new: The new lines.
    """

    function: str
    operator: str
    first: int
    last: int
    new: tuple[str, ...]


def expressions(node: ast.expr, names: dict[str, str]) -> Iterator[tuple[str, ast.expr]]:
    """Yield an operator in words, and what it makes of an expression.

    Args:
        node: The expression.
        names: For each parameter of the function, another one of the same annotation.
    """
    match node:
        case ast.BinOp(left, op, right):
            if type(op) in ARITHMETIC:
                yield "replace an operator", ast.BinOp(left, ARITHMETIC[type(op)](), right)
            if not isinstance(op, ast.Add | ast.Mult):
                yield "swap operands", ast.BinOp(right, op, left)
            yield "keep the left operand", left
            yield "keep the right operand", right
        case ast.UnaryOp(ast.USub() | ast.Not(), operand):
            yield "drop a sign", operand
        case ast.Compare(left, [op], [right]):
            for other in COMPARISONS.get(type(op), ()):
                yield "replace a comparison", ast.Compare(left, [other()], [right])
        case ast.BoolOp(op, values):
            other_op = ast.Or() if isinstance(op, ast.And) else ast.And()
            yield "replace `and` or `or`", ast.BoolOp(other_op, values)
        case ast.IfExp(test, body, orelse):
            yield "swap both branches", ast.IfExp(test, orelse, body)
        case ast.Constant(bool(value)):
            yield "negate a constant", ast.Constant(not value)
        case ast.Constant(int(value) | float(value)):
            yield "change a constant", ast.Constant(value + 1)
            if value:
                yield "change a constant", ast.Constant(type(value)(0))
        case ast.Call(ast.Name("range" | "prange"), [stop]):
            less = ast.BinOp(stop, ast.Sub(), ast.Constant(1))
            yield "end a loop early", ast.Call(node.func, [less], [])
            yield "begin a loop late", ast.Call(node.func, [ast.Constant(1), stop], [])
        case ast.Call(func, [first, second, *more], keywords):
            yield "swap arguments", ast.Call(func, [second, first, *more], keywords)
            for i in range(len(keywords)):
                others = [*keywords[:i], *keywords[i + 1 :]]
                yield "drop an argument", ast.Call(func, node.args, others)
        case ast.Call(_, [first], []):
            yield "drop a call", first
        case ast.Call(ast.Attribute(value, _), [], []):
            yield "drop a call", value
        case ast.Tuple([first, second]):
            yield "swap both items", ast.Tuple([second, first])
        case ast.Name(name, ast.Load()) if name in names:
            yield "use another name", ast.Name(names[name])


def _names(function: Function) -> dict[str, str]:
    """Return, for each parameter of a function, the next one with the same annotation."""
    groups: dict[str, list[str]] = {}
    for each in function.args.args:
        kind = "" if each.annotation is None else ast.unparse(each.annotation)
        groups.setdefault(kind, []).append(each.arg)
    return {
        name: group[(i + 1) % len(group)]
        for group in groups.values()
        if len(group) > 1
        for i, name in enumerate(group)
    }


def changes(function: Function, name: str, lines: list[str]) -> Iterator[Change]:
    """Yield all changes of a function in the lines of its file."""
    documented = ast.get_docstring(function) is not None
    for statement in function.body[documented:]:
        yield from _of_statement(statement, name, lines, _names(function))


def _of_statement(
    top: ast.stmt, name: str, lines: list[str], names: dict[str, str]
) -> Iterator[Change]:
    nested = [node for node in ast.walk(top) if isinstance(node, Function)]
    for inner in nested:
        names = names | _names(inner)
    typed = {id(part) for node in nested for part in _annotations(node)}
    for node in ast.walk(top):
        if isinstance(node, ast.AnnAssign):
            typed |= {id(part) for part in ast.walk(node.annotation)}
    for node in ast.walk(top):
        if isinstance(node, ast.expr) and id(node) not in typed:
            for operator, new in expressions(node, names):
                text = ast.unparse(ast.fix_missing_locations(copy.deepcopy(new)))
                if isinstance(new, ast.BinOp | ast.BoolOp | ast.Compare | ast.IfExp | ast.Tuple):
                    text = f"({text})"
                yield _change(name, operator, node, text, lines)
        elif isinstance(node, ast.AugAssign):
            text = f"{ast.unparse(node.target)} = {ast.unparse(node.value)}"
            yield _change(name, "overwrite instead of adding", node, text, lines)
            yield _change(name, "delete a statement", node, "pass", lines)
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            yield _change(name, "delete a statement", node, "pass", lines)


def _annotations(function: Function) -> Iterator[ast.AST]:
    for decorator in function.decorator_list:
        yield from ast.walk(decorator)
    if function.returns is not None:
        yield from ast.walk(function.returns)
    for each in function.args.args:
        if each.annotation is not None:
            yield from ast.walk(each.annotation)


def _change(
    name: str, operator: str, node: ast.expr | ast.stmt, text: str, lines: list[str]
) -> Change:
    assert node.end_lineno is not None and node.end_col_offset is not None
    first, last = lines[node.lineno - 1], lines[node.end_lineno - 1]
    before = first.encode()[: node.col_offset].decode()
    after = last.encode()[node.end_col_offset :].decode()
    new = (before + text + after).splitlines()
    return Change(name, operator, node.lineno - 1, node.end_lineno, tuple(new))


def _rewrite(file: str, style: str | None, change: Change, lines: list[str]) -> Rewrite:
    """Return a change with as many of the lines before it as make its text unique."""
    text = "\n".join(lines) + "\n"
    first = change.first
    while text.count("\n".join(lines[first : change.last]) + "\n") > 1:
        first -= 1
    old = lines[first : change.last]
    new = [*lines[first : change.first], *change.new]
    return Rewrite(file, "\n".join(old) + "\n", "\n".join(new) + "\n", style)


def generated(task_id: str) -> Iterator[Mutant]:
    """Yield all generic mistakes of a task."""
    number = 0
    holes: dict[str, list[str]] = {}
    for hole in table().task(task_id).holes:
        module, _, name = hole.partition(":")
        holes.setdefault(f"{module.replace('.', '/')}.py", []).append(name)
    for file, names in holes.items():
        style = STYLED.get(task_id)
        path = original(file) if style is None else STYLES / f"{style}.py"
        source = path.read_text("utf-8")
        defined = definitions(ast.parse(source))
        for name in names:
            function = defined.get(name)
            if not isinstance(function, Function):
                continue
            for change in changes(function, name, source.splitlines()):
                rewrite = _rewrite(file, style, change, source.splitlines())
                if _is_valid(rewrite):
                    number += 1
                    where = f"{name}, line {change.first + 1}"
                    yield Mutant(task_id, f"{number}, {where}: {change.operator}", (rewrite,))


def _is_valid(rewrite: Rewrite) -> bool:
    try:
        for source in changed_sources([rewrite]).values():
            ast.parse(source)
    except (SyntaxError, ValueError):
        return False
    return True


def _sources(mutant: Mutant) -> frozenset[tuple[Path, str]]:
    """Return the changed files of a mutant without comments and formatting."""
    return frozenset(
        (path, ast.dump(ast.parse(source)))
        for path, source in changed_sources(mutant.rewrites).items()
    )


def tasks() -> list[str]:
    """Return the tasks of which mistakes are drawn: those with known ones, on the processor."""
    known = {mutant.task for mutant in KNOWN}.difference(ONLY_EXCEPTIONS)
    return [
        task.id
        for task in table().tasks
        if task.device == "cpu" and task.holes and task.id in known
    ]


def shares() -> dict[str, int]:
    """Return how many mistakes are drawn of each task: equally many, and one more of some."""
    ids = tasks()
    each, rest = divmod(COUNT, len(ids))
    more = random.Random(SEED).sample(ids, rest)
    return {task_id: each + (task_id in more) for task_id in ids}


def shows_a_wrong_answer(answers: list[Answers]) -> bool:
    """Return whether an answer is wrong, not only missing because an exception was raised.

    The report shows the line of an exception; no cause has to be named.
    """
    return any(finding.response is not None for each in answers for finding in each.wrong())


def drawn(task_id: str, count: int, folder: Path) -> list[Mutant]:
    """Return the first mistakes of a task in random order that the checks catch."""
    candidates = sorted(generated(task_id), key=str)
    random.Random(f"{SEED} {task_id}").shuffle(candidates)
    known = {_sources(each) for each in KNOWN if each.task == task_id}
    found: list[Mutant] = []
    for mutant in candidates:
        if len(found) == count:
            break
        if _sources(mutant) in known:
            continue
        known.add(_sources(mutant))
        if shows_a_wrong_answer(kept_evidence(mutant, 1, folder)):
            found.append(mutant)
    return found


def main() -> None:
    """Print the mistakes that are drawn."""
    with ProcessPoolExecutor(2) as pool:
        running = [
            pool.submit(drawn, task_id, count, Path(sys.argv[1]))
            for task_id, count in shares().items()
        ]
        for future in running:
            for mutant in future.result():
                (rewrite,) = mutant.rewrites
                print(mutant, rewrite, sep="\n    ", flush=True)


if __name__ == "__main__":
    main()
