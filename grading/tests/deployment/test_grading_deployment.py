"""Exports for Gradescope and GitHub Actions, as these platforms use them."""

import itertools
import json
import os
import shlex
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from grading.cli.grade import grade
from grading.deployment.__main__ import main
from grading.deployment.gradescope import SCRIPTS
from grading.judge.version import grader_commit
from grading.paths import ROOT
from grading.tasks.table import table

STUB = """#!{python}
import os, pathlib, sys
if sys.argv[1] == "-":
    os.execv({python!r}, [{python!r}, *sys.argv[1:]])
option = dict(zip(sys.argv, sys.argv[1:]))
pathlib.Path("told").write_text(" ".join(sys.argv[1:]))
pathlib.Path(option["--gradescope"]).write_text("{{}}")
print("Error: no submission", file=sys.stderr)
sys.exit({code})
"""


@pytest.fixture
def archive(tmp_path: Path) -> zipfile.ZipFile:
    file = tmp_path / "autograder.zip"
    done = CliRunner().invoke(main, ["gradescope", "module4", str(file), "--seed", "5"])
    assert done.exit_code == 0, done.output
    return zipfile.ZipFile(file)


def test_the_autograder_is_this_repository_and_two_scripts(archive: zipfile.ZipFile) -> None:
    names = set(archive.namelist())
    assert {"setup.sh", "run_autograder", "grader/hatch.toml", "grader/grading/tasks.toml"} <= names
    assert not any(".venv" in name or ".git/" in name for name in names)
    for script in ("setup.sh", "run_autograder"):
        assert archive.getinfo(script).external_attr >> 16 & 0o111
        assert archive.read(script).startswith(b"#!/usr/bin/env bash\n")
    markers = [task.marker for task in table().in_module(4)]
    assert archive.read("arguments").decode().split() == [*markers, "--seed", "5"]


@pytest.mark.parametrize("script", ["setup.sh", "run_autograder"])
def test_the_scripts_are_bash(script: str) -> None:
    subprocess.run(["bash", "-n", str(SCRIPTS / script)], check=True)


@pytest.mark.parametrize(
    ("code", "exit_code", "results"),
    [
        (0, 0, {}),
        (1, 0, {}),
        (2, 0, {"score": 0, "output": "Error: no submission\n", "visibility": "visible"}),
        (3, 3, None),
        (-9, 137, None),
    ],
)
def test_a_run_writes_results_unless_the_grader_fails(
    tmp_path: Path, code: int, exit_code: int, results: object
) -> None:
    python = tmp_path / "source/grader/.venv/bin/python"
    python.parent.mkdir(parents=True)
    (tmp_path / "results").mkdir()
    (tmp_path / "source/arguments").write_text("task4_1\ntask4_2\n--seed\n5\n")
    stub = STUB.format(python=sys.executable, code=max(code, 0))
    if code < 0:
        stub = stub.replace("sys.exit(0)", f"os.kill(os.getpid(), {-code})")
    python.write_text(stub)
    python.chmod(0o755)
    done = subprocess.run(
        ["bash", str(SCRIPTS / "run_autograder")],
        env={**os.environ, "AUTOGRADER": str(tmp_path)},
        capture_output=True,
        check=False,
    )
    assert done.returncode == exit_code, done.stderr
    arguments = (tmp_path / "source/grader/told").read_text()
    assert arguments.startswith("-m grading grade task4_1 task4_2 --seed 5 --submission ")
    file = tmp_path / "results/results.json"
    assert (json.loads(file.read_text()) if file.exists() else None) == results


def test_a_run_applies_the_policy_of_the_archive(tmp_path: Path) -> None:
    python = tmp_path / "source/grader/.venv/bin/python"
    python.parent.mkdir(parents=True)
    (tmp_path / "results").mkdir()
    (tmp_path / "source/arguments").write_text("task4_1\n")
    (tmp_path / "source/policy.toml").write_text('version = 1\nname = "x"\n')
    python.write_text(STUB.format(python=sys.executable, code=0))
    python.chmod(0o755)
    environment = {**os.environ, "AUTOGRADER": str(tmp_path)}
    subprocess.run(["bash", str(SCRIPTS / "run_autograder")], env=environment, check=True)
    words = shlex.split((tmp_path / "source/grader/told").read_text())
    assert words[words.index("--policy") + 1] == f"{tmp_path}/source/policy.toml"
    assert words[words.index("--metadata") + 1] == f"{tmp_path}/submission_metadata.json"
    # `grade` understands the options; --help keeps it from being run.
    assert CliRunner().invoke(grade, [*words[3:], "--help"]).exit_code == 0


def test_the_archive_names_policy_and_commit(tmp_path: Path) -> None:
    policy, file = tmp_path / "course.toml", tmp_path / "autograder.zip"
    policy.write_text('version = 1\nname = "x"\n')
    arguments = ["gradescope", "task0_1", str(file), "--policy", str(policy)]
    assert CliRunner().invoke(main, arguments).exit_code == 0
    with zipfile.ZipFile(file) as archive:
        assert archive.read("policy.toml") == policy.read_bytes()
        assert archive.read("grader/COMMIT").decode().strip() == grader_commit()
    policy.write_text("version = 1\n")
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == 2 and "the key 'name' is missing" in done.output


def graded_by(file: Path) -> dict[str, Any]:
    """Return the step of a workflow that grades."""
    (job,) = yaml.safe_load(file.read_text())["jobs"].values()
    (step,) = (step for step in job["steps"] if step.get("name") == "Grade")
    return dict(step)


def test_the_workflow_grades_a_push(tmp_path: Path) -> None:
    file = tmp_path / "grade.yml"
    arguments = ["actions", "module3", "task0_5", str(file), "--grader", "me/it", "--tag", "v1"]
    done = CliRunner().invoke(main, [*arguments, "--seed", "5", "--simulate"])
    assert done.exit_code == 0, done.output
    content = yaml.safe_load(file.read_text())
    assert (content["on"], content["permissions"]) == (["push"], {"contents": "read"})
    (job,) = content["jobs"].values()
    tasks = [*table().in_module(3), table().task("0.5")]
    assert job["timeout-minutes"] * 60 > sum(task.seconds for task in tasks)
    checkouts = [step["with"] for step in job["steps"] if "checkout" in step.get("uses", "")]
    assert checkouts[1] == {"repository": "me/it", "ref": "v1", "path": "grader"}
    for step in job["steps"]:
        if "run" in step:
            subprocess.run(["bash", "-n", "-c", step["run"]], check=True)
    enter, command = graded_by(file)["run"].split(" && ")
    assert enter == "cd grader"
    words = shlex.split(command)
    assert words[:3] == ["hatch", "run", "grade"]
    assert {"--simulate", "--strict-isolation", "--seed"} <= {*words}
    assert {task.marker for task in tasks} <= {*words}
    # A command that `grade` understands; --help keeps it from being run.
    assert CliRunner().invoke(grade, [*words[3:], "--help"]).exit_code == 0


def test_the_workflow_applies_a_policy(tmp_path: Path) -> None:
    """A shell runs the step; a stub of `hatch` stores its arguments."""
    file, policy, stub = tmp_path / "grade.yml", tmp_path / "course.toml", tmp_path / "bin/hatch"
    policy.write_text('version = 1\nname = "a $HOME `id` %s"\n')
    source = ["--grader", "me/it", "--tag", "v1", "--policy", str(policy)]
    assert CliRunner().invoke(main, ["actions", "task0_1", str(file), *source]).exit_code == 0
    step = graded_by(file)
    assert step["env"]["PUSHED"] == "${{ github.event.repository.pushed_at }}"
    stub.parent.mkdir()
    stub.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" > {tmp_path}/arguments\n')
    stub.chmod(0o755)
    (tmp_path / "grader").mkdir()
    more = {"PATH": f"{stub.parent}:{os.environ['PATH']}", "RUNNER_TEMP": str(tmp_path / "temp")}
    (tmp_path / "temp").mkdir()
    environment = {**os.environ, **step["env"], **more, "PUSHED": "0", "GITHUB_ACTOR": "learner"}
    subprocess.run(["bash", "-e", "-c", step["run"]], env=environment, cwd=tmp_path, check=True)
    words = (tmp_path / "arguments").read_text().splitlines()
    options = dict(itertools.pairwise(words))
    assert Path(options["--policy"]).read_bytes() == policy.read_bytes()
    assert (options["--learner"], options["--handed-in"]) == ("learner", "1970-01-01T00:00:00Z")
    assert CliRunner().invoke(grade, [*words[2:], "--help"]).exit_code == 0


def test_an_unknown_task_is_refused(tmp_path: Path) -> None:
    done = CliRunner().invoke(main, ["gradescope", "module9", str(tmp_path / "x.zip")])
    assert done.exit_code == 2
    assert "module9" in done.output
    assert not (tmp_path / "x.zip").exists()


@pytest.mark.slow
def test_gradescope_grades_a_submission(tmp_path: Path) -> None:
    """With the environment of this repository, which `setup.sh` would have made."""
    (tmp_path / "source").mkdir()
    (tmp_path / "results").mkdir()
    (tmp_path / "source/grader").symlink_to(ROOT)
    (tmp_path / "source/arguments").write_text("task0_1\n--seed\n5\n")
    minitorch = tmp_path / "submission/minitorch"
    minitorch.mkdir(parents=True)
    (minitorch / "__init__.py").touch()
    (minitorch / "operators.py").write_text("def mul(x, y):\n    return x + y\n")
    subprocess.run(
        ["bash", str(SCRIPTS / "run_autograder")],
        env={**os.environ, "AUTOGRADER": str(tmp_path)},
        check=True,
    )
    results = json.loads((tmp_path / "results/results.json").read_text())
    (test,) = results["tests"]
    assert results["score"] == 0
    assert test["number"] == "0.1"
