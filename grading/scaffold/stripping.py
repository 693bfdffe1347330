"""The packages without their solutions.

The bodies of holes become errors that name their task, whatever else would give a solution away is
left out: modules altogether, functions too where nothing that stays needs them, and where
something does, they become errors as well.
"""

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from grading.scaffold.left_out import LeftOut
from grading.scaffold.source import Source
from grading.submissions.syntax import Definition, Function, definitions
from grading.tasks.model import Task


class ScaffoldError(Exception):
    """No tree can be written; the message says why."""


@dataclass(frozen=True)
class Spot:
    """A function or a class of a module."""

    module: str
    qualname: str

    @classmethod
    def of(cls, hole: str) -> "Spot":
        """Read "module:qualname"."""
        module, _, qualname = hole.partition(":")
        return cls(module, qualname)


def hole_message(task: Task, qualname: str) -> str:
    """Return what an open hole says when it is called."""
    return f"Need to implement for task {task.id}: {qualname}"


def spoil_message(task: Task) -> str:
    """Return what a function says that is left out."""
    return f"left out of this tree: it would give task {task.id} away"


def strip(files: Mapping[str, str], tasks: Iterable[Task]) -> dict[str, str]:
    """Return the sources of the packages without the solutions of tasks.

    Args:
        files: The text of every source file by its path, such as
            "packages/mt-nn/src/mt_nn/module.py".
        tasks: The tasks that are open.

    Raises:
        ScaffoldError: A hole or a spoil is not there.
        CannotLeaveOutError: What stays needs at import what is left out.
    """
    tasks = tuple(tasks)
    paths = {module_name(path): path for path in files}
    gone = _modules_left_out(tasks, paths)
    staying = {name: path for name, path in paths.items() if not _is_below(name, gone)}
    texts = {name: files[path] for name, path in staying.items()}
    holes, spoils = _bodies(tasks, texts)
    emptied = {
        name: _emptied(text, {**spoils.get(name, {}), **holes.get(name, {})})
        for name, text in texts.items()
    }
    thinned = _without_unused(emptied, spoils, holes)
    sources = {name: Source(text) for name, text in thinned.items()}
    left_out = LeftOut(gone, {name: source.tree for name, source in sources.items()})
    for name, source in sources.items():
        left_out.rewrite(source, staying[name])
    return {staying[name]: source.result() for name, source in sources.items()}


def module_name(path: str) -> str:
    """Return the module of a source file of a package."""
    parts = PurePosixPath(path).with_suffix("").parts
    inner = parts[parts.index("src") + 1 :]
    return ".".join(inner[:-1] if inner[-1] == "__init__" else inner)


def _is_below(module: str, packages: Iterable[str]) -> bool:
    return any(module == package or module.startswith(package + ".") for package in packages)


def _modules_left_out(tasks: Iterable[Task], paths: Mapping[str, str]) -> frozenset[str]:
    """Return the modules that tasks leave out as a whole.

    Raises:
        ScaffoldError: There is no such module.
    """
    gone = frozenset(spoil for task in tasks for spoil in task.spoils if ":" not in spoil)
    for module in gone - set(paths):
        raise ScaffoldError(f"grading/tasks.toml leaves out {module}, which is not there")
    return gone


Messages = dict[str, dict[str, str]]
"""What the emptied bodies say: by module, then by qualified name."""


def _bodies(tasks: Iterable[Task], texts: Mapping[str, str]) -> tuple[Messages, Messages]:
    """Return the bodies to empty: holes, and functions that are left out.

    Raises:
        ScaffoldError: One of them is not there.
    """
    found = {name: definitions(ast.parse(text)) for name, text in texts.items()}
    holes: Messages = {}
    spoils: Messages = {}
    for task in tasks:
        for hole in task.holes:
            spot, node = _definition(hole, found, task)
            if not isinstance(node, Function):
                raise ScaffoldError(f"task {task.id}: the hole {hole} is no function")
            messages = holes.setdefault(spot.module, {})
            messages.setdefault(spot.qualname, hole_message(task, spot.qualname))
        for spoil in task.spoils:
            if ":" in spoil:
                spot, node = _definition(spoil, found, task)
                named = spoils.setdefault(spot.module, {})
                for qualname in _functions(spot.qualname, node):
                    named.setdefault(qualname, spoil_message(task))
    return holes, spoils


def _definition(
    hole: str, found: Mapping[str, Mapping[str, Definition]], task: Task
) -> tuple[Spot, Definition]:
    spot = Spot.of(hole)
    node = found.get(spot.module, {}).get(spot.qualname)
    if node is None:
        raise ScaffoldError(
            f"task {task.id}: grading/tasks.toml names {hole}, which is not in the packages"
        )
    return spot, node


def _functions(qualname: str, node: Definition) -> Iterator[str]:
    """Go through a function, or all methods of a class."""
    if isinstance(node, Function):
        yield qualname
        return
    for inner in node.body:
        if isinstance(inner, Definition):
            yield from _functions(f"{qualname}.{inner.name}", inner)


def _emptied(text: str, messages: Mapping[str, str]) -> str:
    """Return a file with the bodies of functions emptied."""
    if not messages:
        return text
    source = Source(text)
    known = definitions(source.tree)
    for qualname, message in messages.items():
        function = known[qualname]
        assert isinstance(function, Function)
        source.empty(function, message)
    return source.result()


def _without_unused(texts: Mapping[str, str], spoils: Messages, holes: Messages) -> dict[str, str]:
    """Return the files without those spoils that nothing mentions any more."""
    trees = {module: ast.parse(text) for module, text in texts.items()}
    everywhere = {name for tree in trees.values() for name in _mentions(tree)}
    imported = {
        alias.name
        for tree in trees.values()
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    result = dict(texts)
    for module, messages in spoils.items():
        source = Source(texts[module])
        used_here = {node.id for node in ast.walk(source.tree) if isinstance(node, ast.Name)}
        known = definitions(source.tree)
        names = {*messages, *(qualname.partition(".")[0] for qualname in messages)}
        for qualname in names:
            name = qualname.rpartition(".")[2]
            if "." not in qualname and name.startswith("_"):
                needed = name in used_here | imported
            else:
                # A public method is what users call: it stays, with its docstring.
                needed = name in everywhere or not ("." not in qualname or name.startswith("_"))
            whole = set(_functions(qualname, known[qualname])) <= set(messages)
            if (
                whole
                and not needed
                and not any(f"{hole}.".startswith(f"{qualname}.") for hole in holes.get(module, {}))
            ):
                source.remove_lines(known[qualname])
        result[module] = source.result()
    return result


def _mentions(tree: ast.Module) -> Iterator[str]:
    """Go through all names that a file uses, imports or lists."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, ast.alias):
            yield node.name
        elif (
            # Annotations in quotation marks, and the entries of `__all__`.
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and node.value.isidentifier()
        ):
            yield node.value
