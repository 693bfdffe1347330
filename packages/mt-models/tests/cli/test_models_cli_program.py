"""The console script: its form in messages, completions, closed pipes, full disks, signals."""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

import mt_models
from mt_models.cli import main
from mt_models.cli.output import RobustRaw
from mt_models.cli.program import typed_program
from mt_models.pictures import style
from mt_models.training import LineDisplay, Progress
from mt_models.training import run as run_module
from mt_nn import CheckpointError, load_checkpoint, save_checkpoint

POINTS = ["train", "points", "--backend", "reference", "--n", "12", "--hidden", "3"]


def start(*args: str, cwd: Path, **options: Any) -> subprocess.Popen[str]:
    """Start the console script in a process, as the installed script does."""
    code = "import sys; sys.argv[0] = 'minitorch'; from mt_models.cli.program import run; run()"
    return subprocess.Popen(
        [sys.executable, "-c", code, *args],
        cwd=cwd,
        text=True,
        **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options},
    )


@pytest.mark.parametrize(
    ("path", "in_hatch", "form"),
    [
        ("/venv/bin/minitorch", False, "minitorch"),
        ("C:/venv/Scripts/minitorch.exe", False, "minitorch"),
        ("/venv/bin/minitorch", True, "hatch run minitorch"),
        ("/src/mt_models/__main__.py", False, "python -m mt_models"),
        ("/src/mt_models/__main__.py", True, "hatch run"),
    ],
)
def test_the_form_of_the_command(
    path: str, in_hatch: bool, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HATCH_ENV_ACTIVE", raising=False)
    if in_hatch:
        monkeypatch.setenv("HATCH_ENV_ACTIVE", "default")
    assert typed_program(path) == form


@pytest.mark.parametrize("form", ["minitorch", "hatch run", "python -m mt_models"])
def test_help_and_messages_quote_the_form(form: str, tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["train", "mnist", "--help"], prog_name=form)
    assert f"{form} train mnist --train-size 60000\n" in result.output
    assert "{program}" not in result.output
    result = CliRunner().invoke(main, ["predict", "--help"], prog_name=form)
    assert f"{form} predict runs/mnist-1 seven.png" in result.output


def test_the_installed_console_script_prints_the_version() -> None:
    script = Path(sys.executable).with_name("minitorch")
    done = subprocess.run([script, "--version"], capture_output=True, text=True, check=True)
    assert re.fullmatch(r"minitorch \d+\.\d+\.\d+ \(Python 3\.\d+\.\d+\)\n", done.stdout)
    assert done.stdout.split()[1] == mt_models.__version__


def test_version_and_completions_do_not_import_the_compiler() -> None:
    code = (
        "import sys; from mt_models.cli import main; "
        "main(['--version'], standalone_mode=False); assert 'numba' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def test_completion_of_commands_options_and_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for shell, sign in (("zsh", "#compdef minitorch"), ("fish", "complete --no-files")):
        assert sign in CliRunner().invoke(main, ["completion", shell]).output
    Path("runs/mnist-7").mkdir(parents=True)
    Path("runs/mnist-7/last.safetensors").touch()
    for words, expected in (
        ("minitorch tr", "train"),
        ("minitorch train points --mod", "--model"),
        ("minitorch predict runs/m", "runs/mnist-7"),
    ):
        env = {"COMP_WORDS": words, "COMP_CWORD": str(len(words.split()) - 1)}
        result = CliRunner().invoke(
            main,
            env=env | {"_MINITORCH_COMPLETE": "bash_complete"},
            prog_name="minitorch",
            complete_var="_MINITORCH_COMPLETE",
        )
        assert f"plain,{expected}" in result.output.splitlines(), result.output


def test_grading_needs_a_checkout() -> None:
    result = CliRunner().invoke(main, ["grade", "task4_2", "--json", "x"], prog_name="minitorch")
    assert result.exit_code == 2
    assert "grading needs a checkout of the repository" in result.output
    assert ".boot/bin/hatch run grade task4_2 --json x" in result.output


def test_doctor_checks_this_installation() -> None:
    result = CliRunner().invoke(main, ["doctor"], prog_name="minitorch")
    assert result.exit_code == 0, result.output
    for subject in ("Python", "packages", "compiler", "compiled kernels", "data", "GPU", "disk"):
        assert re.search(rf"^(ok|note) +{subject}: ", result.output, re.MULTILINE), subject
    assert "10,000 test digits, 872 sentences" in result.output


def test_doctor_names_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    import mt_models.cli.doctor as module

    monkeypatch.setattr(module, "version", {"mt-models": "0.2.0"}.get)
    monkeypatch.setattr(module, "SPACE", 2**80)
    result = CliRunner().invoke(main, ["doctor"], prog_name="minitorch")
    assert result.exit_code == 1
    assert "install all from one source" in result.output
    assert "MB are free" in result.output
    assert "problems: 2" in result.output


@pytest.mark.skipif(sys.platform == "win32", reason="pipes of POSIX")
def test_a_closed_pipe_ends_the_printing_and_not_the_training(tmp_path: Path) -> None:
    process = start(*POINTS, "--epochs", "12", "--out", "run", cwd=tmp_path)
    assert process.stdout is not None
    assert process.stderr is not None
    assert process.stdout.readline().startswith("points: dataset Xor")
    process.stdout.close()
    assert process.wait(120) == 0
    assert process.stderr.read() == ""
    process.stderr.close()
    assert load_checkpoint(tmp_path / "run" / "last.safetensors").step == 12
    assert (tmp_path / "run" / "regions.png").exists()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the device of a full disk")
def test_output_to_a_full_disk_is_an_error_after_the_training(tmp_path: Path) -> None:
    with Path("/dev/full").open("w") as full:
        process = start(*POINTS, "--epochs", "2", "--out", "run", cwd=tmp_path, stdout=full)
        _, errors = process.communicate(timeout=120)
    assert process.returncode == 1
    assert "standard output cannot be written (No space left on device)" in errors
    assert (tmp_path / "run" / "points.txt").exists()


def test_a_robust_stream_stores_the_first_error() -> None:
    class Full:
        def write(self, data: bytes) -> int:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    stream = RobustRaw(Full())
    assert stream.write(b"abc") == 3
    assert stream.write(b"abcd") == 4
    assert stream.error is not None
    assert stream.error.errno == errno.ENOSPC


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
@pytest.mark.parametrize("name", ["SIGHUP", "SIGTERM"])
def test_a_closed_terminal_saves_the_run(name: str, tmp_path: Path) -> None:
    # Few epochs, so that the line of each is printed; many points, so that they take time.
    slow = [*POINTS, "--n", "400", "--epochs", "25", "--out", "run"]
    process = start(*slow, cwd=tmp_path)
    assert process.stdout is not None
    while not process.stdout.readline().startswith("Epoch"):
        pass
    process.send_signal(getattr(signal, name))
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 128 + getattr(signal, name)
    assert "minitorch train points --resume --out run" in output
    state = load_checkpoint(tmp_path / "run" / "last.safetensors").meta["progress"]
    lines = (tmp_path / "run" / "points.jsonl").read_text().splitlines()
    assert len(state["records"]) == len(lines) > 0


def test_a_second_interrupt_prints_how_to_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    original = LineDisplay.on_step

    def interrupted(self: LineDisplay, progress: Progress) -> None:
        original(self, progress)
        if len(progress.records) == 1:
            os.kill(os.getpid(), signal.SIGINT)
            os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(LineDisplay, "on_step", interrupted)
    args = [*POINTS, "--epochs", "3", "--out", "run"]
    result = CliRunner().invoke(main, args, prog_name="minitorch")
    assert result.exit_code == 130, result.output
    assert "Stopped at once. Continue from the last saved state with:" in result.output
    assert result.stdout.splitlines()[-1] == "  minitorch train points --resume --out run"
    assert load_checkpoint("run/last.safetensors").step == 1


def test_a_full_disk_names_the_path_and_prints_the_results(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first write of each kind of file fails, and so do all later ones."""
    monkeypatch.chdir(tmp_path)

    def full(path: Path, *args: Any, **options: Any) -> None:
        raise CheckpointError(Path(path), "it cannot be written (No space left on device)", "free")

    def full_file(path: Path, content: bytes) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))

    with monkeypatch.context() as patch:
        patch.setattr(run_module, "save_checkpoint", full)
        patch.setattr(style, "replace_file", full_file)
        result = CliRunner().invoke(
            main, [*POINTS, "--epochs", "2", "--out", "run"], prog_name="minitorch"
        )
    assert result.exit_code == 1
    assert result.output.count("Warning: checkpoint run/last.safetensors") == 1
    assert "last epoch 2: " in result.output
    assert "best epoch" in result.output
    errors = result.stderr
    assert "not all results are saved" in errors
    for name in ("last.safetensors", "best.safetensors", "curves.png"):
        assert f"run/{name}" in errors
    assert (tmp_path / "run" / "points.txt").exists()


def test_a_save_after_a_full_disk_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The network of the best epoch is saved, although its first write failed."""
    monkeypatch.chdir(tmp_path)
    failures = {"best.safetensors": 1, "last.safetensors": 2}

    def sometimes(path: Path, **contents: Any) -> None:
        failures[path.name] -= 1
        if failures[path.name] >= 0:
            raise CheckpointError(path, "it cannot be written", "free disk space")
        save_checkpoint(path, **contents)

    monkeypatch.setattr(run_module, "save_checkpoint", sometimes)
    args = [*POINTS, "--epochs", "1", "--out", "run"]
    result = CliRunner().invoke(main, args, prog_name="minitorch")
    assert result.exit_code == 0, result.output
    assert load_checkpoint("run/best.safetensors").step == 1
    assert load_checkpoint("run/last.safetensors").step == 1


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("mount") is None, reason="a small file system")
def test_training_on_a_full_file_system(tmp_path: Path) -> None:
    place = tmp_path / "small"
    place.mkdir()
    mount = ["unshare", "--user", "--map-root-user", "--mount"]
    code = "import sys; sys.argv[0] = 'minitorch'; from mt_models.cli.program import run; run()"
    command = (
        f"mount -t tmpfs -o size=64k none {place} && cd {place} && "
        f'{sys.executable} -c "{code}" {" ".join(POINTS)} --epochs 2 --out run'
    )
    if subprocess.run([*mount, "true"], capture_output=True).returncode:
        pytest.skip("user namespaces are needed")
    done = subprocess.run([*mount, "sh", "-c", command], capture_output=True, text=True)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "last epoch 2" in done.stdout
    assert "run/" in done.stderr
    assert "Traceback" not in done.stderr


def test_runs_and_predictions_as_json_are_valid(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    runner = CliRunner()
    runner.invoke(main, [*POINTS, "--epochs", "1"], prog_name="minitorch")
    result = runner.invoke(main, ["predict", "runs/points-1", "0.1,0.9", "x", "--json"])
    assert result.exit_code == 1
    first, second = map(json.loads, result.stdout.splitlines())
    assert first["answer"] in ("0", "1")
    assert sum(first["probabilities"].values()) == pytest.approx(1.0)
    assert "is an input of another kind" in second["error"]


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("predcit", "did you mean predict?"),
        ("zzz", "--help lists the commands"),
        ("app", "`python -m mt_app` starts it"),
        ("status", "`python -m mt_models grade` says how to get it"),
    ],
)
def test_an_unknown_command_has_a_way_out(name: str, hint: str) -> None:
    result = CliRunner().invoke(main, [name], prog_name="python -m mt_models")
    assert result.exit_code == 2
    assert f"there is no command '{name}'" in result.output and hint in result.output


@pytest.mark.parametrize("form", ["minitorch", "hatch run"])
def test_no_line_of_the_help_is_cut_or_broken_at_80_columns(form: str) -> None:
    waiting: list[tuple[click.Command, list[str]]] = [(main, [])]
    while waiting:
        command, path = waiting.pop()
        if isinstance(command, click.Group):
            waiting.extend((inner, [*path, name]) for name, inner in command.commands.items())
        if path == ["grade"]:  # Any argument, even --help, prints where the grader is.
            continue
        result = CliRunner().invoke(main, [*path, "--help"], prog_name=form, terminal_width=80)
        lines = result.output.splitlines()
        assert lines[0].startswith(f"Usage: {' '.join([form, *path])}")
        assert [line for line in lines if len(line) > 80] == []
        assert [line for line in lines[1:] if line.endswith("...")] == []
