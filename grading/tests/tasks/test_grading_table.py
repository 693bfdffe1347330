"""The table of tasks is valid and agrees with the documents; invalid tables are refused."""

import ast
import re
import tomllib
from pathlib import Path

import msgspec
import pytest
from markdown_it import MarkdownIt

from grading.diagnosis.catalogue import MISTAKES
from grading.paths import ROOT
from grading.tasks import pages
from grading.tasks.model import EDITIONS, Table, Task, UnknownTaskError, selects, split_selector
from grading.tasks.table import PATH, TableError, load, table

TEXT = PATH.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def tasks() -> Table:
    return table()


def test_all_tasks_of_the_course_are_there(tasks: Table) -> None:
    counts = {module.number: len(tasks.in_module(module.number)) for module in tasks.modules}
    assert counts == {0: 5, 1: 5, 2: 5, 3: 5, 4: 6, 5: 5, 6: 2}
    assert [task.id for task in tasks.in_module(4)] == ["4.1", "4.2", "4.3", "4.4", "4.4b", "4.5"]


def test_markers_are_those_of_the_table(tasks: Table) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    markers = project["tool"]["pytest"]["ini_options"]["markers"]
    declared = [marker.partition(":")[0] for marker in markers if marker.startswith("task")]
    assert declared == [task.marker for task in tasks.tasks]


def checks_in(file: Path) -> list[str]:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    return [node.name for node in functions if node.name.startswith("test_")]


def test_checks_are_those_of_the_files(tasks: Table) -> None:
    for task in tasks.tasks:
        there = checks_in(ROOT / task.check_file)
        assert sorted(there) == sorted(task.checks.names), task.id


def cases_in(task: Task) -> dict[str, set[str]]:
    """Return the ids of the cases of each check of a task, as pytest writes them."""
    found: dict[str, set[str]] = {}

    class Collector:
        def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
            for item in items:
                case = getattr(getattr(item, "callspec", None), "id", "")
                found.setdefault(getattr(item, "originalname", item.name), set()).add(case)

    arguments = ["--collect-only", "-p", "no:terminal", "-p", "no:cacheprovider"]
    options = [f"--rootdir={ROOT}", f"--confcutdir={ROOT / 'grading'}", "--import-mode=importlib"]
    file = str(ROOT / task.check_file)
    pytest.main([file, *arguments, *options, "--config-file=/dev/null"], plugins=[Collector()])
    return found


def test_every_case_of_a_required_check_belongs_to_one_group(tasks: Table) -> None:
    for task in tasks.tasks:
        cases = cases_in(task)
        for name in task.checks.required:
            for case in cases[name]:
                owners = [
                    group.name
                    for group in task.groups
                    if any(selects(entry, name, case) for entry in group.checks)
                ]
                assert len(owners) == 1, (task.id, name, case, owners)
        for group in task.groups:
            for entry in group.checks:
                name, _ = split_selector(entry)
                assert any(selects(entry, name, case) for case in cases[name]), (task.id, entry)


def test_the_points_of_the_groups_are_those_of_the_task(tasks: Table) -> None:
    for task in tasks.tasks:
        assert sum(group.points for group in task.groups) == task.points
        assert bool(task.groups) == bool(task.checks.required)


def test_direct_and_indirect_needs_of_a_group(tasks: Table) -> None:
    task = tasks.task("4.4")
    (group,) = [each for each in task.groups if each.name == "maxpool2d"]
    needed = [(of.id, each.name) for of, each in tasks.needs(task, group)]
    assert {("4.3", "tile"), ("2.1", "to_index"), ("4.4", "max")} <= set(needed)
    assert needed == sorted(needed, key=lambda key: [each.id for each in tasks.tasks].index(key[0]))
    assert ("4.4", "maxpool2d") not in needed


def test_no_file_of_checks_without_a_task(tasks: Table) -> None:
    files = {path.relative_to(ROOT).as_posix() for path in (ROOT / "grading/checks").glob("*.py")}
    of_every_task = {"grading/checks/test_forbidden_calls.py"}
    assert files - of_every_task == {task.check_file for task in tasks.tasks}


def test_every_exercise_exists_in_the_packages(tasks: Table) -> None:
    from grading.submissions.submission import Submission

    here = Submission.at(ROOT)
    for task in tasks.tasks:
        absent = [hole for hole in task.holes if here.find(hole) is None]
        assert not absent, task.id


def test_the_pages_of_tasks_are_written_from_the_table(tasks: Table) -> None:
    for task in tasks.tasks:
        page = (ROOT / task.doc).read_text(encoding="utf-8")
        assert page == pages.task_page(task, tasks), f"{task.doc}: python -m grading.tasks.pages"
        assert page.startswith(f"# {task.id} {task.title}\n")


def test_every_page_of_a_task_belongs_to_one(tasks: Table) -> None:
    files = {path.relative_to(ROOT).as_posix() for path in pages.FOLDER.glob("[0-9]*.md")}
    assert files == {task.doc for task in tasks.tasks}


def test_the_readme_and_the_index_list_the_tasks_of_the_table(tasks: Table) -> None:
    assert pages.README.read_text(encoding="utf-8") == pages.readme_page(tasks)
    assert pages.INDEX.read_text(encoding="utf-8") == pages.index_page(tasks)


def test_a_new_task_gets_a_page(tasks: Table) -> None:
    task = msgspec.structs.replace(tasks.task("4.2"), id="4.6", doc="docs/tasks/4.6.md")
    page = pages.task_page(task, tasks)
    assert page.startswith("# 4.6 2-D convolution\n")
    promise = task.checks.promises["test_values_and_gradients"]
    assert f"| values and gradients | {promise} |\n" in page


@pytest.mark.parametrize("text", ["no block", "two {0} {0}", "an unknown one {1}"])
def test_a_document_without_its_blocks_is_refused(text: str) -> None:
    mark = "<!-- {0}: written by `python -m grading.tasks.pages` --><!-- end of {0} -->"
    with pytest.raises(ValueError, match="blocks of the document"):
        pages.written(text.format(mark.format("head"), mark.format("foot")), {"head": "new"})


def test_a_block_is_replaced_and_nothing_else() -> None:
    mark = "<!-- head: written by `python -m grading.tasks.pages` -->"
    text = f"above\n{mark}old\n<!-- end of head -->\nbelow"
    assert pages.written(text, {"head": r"\1 new"}) == (
        f"above\n{mark}\n\n\\1 new\n\n<!-- end of head -->\nbelow"
    )


def test_messages_explained_on_pages_exist_in_the_grader(tasks: Table) -> None:
    """Pages quote causes that the grader names, or sentences of its checks with gaps."""
    sentences = [
        node.value
        for file in (ROOT / "grading").rglob("*.py")
        if "tests" not in file.parts
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]
    for task in tasks.tasks:
        causes = {each.cause for each in MISTAKES if task.id in each.tasks}
        for quoted in quotations(ROOT / task.doc):
            pieces = [piece.strip() for piece in quoted.split("…")]
            found_all = all(any(piece in each for each in sentences) for piece in pieces)
            assert quoted in {*causes, *sentences} or ("…" in quoted and found_all), (
                f"{task.doc}: the grader never says {quoted!r}"
            )


def test_every_task_has_an_estimate(tasks: Table) -> None:
    raw = tomllib.loads(TEXT)["task"]
    assert all({"hours", "difficulty"} <= set(each) for each in raw)
    total = sum(task.hours for task in tasks.tasks)
    assert f"| all | {total:g} |" in (ROOT / "docs" / "tasks" / "README.md").read_text("utf-8")


def test_an_estimate_is_positive(tmp_path: Path) -> None:
    path = tmp_path / "tasks.toml"
    path.write_text(TEXT.replace("\nhours = 1.5\n", "\nhours = 0\n", 1), encoding="utf-8")
    with pytest.raises(TableError, match="the estimate has to be positive"):
        load(path)


def test_questions_of_learners_quote_the_grader() -> None:
    """Each of the twenty messages is a cause, possible in the tasks that the answer names."""
    file = ROOT / "docs" / "guides" / "questions.md"
    possible: dict[str, set[str]] = {}
    for each in MISTAKES:
        possible.setdefault(each.cause, set()).update(each.tasks)
    assert len(possible) > 200
    quoted = quotations(file)
    named = re.findall(r"^\*\*Tasks? ([^*]+)\.\*\*", file.read_text("utf-8"), re.MULTILINE)
    assert len(set(quoted)) == len(named) == 20
    for cause, tasks in zip(quoted, named, strict=True):
        assert set(tasks.split(", ")) <= possible[cause], cause


def quotations(file: Path) -> list[str]:
    """Return the text of every block quotation of a document."""
    tokens = MarkdownIt("commonmark").parse(file.read_text(encoding="utf-8"))
    return [
        tokens[i + 2].content.replace("\n", " ")
        for i, token in enumerate(tokens)
        if token.type == "blockquote_open"
    ]


def test_prerequisites_of_a_task(tasks: Table) -> None:
    assert [task.id for task in tasks.before(tasks.task("1.4"))] == ["0.1", "1.2", "1.3"]
    assert "1.3" in [task.id for task in tasks.unlocked_by(tasks.task("1.2"))]


@pytest.mark.parametrize(
    ("names", "ids"),
    [
        (["task4_2"], ["4.2"]),
        (["4.2"], ["4.2"]),
        (["task4_4b", "task0_1", "task4_4b"], ["0.1", "4.4b"]),
        (["module1", "task1_1"], ["1.1", "1.2", "1.3", "1.4", "1.5"]),
    ],
)
def test_names_stand_for_tasks(names: list[str], ids: list[str], tasks: Table) -> None:
    assert [task.id for task in tasks.select(names)] == ids


def test_an_empty_selection_is_all_tasks(tasks: Table) -> None:
    assert tasks.select([]) == tasks.tasks


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("task42", "task4_2"),
        ("Task 4.2", "task4_2"),
        ("4_2", "task4_2"),
        ("task4.4b", "task4_4b"),
        ("tsak4_2", "task4_2"),
        ("modul4", "module4"),
    ],
)
def test_a_mistyped_name_gets_a_suggestion(name: str, meant: str, tasks: Table) -> None:
    with pytest.raises(UnknownTaskError, match=f"{name}.*did you mean {meant}"):
        tasks.select([name])


ERRORS = {
    "a value of another type": ("points = 10", 'points = "ten"', "points", "float"),
    "an unknown key": ('device = "cpu"', 'devise = "cpu"', "devise", "device"),
    "a missing key": ('title = "Operators"\n', "", "task[0]", "title"),
    "an unknown device": ('device = "cpu"', 'device = "tpu"', "device", "tpu"),
    "an invalid id": ('id = "0.1"', 'id = "one"', "id", "'one'"),
    "a repeated id": ('id = "0.3"', 'id = "0.2"', "id", "twice"),
    "a module that does not exist": ("module = 0", "module = 7", "module", "7"),
    "a task in the wrong module": ("module = 0", "module = 1", "module", "1"),
    "no time limit": ("seconds = 60", "seconds = 0", "seconds", "positive"),
    "no memory": ("memory_mb = 1000", "memory_mb = 1", "memory_mb", "at least 100 MB"),
    "a hole without a function": (
        '"mt_tensor.operators:neg"',
        '"mt_tensor.operators.neg"',
        "holes[3]",
        "module:qualname",
    ),
    "a repeated hole": (
        '"mt_tensor.operators:neg"',
        '"mt_tensor.operators:mul"',
        "holes[3]",
        "twice",
    ),
    "a prerequisite below": (
        'prerequisites = ["1.2"]',
        'prerequisites = ["4.2"]',
        "prerequisites[0]",
        "4.2",
    ),
    "a check that is required and advice": (
        "test_maximum_of_nan =",
        "test_functions_of_two_numbers =",
        "test_functions_of_two_numbers",
        "also required",
    ),
    "an unknown edition": (
        'test_reduce_from_the_left = ["packages", "2021", "2022"]',
        'test_reduce_from_the_left = ["packages", "2021", "2023"]',
        "editions",
        "2024",
    ),
    "an edition of no required check": (
        'test_reduce_from_the_left = ["packages", "2021", "2022"]',
        'test_product_of_an_empty_list = ["packages", "2021", "2022"]',
        "test_product_of_an_empty_list",
        "not a required check",
    ),
    "a group with an unknown check": (
        'checks = ["test_functions_of_two_numbers[mul]"]',
        'checks = ["test_three_numbers"]',
        "group[0].checks[0]",
        "not a required check",
    ),
    "a group without points": (
        "points = 1\n",
        "points = 0\n",
        "group[0].points",
        "at least 1 point",
    ),
    "groups with too many points": ("points = 1\n", "points = 3\n", "points", "groups have 12"),
    "a check in two groups": (
        'checks = ["test_functions_of_two_numbers[add]"]',
        'checks = ["test_functions_of_two_numbers[mul]"]',
        "checks[0]",
        "several groups",
    ),
    "a check in no group": (
        '"test_reciprocal", "test_edge_cases[inv]"',
        '"test_edge_cases[inv]"',
        "checks.required",
        "in no group",
    ),
    "a group with an unknown function": (
        'holes = ["mul"]',
        'holes = ["mull"]',
        "group[0].holes[0]",
        "not a function",
    ),
    "a need that does not exist": (
        'needs = ["2.4/permute and view", "4.3/tile", "max"]',
        'needs = ["2.4/permute and view", "4.3/tiles", "max"]',
        "needs[1]",
        "it has 'tile'",
    ),
    "a need below": (
        'needs = ["2.4/permute and view", "4.3/tile", "max"]',
        'needs = ["2.4/permute and view", "4.3/tile", "dropout"]',
        "needs[2]",
        "no group 'dropout' above",
    ),
    "an invalid page": ('doc = "docs/', 'doc = "http://', "doc", "page"),
}


FAR = {"in no group", "groups have 12", "several groups"}
"""Problems of a whole task, or of one of two places."""


@pytest.mark.parametrize("name", ERRORS)
def test_an_error_is_refused_with_its_line_and_key(name: str, tmp_path: Path) -> None:
    before, after, key, word = ERRORS[name]
    path = tmp_path / "tasks.toml"
    assert before in TEXT
    path.write_text(TEXT.replace(before, after, 1), encoding="utf-8")
    line = TEXT[: TEXT.index(before)].count("\n") + 1
    with pytest.raises(TableError) as caught:
        load(path)
    where, _, what = str(caught.value).partition(": ")
    assert key in what
    assert word in what
    assert where.startswith(f"{path}:")
    # A missing key is reported at the start of its table, a repeated task at the second one.
    nearby = 80 if word in FAR else 4
    assert int(where.removeprefix(f"{path}:")) in range(line - nearby, line + 4)


def test_an_old_key_is_accepted_with_one_warning(tmp_path: Path, tasks: Table) -> None:
    path = tmp_path / "tasks.toml"
    path.write_text(TEXT.replace("\nalso_remove = ", "\nspoils = "), encoding="utf-8")
    with pytest.warns(FutureWarning, match="`spoils` is now `also_remove`") as warned:
        assert load(path) == tasks
    assert len(warned) == 1


def test_both_names_of_a_key_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "tasks.toml"
    path.write_text(TEXT.replace("\nalso_remove =", "\nspoils = []\nalso_remove =", 1), "utf-8")
    with (
        pytest.warns(FutureWarning, match="also_remove"),
        pytest.raises(TableError, match="overwrite"),
    ):
        load(path)


def test_a_syntax_error_names_its_line(tmp_path: Path) -> None:
    path = tmp_path / "tasks.toml"
    path.write_text("version = 1\n[[task]\n", encoding="utf-8")
    with pytest.raises(TableError, match="line 2"):
        load(path)


def test_every_required_check_has_a_promise(tmp_path: Path, tasks: Table) -> None:
    for task in tasks.tasks:
        for name, promise in task.checks.promises.items():
            # It names an edition of the course, or this repository.
            assert re.search(r"20\d\d|this repository", promise), (task.id, name)
    path = tmp_path / "tasks.toml"
    name, promise = "test_functions_of_two_numbers = ", '"2021 – 2023: the docstrings'
    assert name + promise in TEXT
    path.write_text(TEXT.replace(name + promise, f'{name}" " #', 1), encoding="utf-8")
    with pytest.raises(TableError, match="promises it"):
        load(path)


def test_a_check_counts_in_the_files_of_the_editions_that_promise_it(tasks: Table) -> None:
    parallel = "test_parallel_main_loop"
    editions = (*EDITIONS, None)
    expected = {
        # Task, check: editions whose files it counts in; None for files of an unknown edition.
        ("3.1", "test_parallel_main_loops"): editions,
        ("4.1", parallel): ("packages", "2024"),
        ("4.2", parallel): (),
        ("0.3", "test_reduce_from_the_left"): ("packages", "2021", "2022"),
        ("0.3", "test_arguments_afterwards"): ("packages", "2021", "2022"),
        ("0.3", "test_reduce"): editions,
    }
    for (task, name), counting in expected.items():
        of = {edition: tasks.task(task).for_edition(edition) for edition in editions}
        assert tuple(e for e in editions if name in of[e].checks.required) == counting, (task, name)


def test_a_reason_is_needed(tmp_path: Path) -> None:
    path = tmp_path / "tasks.toml"
    name, reason = "test_maximum_of_nan = ", '"a maximum that ignores NaN'
    assert name + reason in TEXT
    path.write_text(TEXT.replace(name + reason, f'{name}" " #', 1), encoding="utf-8")
    with pytest.raises(TableError, match="reason"):
        load(path)
