"""A plugin of pytest that writes down what becomes of measured tests."""

import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from grading.tests.measurement.cases import Case, Part
from grading.tests.measurement.published import commit

PROPERTY = "measured"
ATTACKS = "test_grading_attacks_on_"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of the command."""
    parser.addoption("--measured", type=Path, help="the file for the cases, one a line")
    parser.addoption("--parts", default="", help="the parts to run, with commas")
    parser.addoption("--first", action="store_true", help="one case of each group only")
    parser.addoption("--known", type=Path, help="a file with ids of cases to leave out")


def group_of(item: pytest.Item, part: Part) -> str:
    """Return the row that a case is counted in.

    The parameters of all but attacks are called "TASK: name" or "tree: task".
    """
    if part == "attack":
        return item.path.stem.removeprefix(ATTACKS).replace("_", " ")
    head = re.search(r"\[(.*?): ", item.name)
    assert head is not None, f"{item.nodeid} does not begin with a task or a tree"
    return head[1] if part == "verdict" else f"module {head[1][0]}"


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Label the cases and leave out what is not wanted."""
    parts = set(filter(None, config.getoption("--parts").split(",")))
    known = config.getoption("--known")
    ids = set(known.read_text("utf-8").splitlines()) if known else set()
    kept, left_out, groups = [], [], set()
    for item in items:
        mark = item.get_closest_marker("measured")
        assert mark is not None
        part: Part = mark.args[0]
        group = group_of(item, part)
        id = _id(item)
        if (
            (parts and part not in parts)
            or id in ids
            or (config.getoption("--first") and (part, group) in groups)
        ):
            left_out.append(item)
            continue
        groups.add((part, group))
        item.user_properties.append((PROPERTY, [id, part, group]))
        kept.append(item)
        if config.option.collectonly:
            _write(config, Case(id, part, group))
    config.hook.pytest_deselected(items=left_out)
    items[:] = kept


def _id(item: pytest.Item) -> str:
    """Return the id of a test without the group that xdist appends to it."""
    mark = item.get_closest_marker("xdist_group")
    return item.nodeid.removesuffix(f"@{mark.args[0]}") if mark else item.nodeid


class Recorder:
    """Writes each outcome down when it is known.

    Attributes:
        config: The run's settings.
        commit: The commit of the sources.
    """

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.commit = commit()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Write the outcome of a test; of what comes before and after it only a failure."""
        if report.when != "call" and report.passed:
            return
        properties: dict[str, Any] = dict(report.user_properties)
        labels = properties[PROPERTY]
        _write(self.config, Case(labels[0], labels[1], labels[2], report.outcome, self.commit))


def pytest_configure(config: pytest.Config) -> None:
    """Record in the process that hands out the tests."""
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Recorder(config))


def _write(config: pytest.Config, case: Case) -> None:
    with config.getoption("--measured").open("ab") as file:
        file.write(msgspec.json.encode(case) + b"\n")
