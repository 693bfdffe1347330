"""Removal of solutions from the packages.

The bodies of holes are replaced by errors that name their task. Other code that contains a
solution (`also_remove` in the table of tasks) is removed: whole modules, and functions that no
remaining code uses; the bodies of used functions are replaced by errors.
"""

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from grading.scaffold.left_out import LeftOut
from grading.submissions.edits import Edits
from grading.submissions.syntax import Definition, Function, definitions
from grading.tasks.model import Task


class ScaffoldError(Exception):
    """A tree cannot be written; the message gives the reason."""


@dataclass(frozen=True)
class QualifiedName:
    """The name of a function or class, with its module."""

    module: str
    qualname: str

    @classmethod
    def of(cls, hole: str) -> "QualifiedName":
        """Parse "module:qualname"."""
        module, _, qualname = hole.partition(":")
        return cls(module, qualname)


def hole_message(task: Task, qualname: str) -> str:
    """Return the error message of an open hole."""
    return f"Need to implement for task {task.id}: {qualname}"


def removed_message(task: Task) -> str:
    """Return the error message of a removed function."""
    return f"removed: it contains the solution of task {task.id}"


def strip(files: Mapping[str, str], tasks: Iterable[Task]) -> dict[str, str]:
    """Return the sources of the packages without the solutions of tasks.

    Args:
        files: The source files, by path: "packages/mt-nn/src/mt_nn/module.py".
        tasks: The tasks to open.

    Raises:
        ScaffoldError: A name in the table does not exist in the packages.
        CannotLeaveOutError: Remaining code uses a removed name at import.
    """
    tasks = tuple(tasks)
    paths = {module_name(path): path for path in files}
    gone = _modules_left_out(tasks, paths)
    staying = {name: path for name, path in paths.items() if not _is_below(name, gone)}
    texts = {name: files[path] for name, path in staying.items()}
    holes, removed = _bodies(tasks, texts, gone)
    emptied = {
        name: _emptied(text, {**removed.get(name, {}), **holes.get(name, {})})
        for name, text in texts.items()
    }
    thinned = _without_unused(emptied, removed, holes)
    sources = {name: Edits(text) for name, text in thinned.items()}
    left_out = LeftOut(gone, {name: source.tree for name, source in sources.items()})
    for name, source in sources.items():
        left_out.rewrite(source, staying[name])
    return {staying[name]: source.result() for name, source in sources.items()}


def module_name(path: str) -> str:
    """Return the dotted module name of a source file of a package."""
    parts = PurePosixPath(path).with_suffix("").parts
    inner = parts[parts.index("src") + 1 :]
    return ".".join(inner[:-1] if inner[-1] == "__init__" else inner)


def _is_below(module: str, packages: Iterable[str]) -> bool:
    return any(module == package or module.startswith(package + ".") for package in packages)


def _modules_left_out(tasks: Iterable[Task], paths: Mapping[str, str]) -> frozenset[str]:
    """Return the modules that tasks remove as a whole.

    Raises:
        ScaffoldError: A module does not exist.
    """
    gone = frozenset(name for task in tasks for name in task.also_remove if ":" not in name)
    for module in gone - set(paths):
        raise ScaffoldError(
            f"`also_remove` in grading/tasks.toml names {module}, which is not in the packages"
        )
    return gone


Messages = dict[str, dict[str, str]]
"""Error messages of emptied functions, by module, then by qualified name."""


def _bodies(
    tasks: Iterable[Task], texts: Mapping[str, str], gone: Iterable[str]
) -> tuple[Messages, Messages]:
    """Return the functions whose bodies are removed: the blanks, and functions of `also_remove`.

    Functions of modules in `gone` are removed with their module.

    Raises:
        ScaffoldError: One of them does not exist.
    """
    found = {name: definitions(ast.parse(text)) for name, text in texts.items()}
    holes: Messages = {}
    removed: Messages = {}
    for task in tasks:
        for hole in task.holes:
            target, node = _definition(hole, found, task)
            if not isinstance(node, Function):
                raise ScaffoldError(f"task {task.id}: the hole {hole} is not a function")
            messages = holes.setdefault(target.module, {})
            messages.setdefault(target.qualname, hole_message(task, target.qualname))
        for name in task.also_remove:
            if ":" in name and not _is_below(name.partition(":")[0], gone):
                target, node = _definition(name, found, task)
                named = removed.setdefault(target.module, {})
                for qualname in _functions(target.qualname, node):
                    named.setdefault(qualname, removed_message(task))
    return holes, removed


def _definition(
    hole: str, found: Mapping[str, Mapping[str, Definition]], task: Task
) -> tuple[QualifiedName, Definition]:
    target = QualifiedName.of(hole)
    node = found.get(target.module, {}).get(target.qualname)
    if node is None:
        raise ScaffoldError(
            f"task {task.id}: grading/tasks.toml names {hole}, which is not in the packages"
        )
    return target, node


def _functions(qualname: str, node: Definition) -> Iterator[str]:
    """Yield the qualified name of a function, or of all methods of a class."""
    if isinstance(node, Function):
        yield qualname
        return
    for inner in node.body:
        if isinstance(inner, Definition):
            yield from _functions(f"{qualname}.{inner.name}", inner)


def _emptied(text: str, messages: Mapping[str, str]) -> str:
    """Return a source file in which functions raise an error."""
    if not messages:
        return text
    source = Edits(text)
    known = definitions(source.tree)
    for qualname, message in messages.items():
        function = known[qualname]
        assert isinstance(function, Function)
        source.empty(function, message)
    return source.result()


def _without_unused(texts: Mapping[str, str], removed: Messages, holes: Messages) -> dict[str, str]:
    """Return the files without those removed functions that no code uses."""
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
    for module, messages in removed.items():
        source = Edits(texts[module])
        used_here = {node.id for node in ast.walk(source.tree) if isinstance(node, ast.Name)}
        known = definitions(source.tree)
        names = {*messages, *(qualname.partition(".")[0] for qualname in messages)}
        for qualname in names:
            name = qualname.rpartition(".")[2]
            if "." not in qualname and name.startswith("_"):
                needed = name in used_here | imported
            else:
                # A public method is an interface: it stays, with its docstring.
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
    """Yield all names that a file uses, imports or lists."""
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
