"""Generated blocks of documents: `python -m grading.tasks.pages` writes them from the task table.

The rest of a task's page is written by hand. A block is the text between two marks. A test compares
the documents with the output of this module.
"""

import re
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterable, Iterator, Sequence

from asv_benchmarks.workloads import LAYERS
from grading.diagnosis.catalogue import MISTAKES
from grading.paths import ROOT
from grading.submissions.submission import Submission
from grading.tasks.model import (
    EDITION_NAMES,
    Edition,
    Group,
    Module,
    Table,
    Task,
    split_need,
    title_of,
)
from grading.tasks.table import table
from tools.blocks import with_block

FOLDER = ROOT / "docs" / "tasks"
INDEX = FOLDER / "README.md"
PICTURES = ROOT / "docs" / "images" / "tasks"
README = ROOT / "README.md"

BEGIN = "<!-- {}: written by `python -m grading.tasks.pages` -->"
"""Format string of the first line of a block; its argument is the name of the block."""

NAMED = re.compile(BEGIN.format(r"(\w+)"))
"""Pattern of the first line of a block, with its name."""

VARYING = re.compile(r"`[^`]+`|(?<= of )(?:1 / x|a \w+)(?= )|(?<=returns )[-dx²³1 /]+(?=\.)")
"""Names and formulas in which the causes of a family differ."""


def written(text: str, blocks: dict[str, str]) -> str:
    """Return a document with regenerated blocks.

    Raises:
        ValueError: A block is missing, repeated or unknown.
    """
    names = NAMED.findall(text)
    if sorted(names) != sorted(blocks):
        raise ValueError(f"the blocks of the document are {names}, expected {list(blocks)}")
    for name, content in blocks.items():
        text = with_block(text, name, content)
    return text


def task_page(task: Task, tasks: Table) -> str:
    """Return the page of a task with regenerated blocks; a new page if there is none."""
    file = ROOT / task.doc
    text = file.read_text(encoding="utf-8") if file.exists() else _new_page(task)
    return written(text, {name: write(task, tasks) for name, write in BLOCKS.items()})


def index_page(tasks: Table) -> str:
    """Return the page that lists all tasks."""
    blocks = {"tasks": _index(tasks), "hours": _hours(tasks)}
    return written(INDEX.read_text(encoding="utf-8"), blocks)


def readme_page(tasks: Table) -> str:
    """Return the README with the table of modules and tasks."""
    lines = ["| module | tasks |", "| --- | --- |"]
    lines += [_row(module, tasks) for module in tasks.modules]
    return written(README.read_text(encoding="utf-8"), {"tasks": "\n".join(lines)})


def _new_page(task: Task) -> str:
    blocks = {name: f"{BEGIN.format(name)}\n<!-- end of {name} -->\n" for name in BLOCKS}
    return (
        f"# {task.id} {task.title}\n\n{blocks['head']}\n## Checks\n\n{blocks['checks']}\n"
        f"## Common mistakes\n\n{blocks['messages']}"
    )


def _row(module: Module, tasks: Table) -> str:
    linked = [f"[{task.id}]({task.doc}) {task.title}" for task in tasks.in_module(module.number)]
    return f"| {module.number} {module.title} | {' · '.join(linked)} |"


def _index(tasks: Table) -> str:
    parts = []
    for module in tasks.modules:
        parts.append(f"### [Module {module.number}: {module.title}](module{module.number}.md)\n")
        parts.append("| | | | |\n| --- | --- | --- | --- |")
        parts += [
            f"| [{task.id}]({task.id}.md) | **{task.title}** | {task.asks} "
            f"| {task.hours:g} h, {task.difficulty} |"
            for task in tasks.in_module(module.number)
        ]
        parts.append("")
    return "\n".join(parts).strip()


def _hours(tasks: Table) -> str:
    """Return the table of estimated hours, by module."""
    lines = ["| module | hours |", "| --- | ---: |"]
    total = 0.0
    for module in tasks.modules:
        hours = sum(task.hours for task in tasks.in_module(module.number))
        lines.append(f"| {module.number} {module.title} | {hours:g} |")
        total += hours
    return "\n".join([*lines, f"| all | {total:g} |"])


def _head(task: Task, tasks: Table) -> str:
    """Return the block at the top of a task's page: summary, points, links and functions."""
    lines = [f"**{task.asks}**", "", *_picture(task)]
    points = "no points" if not task.points else f"{task.points:g} points"
    facts = [f"{points}: `hatch run grade {task.marker}`"]
    if task.device == "cuda":
        facts[0] += ", on a GPU, or with `--simulate`"
    hours = f"{task.hours:g} {'hour' if task.hours == 1 else 'hours'}"
    facts.append(f"about {hours}, {task.difficulty} ([estimate](README.md#hours))")
    linked = _linked(task.prerequisites)
    facts.append(f"builds on {linked}" if linked else "needs no earlier task")
    if unlocked := tasks.unlocked_by(task):
        facts.append(f"leads to {_linked(each.id for each in unlocked)}")
    facts.append(f"part of [module {task.module}](module{task.module}.md)")
    facts += [f"to write: {names}" for names in _functions(task)]
    return "\n".join([*lines, *(f"- {fact}" for fact in facts)])


def _picture(task: Task) -> list[str]:
    """Return the picture of a task, if there is one, with its title as alternative text."""
    file = PICTURES / f"{task.id}.svg"
    if not file.exists():
        return []
    root = ET.fromstring(file.read_text(encoding="utf-8"))
    titles = [child.text or "" for child in root if child.tag.endswith("}title")]
    if not titles or not titles[0].strip():
        raise ValueError(f"{file} has no <title> for the alternative text")
    return [f"![{' '.join(titles[0].split())}](../images/tasks/{file.name})", ""]


def _linked(names: Iterable[str]) -> str:
    return ", ".join(f"[{name}]({name}.md)" for name in names)


def _functions(task: Task) -> list[str]:
    """Return one line for each file with functions of a task."""
    here = Submission.at(ROOT)
    files: dict[str, list[str]] = {}
    for hole in task.holes:
        location = here.find(hole)
        if location is not None:
            files.setdefault(location.file, []).append(hole.partition(":")[2])
    return [
        f"{', '.join(f'`{name}`' for name in names)} in [{file.rpartition('/')[2]}](../../{file})"
        for file, names in files.items()
    ]


def _checks(task: Task, tasks: Table) -> str:
    """Return the block about the checks of a task."""
    lines = ["Nothing is required."]
    if task.groups:
        lines = ["Required checks. Each group earns its points if all of its checks pass:", ""]
        for group in task.groups:
            lines += _group(task, group)
        lines += ["", "The documentation that promises each of these checks:", ""]
        lines += ["| check | promised by |", "| --- | --- |"]
        lines += [
            f"| {title_of(name)} | {promise}{_for_some(task.checks.editions.get(name, ()))} |"
            for name, promise in task.checks.promises.items()
        ]
    if task.checks.advice:
        lines += ["", "Advice, which costs no points:", ""]
        lines += [f"- {title_of(name)}: {why}" for name, why in task.checks.advice.items()]
    if task.accuracy:
        lines += ["", "Accuracy after training:", ""]
        lines += ["| | correct |", "| --- | --- |"]
        lines += [
            f"| {title_of(name)} | {accuracy.least} of {accuracy.of} |"
            for name, accuracy in task.accuracy.items()
        ]
    if task.speed is not None:
        of_layers = any(name in LAYERS for name in task.speed.workloads)
        ours = "layers" if of_layers else "`fast` kernels"
        lines += [
            "",
            f"Speed: your code is fast enough if it takes at most {task.speed.ratio:g} times as "
            f"long as our {ours} ([measurement](../guides/grading-your-work.md#speed)).",
        ]
    if task.allowances:
        lines += ["", "Your choice:", ""]
        lines += [f"- {title_of(name)}: {why}" for name, why in task.allowances.items()]
    if task.forbidden:
        named = ", ".join(f"`{name}`" for name in task.forbidden)
        lines += ["", f"Your code must not use {named}."]
    return "\n".join(lines)


def _for_some(editions: Sequence[Edition]) -> str:
    """Return a note on the editions that require a check; empty if all do."""
    if not editions:
        return ""
    return f" *(required in files of {', '.join(EDITION_NAMES[e] for e in editions)})*"


def _group(task: Task, group: Group) -> list[str]:
    """Return the lines about a group: its points, its checks and its needs."""
    points = f"{group.points} {'point' if group.points == 1 else 'points'}"
    lines = [f"- **{group.name}**, {points}", *(f"    - {title_of(name)}" for name in group.checks)]
    needs = [split_need(need, task.id) for need in group.needs]
    if needs:
        named = ", ".join(
            f"*{name}*" if of == task.id else f"*{name}* of [{of}]({of}.md)" for of, name in needs
        )
        lines.append(
            f"    - [excused](../glossary.md#tests-and-grading) while one of these fails: {named}"
        )
    return lines


def _messages(task: Task, tasks: Table) -> str:
    """Return the block with the likely causes that a report may name, one line for each family."""
    causes = dict.fromkeys(each.cause for each in MISTAKES if task.id in each.tasks)
    if not causes:
        return "The report shows a small failing input, and the expected and the received value."
    summary = f"All {len(causes)} mistakes that the grader recognises"
    head = f'<details markdown="1"><summary>{summary}</summary>'
    return "\n".join([head, "", *_by_family(causes), "", "</details>"])


def _by_family(causes: Iterable[str]) -> Iterator[str]:
    """Yield a line for each cause; one line for three or more that differ only in `VARYING`."""
    families: dict[str, list[str]] = {}
    for cause in causes:
        families.setdefault(VARYING.sub("…", cause), []).append(cause)
    for first, *others in families.values():
        if len(others) > 1:
            yield f"- {first} *(and {len(others)} with other names or formulas)*"
        else:
            yield from (f"- {cause}" for cause in (first, *others))


BLOCKS: dict[str, Callable[[Task, Table], str]] = {
    "head": _head,
    "checks": _checks,
    "messages": _messages,
}
"""Functions that write the blocks of a task's page, by the name of the block."""


def main() -> None:
    """Write the documents."""
    tasks = table()
    for task in tasks.tasks:
        (ROOT / task.doc).write_text(task_page(task, tasks), encoding="utf-8")
    INDEX.write_text(index_page(tasks), encoding="utf-8")
    README.write_text(readme_page(tasks), encoding="utf-8")


if __name__ == "__main__":
    main()
