"""The documents that repeat the table of tasks, written from it: `python -m grading.pages`.

A test compares what is written with what this would write.
"""

import re
from collections.abc import Iterable

from grading.submission import Submission
from grading.table import Module, Table, Task, table
from tools.workspace import ROOT

TASKS = ROOT / "docs" / "guides" / "tasks.md"
README = ROOT / "README.md"

BEGIN, END = "<!-- tasks: written by `python -m grading.pages` -->", "<!-- end of tasks -->"
"""What stands around the table in the README."""

HEAD = """# The tasks of the course

Every task is a few functions to write. `hatch run status` tells which of them are done and what
is next, `hatch run grade task4_2` whether one is right, fast enough and accurate. A task earns
its points if every *required* check passes: these hold what the course's documentation promises.
An *advice* is told and costs nothing.

This page is written from [the table of tasks](../../grading/tasks.toml) by
`python -m grading.pages`.
"""


def tasks_page(tasks: Table) -> str:
    """Return the page with a section for each task."""
    here = Submission.at(ROOT)
    parts = [HEAD]
    for module in tasks.modules:
        parts.append(f"\n## Module {module.number}: {module.title}\n")
        parts += [_section(task, tasks, here) for task in tasks.in_module(module.number)]
    return "".join(parts)


def readme_table(tasks: Table) -> str:
    """Return the rows for the README: the modules with their tasks."""
    lines = ["| module | tasks |", "| --- | --- |"]
    lines += [_row(module, tasks) for module in tasks.modules]
    return "\n".join(lines)


def with_table(readme: str, rows: str) -> str:
    """Return the README with the table put in its place.

    Raises:
        ValueError: The place is not marked.
    """
    pattern = re.compile(f"{re.escape(BEGIN)}.*?{re.escape(END)}", re.DOTALL)
    if len(pattern.findall(readme)) != 1:
        raise ValueError(f"README.md has no single place between {BEGIN!r} and {END!r}")
    return pattern.sub(lambda _: f"{BEGIN}\n\n{rows}\n\n{END}", readme)


def _row(module: Module, tasks: Table) -> str:
    linked = [f"[{task.id}]({task.doc}) {task.title}" for task in tasks.in_module(module.number)]
    return f"| {module.number} {module.title} | {' · '.join(linked)} |"


def _section(task: Task, tasks: Table, here: Submission) -> str:
    lines = [f"### Task {task.id}", "", f"**{task.title}.** {task.asks}", ""]
    if task.mistakes:
        lines += [f"What usually goes wrong: {task.mistakes}", ""]
    points = "no points" if not task.points else f"{task.points:g} points"
    facts = [f"{points}, `hatch run grade {task.marker}`"]
    if task.device == "cuda":
        facts.append("needs a GPU, or `--simulate`")
    if task.prerequisites:
        linked = (f"[{name}](#task-{name.replace('.', '')})" for name in task.prerequisites)
        facts.append(f"builds on {', '.join(linked)}")
    lines += [f"- {fact}" for fact in facts]
    if written := ", ".join(_functions(task, here)):
        lines.append(f"- to write: {written}")
    if task.forbidden:
        named = ", ".join(f"`{name}`" for name in task.forbidden)
        lines.append(f"- may not do the work: {named}")
    if task.speed is not None:
        lines.append(
            f"- fast enough: at most {task.speed.ratio:g} times as long as our fast kernels"
        )
    for name, accuracy in task.accuracy.items():
        lines.append(f"- accurate: {accuracy.least} of {accuracy.of} right, {_words(name)}")
    lines += ["", "| check | |", "| --- | --- |"]
    lines += [f"| {_words(name)} | required |" for name in task.checks.required]
    lines += [f"| {_words(name)} | advice: {why} |" for name, why in task.checks.advice.items()]
    lines += [f"\n{_words(name)}: {why}." for name, why in task.allowances.items()]
    return "\n" + "\n".join(lines) + "\n"


def _functions(task: Task, here: Submission) -> Iterable[str]:
    """Go through the files of a task's functions, with their names."""
    files: dict[str, list[str]] = {}
    for hole in task.holes:
        place = here.find(hole)
        if place is not None:
            files.setdefault(place.file, []).append(hole.partition(":")[2])
    for file, names in files.items():
        listed = ", ".join(f"`{name}`" for name in names)
        yield f"{listed} in [{file.rpartition('/')[2]}](../../{file})"


def _words(name: str) -> str:
    return name.removeprefix("test_").replace("_", " ")


def main() -> None:
    """Write the documents."""
    TASKS.write_text(tasks_page(table()), encoding="utf-8")
    readme = README.read_text(encoding="utf-8")
    README.write_text(with_table(readme, readme_table(table())), encoding="utf-8")


if __name__ == "__main__":
    main()
