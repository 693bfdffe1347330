"""Documents of a learner's tree: README.md, hatch.toml and pyproject.toml."""

import ast
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path

from grading.scaffold.stripping import QualifiedName, module_name
from grading.submissions.syntax import definitions
from grading.tasks.model import Table, Task

NEEDED = frozenset({"pytest", "hypothesis", "click", "rich", "jinja2", "msgspec", "watchfiles"})
"""Dependencies of the default environment that the tests and the grader need."""

TRAIN = {
    1: "points --model scalar",
    2: "points --backend reference",
    3: "points --backend fast",
    4: "mnist --backend fast",
    5: "mnist --backend fast",
    6: "mnist --backend fast",
}
"""Default arguments of `hatch run train`, by the module of the tree."""

NOTHING_TO_TRAIN = "echo Training begins with module 1: module 0 has no network yet. && exit 1"


def readme(
    module: int, table: Table, stripped: Mapping[str, str], solved_before: bool = False
) -> str:
    """Return README.md: the commands, and the tasks with their files.

    Args:
        module: The module of the tree.
        table: The tasks.
        stripped: The sources of the tree by path.
        solved_before: True if the functions of earlier modules are written in the tree.
    """
    (chapter,) = (each for each in table.modules if each.number == module)
    tasks = table.in_module(module)
    first = next((task for task in tasks if task.holes), tasks[0])
    rows = "\n".join(_row(task, stripped) for task in tasks)
    return f"""\
# MiniTorch, module {module}: {chapter.title}

The library with holes. A hole is a function without its body; the error that it raises names its
task, and its signature and docstring specify it.

## Commands

You need Python 3.11, 3.12 or 3.13:

```sh
python3 -m venv .boot && .boot/bin/pip install -q hatch && .boot/bin/hatch run grade {first.marker}
```

| `.boot/bin/hatch run …` | |
| --- | --- |
| `grade` | judge this module; `grade {first.marker}` one task; `--watch` does so at every save |
| `status` | your progress, and the next task |
| `test` | your own tests, in `tests/` |
| `train` | {_training(module)} |
| `predict RUN INPUTS`, `evaluate RUN DATA` | use a trained network |
| `runs` | your trainings: list, compare, export, delete |
| `sync PREVIOUS` | carry your work from the tree of an earlier module into this one |
| `doctor` | find problems of the installation |

## Tasks

| task | | file |
| --- | --- | --- |
{rows}

Each task's page has the idea, the mathematics, and hints to unfold; the
[glossary](docs/glossary.md) explains the terms. [Questions and answers](docs/guides/questions.md)
explains the most important messages of the grader.

{_earlier(module, solved_before)}Later modules need no work yet. The tree lacks
all code that contains the solution of a task of this module or a later one, for example the tuned
kernels: your networks train on your own kernels.
"""


def _earlier(module: int, solved_before: bool) -> str:
    """Return a sentence about the functions of earlier modules; empty for module 0."""
    if module == 0:
        return ""
    if solved_before:
        return f"{state_of_earlier(module, solved_before)}.\n"
    return (
        f"{state_of_earlier(module, solved_before)} until `sync` copies your work. In a tree\n"
        f"of `hatch run scaffold module{module} OUT --solved-before` they work.\n"
    )


def state_of_earlier(module: int, solved_before: bool) -> str:
    """Return a clause about the functions of the modules before `module`, which is at least 1."""
    numbers = "module 0" if module == 1 else f"modules 0 – {module - 1}"
    return f"The functions of {numbers} are {'written and work' if solved_before else 'open'}"


def _training(module: int) -> str:
    command = TRAIN.get(module)
    return "train a network, from module 1 on" if command is None else f"`train {command}`"


def _row(task: Task, stripped: Mapping[str, str]) -> str:
    """Return the table row of a task in README.md, with links to the files of its holes."""
    paths = {module_name(path): path for path in stripped}
    files: dict[str, list[str]] = {}
    for hole in task.holes:
        target = QualifiedName.of(hole)
        path = paths[target.module]
        line = definitions(ast.parse(stripped[path]))[target.qualname].lineno
        files.setdefault(path, []).append(f"`{target.qualname}` ({line})")
    where = "; ".join(f"[{Path(path).name}]({path}): {', '.join(n)}" for path, n in files.items())
    return f"| `{task.marker}` | [{task.title}]({task.doc}) | {where or _written(task)} |"


def _written(task: Task) -> str:
    """Return the folder in which a task without holes is done."""
    return "[tests/](tests)" if task.id == "0.2" else ""


def hatch_toml(module: int, repository: Path) -> str:
    """Return hatch.toml, the commands of a tree.

    Args:
        module: The module of the tree.
        repository: The `hatch.toml` of the repository, for the versions of the tools.
    """
    default = tomllib.loads(repository.read_text(encoding="utf-8"))["envs"]["default"]
    needed = "\n".join(
        f'    "{requirement}",'
        for requirement in default["dependencies"]
        if re.split(r"[^\w-]", requirement)[0] in NEEDED
    )
    command = TRAIN.get(module)
    train = NOTHING_TO_TRAIN if command is None else f"python -m mt_models train {{args:{command}}}"
    return f"""\
# The commands of this tree: `hatch run NAME`, from this folder.

[envs.default]
installer = "uv"
skip-install = true
path = ".venv"
workspace.members = ["packages/*"]
dependencies = [
    # Tests, and the grader.
{needed}
]

[envs.default.env-vars]
NUMBA_CACHE_DIR = "{{root}}/.numba_cache"
HF_HUB_OFFLINE = "1"
MPLBACKEND = "agg"

[envs.default.scripts]
grade = "python -m grading grade {{args:module{module}}}"
status = "python -m grading status {{args}}"
doctor = "python -m grading doctor {{args}}"
sync = "python -m grading sync {{args}}"
test = "pytest {{args}}"
train = "{train}"
predict = "python -m mt_models predict {{args}}"
evaluate = "python -m mt_models evaluate {{args}}"
runs = "python -m mt_models runs {{args}}"
"""


def pyproject_toml(repository: Path) -> str:
    """Return pyproject.toml, the settings of a tree.

    Args:
        repository: The `pyproject.toml` of the repository, for the Python versions and the markers.
    """
    settings = tomllib.loads(repository.read_text(encoding="utf-8"))
    pytest = settings["tool"]["pytest"]["ini_options"]
    markers = "\n".join(f'    "{marker}",' for marker in pytest["markers"])
    return f"""\
# A workspace, not a package: see hatch.toml for its commands.
[project]
name = "minitorch-course"
version = "0.1.0"
requires-python = "{settings["project"]["requires-python"]}"
classifiers = ["Private :: Do Not Upload"]

[build-system]
requires = ["hatchling>=1.26"]
build-backend = "hatchling.build"

[tool.hatch.build.targets.wheel]
bypass-selection = true

[tool.pytest.ini_options]
addopts = "--import-mode=importlib --strict-markers"
testpaths = ["tests"]
pythonpath = ["."]
markers = [
{markers}
]
"""
