"""Changes of a function that keep its results: disguises of a copy.

They are those of a learner who copies a solution and hides it: other names, comments and layout,
another order, parts moved to helpers, other loops.
"""

import ast
import random
from collections.abc import Callable, Iterator, Sequence
from itertools import count

SIMPLE = (ast.Assign, ast.AugAssign, ast.AnnAssign)
"""Statements that move to a helper, or past each other."""

Statements = list[ast.stmt]

COMMENTS = (
    "# first get what is needed",
    "# go through everything here",
    "# see the lecture notes",
    "# this part took long",
    "# TODO: clean up",
)


def renamed(tree: ast.Module, rng: random.Random) -> ast.Module:
    """Give other names to the arguments of functions and to their variables."""
    names: dict[str, str] = {}
    for function in _functions(tree):
        arguments = function.args
        own = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
        for name in [each.arg for each in own] + sorted(_stored(function.body)):
            if name not in ("self", "ctx", "cls"):
                names.setdefault(name, f"{rng.choice('abcdefgh')}_{len(names)}")

    class Rename(ast.NodeTransformer):
        def visit_Name(self, node: ast.Name) -> ast.Name:
            node.id = names.get(node.id, node.id)
            return node

        def visit_arg(self, node: ast.arg) -> ast.arg:
            node.arg = names.get(node.arg, node.arg)
            return node

    result: ast.Module = Rename().visit(tree)
    return result


def statements_reordered(tree: ast.Module, rng: random.Random) -> ast.Module:
    """Exchange neighbouring assignments that do not depend on each other."""
    for block in _blocks(tree):
        at = 0
        while at + 1 < len(block):
            one, two = block[at], block[at + 1]
            if isinstance(one, ast.Assign) and isinstance(two, ast.Assign) and _free(one, two):
                block[at], block[at + 1] = two, one
                at += 1
            at += 1
    return tree


def loops_rewritten(tree: ast.Module, rng: random.Random) -> ast.Module:
    """Write loops over `range(n)` as `while` loops."""

    class Rewrite(ast.NodeTransformer):
        def visit_For(self, node: ast.For) -> ast.stmt | Statements:
            self.generic_visit(node)
            call = node.iter
            is_range = (
                isinstance(call, ast.Call)
                and isinstance(call.func, ast.Name)
                and call.func.id in ("range", "prange")
                and len(call.args) == 1
                and isinstance(node.target, ast.Name)
            )
            leaves = any(isinstance(each, ast.Continue) for each in ast.walk(node))
            changed = isinstance(node.target, ast.Name) and node.target.id in _stored(node.body)
            if not is_range or leaves or changed or node.orelse:
                return node
            name, end = ast.unparse(node.target), ast.unparse(call.args[0])  # type: ignore[attr-defined]
            start, step = ast.parse(f"{name} = 0\n{name} += 1").body
            test = ast.parse(f"{name} < {end}", mode="eval").body
            return [start, ast.While(test, [*node.body, step], [])]

    result: ast.Module = Rewrite().visit(tree)
    return result


def split(tree: ast.Module, rng: random.Random) -> ast.Module:
    """Move assignments of a function to helpers below it."""
    helpers: Statements = []
    numbers = count()
    for function in _functions(tree):
        body = function.body
        own = function.args
        known = {each.arg for each in (*own.posonlyargs, *own.args, *own.kwonlyargs)}
        at = 0
        while at < len(body):
            end = at
            while end < len(body) and isinstance(body[end], SIMPLE):
                end += 1
            moved = body[at:end]
            if len(moved) >= 2 and all(_is_plain(each) for each in moved):
                before = known | _stored(body[:at])
                needed = sorted(_loaded(moved) & before)
                made = sorted(_stored(moved))
                name = f"part_{next(numbers)}"
                arguments, results = ", ".join(needed), ", ".join(made)
                helper = ast.parse(f"def {name}({arguments}):\n    return {results}").body[0]
                assert isinstance(helper, ast.FunctionDef)
                helper.body[:0] = moved
                helpers.append(helper)
                body[at:end] = ast.parse(f"{results} = {name}({arguments})").body
                end = at + 1
            at = max(end, at + 1)
    tree.body += helpers
    return tree


Disguise = Callable[[ast.Module, random.Random], ast.Module]

DISGUISES: dict[str, tuple[Disguise, ...]] = {
    "comments, docstrings and layout": (),
    "names": (renamed,),
    "order of statements": (statements_reordered,),
    "loops": (loops_rewritten,),
    "parts moved to helpers": (split,),
    "all of them": (statements_reordered, split, loops_rewritten, renamed),
}
"""The changes of a copy, by the name of its disguise; each one also changes comments and layout."""


def disguised(source: str, disguise: Sequence[Disguise], rng: random.Random) -> str:
    """Return the source of some definitions, changed, with other comments and layout."""
    tree = ast.parse(source)
    for change in disguise:
        tree = ast.fix_missing_locations(change(tree, rng))
    lines: list[str] = []
    for line in ast.unparse(tree).split("\n"):
        if line.strip() and line[0] == " " and rng.random() < 0.2:
            indent = line[: len(line) - len(line.lstrip())]
            if not lines or not lines[-1].endswith(("'''", '"""')):
                lines.append(indent + rng.choice(COMMENTS))
        lines.append(line)
    return "\n".join(lines)


def _functions(tree: ast.AST) -> Iterator[ast.FunctionDef]:
    """Yield the functions outside functions, so that no closure loses a variable."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef):
            yield node
        elif isinstance(node, ast.ClassDef):
            yield from _functions(node)


def _blocks(tree: ast.AST) -> Iterator[Statements]:
    for node in ast.walk(tree):
        for field in ("body", "orelse"):
            block = getattr(node, field, None)
            if isinstance(block, list) and not isinstance(node, ast.Module | ast.ClassDef):
                yield block


def _stored(nodes: Sequence[ast.AST]) -> set[str]:
    return {
        each.id
        for node in nodes
        for each in ast.walk(node)
        if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store)
    }


def _loaded(nodes: Sequence[ast.AST]) -> set[str]:
    augmented = {
        each.target.id
        for node in nodes
        for each in ast.walk(node)
        if isinstance(each, ast.AugAssign) and isinstance(each.target, ast.Name)
    }
    return augmented | {
        each.id
        for node in nodes
        for each in ast.walk(node)
        if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Load)
    }


def _is_plain(node: ast.stmt) -> bool:
    """Return True for an assignment to names, without calls of `super` and nested functions."""
    targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", node)]
    names = [each for target in targets for each in ast.walk(target)]
    plain = all(isinstance(each, ast.Name | ast.Tuple | ast.expr_context) for each in names)
    return plain and not any(
        isinstance(each, ast.Lambda | ast.NamedExpr) for each in ast.walk(node)
    )


def _free(one: ast.Assign, two: ast.Assign) -> bool:
    """Return True for assignments to different names whose values do not use the other's name."""
    if not (_is_plain(one) and _is_plain(two)):
        return False
    if any(isinstance(each, ast.Call) for node in (one, two) for each in ast.walk(node)):
        # Calls may change what the other one reads, such as an iterator.
        return False
    stored = _stored([one]), _stored([two])
    return not (stored[0] & (stored[1] | _loaded([two])) or stored[1] & _loaded([one]))
