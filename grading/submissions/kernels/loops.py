"""Analysis of the loops of a kernel by its syntax, if it does not run without numba."""

import ast
from collections.abc import Iterator

from grading.submissions.kernels.program import Program
from grading.submissions.syntax import blocks


def serial_output(program: Program) -> str:
    """Return the reason why the loop that writes the output is not parallel; empty if it is.

    The output is the first parameter of the kernel. Statements that write to it or pass it to
    another function have to be in a `prange` loop of a function that is compiled in parallel. An
    assignment outside all loops may fill it first.
    """
    kernel, node = program.functions[0], program.node
    if kernel.options is None or not kernel.options["parallel"]:
        return "it is not compiled with `parallel=True`"
    if isinstance(node, ast.Lambda) or not node.args.args:
        return "it has no loop"
    pranges = {n for n, what in kernel.names.items() if what == ("library", "numba.prange")}
    numbas = {n for n, what in kernel.names.items() if what == ("library", "numba")}
    inside = False
    for loops in _writing(node.body, node.args.args[0].arg, ()):
        parallel = [loop for loop in loops if _is_prange(loop, pranges, numbas)]
        if loops and not parallel:
            return "the output is written in a loop without `prange`"
        if any(isinstance(a, ast.Constant) for loop in parallel for a in _limits(loop)[-1:]):
            return "the number of iterations of its `prange` loop is a constant"
        inside = inside or bool(parallel)
    return "" if inside else "no `prange` loop writes the output"


def _writing(
    body: list[ast.stmt], out: str, loops: tuple[ast.For | ast.While, ...]
) -> Iterator[tuple[ast.For | ast.While, ...]]:
    """Return the loops around each statement that writes to the output or passes it on."""
    for node in body:
        around = (*loops, node) if isinstance(node, ast.For | ast.While) else loops
        inner = list(blocks(node))
        if any(inner):
            for block in inner:
                yield from _writing(block, out, around)
            continue
        for each in ast.walk(node):
            if isinstance(each, ast.Subscript) and isinstance(each.ctx, ast.Store):
                if _mentions(each.value, out):
                    yield around
            elif isinstance(each, ast.Call):
                handed = any(isinstance(a, ast.Name) and a.id == out for a in each.args)
                if handed and not (isinstance(each.func, ast.Name) and each.func.id == "len"):
                    yield around


def _mentions(node: ast.AST, name: str) -> bool:
    return any(isinstance(each, ast.Name) and each.id == name for each in ast.walk(node))


def _limits(loop: ast.For | ast.While) -> list[ast.expr]:
    return loop.iter.args if isinstance(loop, ast.For) and isinstance(loop.iter, ast.Call) else []


def _is_prange(loop: ast.For | ast.While, pranges: set[str], numbas: set[str]) -> bool:
    """Return whether a loop iterates over numba's `prange`."""
    if not isinstance(loop, ast.For) or not isinstance(loop.iter, ast.Call):
        return False
    match loop.iter.func:
        case ast.Name(id=name):
            return name in pranges
        case ast.Attribute(value=ast.Name(id=name), attr="prange"):
            return name in numbas
    return False
