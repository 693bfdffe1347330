"""A class is graded whatever its submissions are, and each of them once."""

import csv
import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import pytest
from rich.console import Console

from grading.batch.command import (
    SAME_FAILURES,
    TABLE,
    BatchConsole,
    grade_batch,
    results_folder,
)
from grading.batch.digest import digest_of
from grading.batch.engine import Settings
from grading.batch.find import BatchError, Entry, find_submissions
from grading.batch.job import FILES, Job, run
from grading.batch.same_failures import as_text, failures, similar_pairs
from grading.batch.store import Grade, Store
from grading.batch.summary import Row, durations
from grading.cli import main
from grading.judge.records import (
    CheckResult,
    Fault,
    IsolationRecord,
    MachineRecord,
    Report,
    Status,
    SubmissionRecord,
    TaskResult,
    to_json,
)
from grading.paths import ROOT
from grading.tests.waiting import LONGEST

STUB = str(Path(__file__).with_name("stub.py"))


def report_of(wrong: dict[str, str]) -> Report:
    """A report in which some checks fail with the given answers."""
    checks = tuple(
        CheckResult(check, Status.FAILED, fault=Fault("wrong", "request", received=received))
        for check, received in wrong.items()
    )
    status = Status.FAILED if wrong else Status.PASSED
    points = 0.0 if wrong else 10.0
    return Report(
        version=1,
        created="",
        seconds=0.0,
        seed=0,
        submission=SubmissionRecord("", ""),
        machine=MachineRecord("", "", 1),
        isolation=IsolationRecord("none"),
        tasks=(TaskResult("0.1", "Operators", 0, status, points, 10.0, checks=checks),),
    )


class Class:
    """A folder of submissions that are graded by a stub."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.batch = folder / "class"
        self.out = folder / "out"
        self.batch.mkdir()

    def add(self, name: str, act: str = "right", **wrong: str) -> None:
        """Add a submission that does something, or in which checks fail with some answers."""
        (self.batch / name).mkdir(exist_ok=True)
        (self.batch / name / "act").write_text("wrong" if wrong else act, encoding="utf-8")
        (self.batch / name / "report").write_bytes(to_json(report_of(wrong)))

    def grade(
        self,
        seconds: float = 20.0,
        jobs: int = 2,
        seed: int | None = None,
        scheduler: str | None = None,
    ) -> int:
        store = Store(self.out)
        number = store.seed(seed, drawn=17)
        settings = Settings(
            root=ROOT,
            arguments=("--seed", str(number)),
            seconds=0.0,
            program=(sys.executable, STUB),
            start_seconds=seconds,
        )
        with (self.folder / "screen.txt").open("w", encoding="utf-8") as screen:
            console = Console(file=screen, width=200)
            return grade_batch(
                find_submissions(self.batch),
                settings,
                store,
                number,
                jobs=jobs,
                scheduler=scheduler,
                console=console,
            )

    def child(self) -> int:
        """The child of the submission that hangs, as soon as there is one."""
        file = self.folder / "child.pid"
        while not file.exists() or not file.read_text():
            time.sleep(0.05)
        return int(file.read_text())

    def end_child(self) -> None:
        """End the submission that hangs, and its child."""
        os.killpg(os.getpgid(self.child()), signal.SIGKILL)

    @property
    def screen(self) -> str:
        return (self.folder / "screen.txt").read_text(encoding="utf-8")

    def graded(self) -> list[str]:
        """The names of what was graded, in the order of the work."""
        log = self.folder / "graded.log"
        return [line.strip("'") for line in log.read_text("utf-8").split()] if log.exists() else []

    def rows(self) -> dict[str, dict[str, str]]:
        with (self.out / TABLE).open(encoding="utf-8-sig", newline="") as table:
            return {row["submission"]: row for row in csv.DictReader(table)}


def test_durations_of_a_class() -> None:
    rows = []
    for name, seconds, phases in (
        ("anna", 10.0, {"compilation": 6.0, "speed": 2.0}),
        ("ben", 30.0, {"compilation": 9.0, "replays": 3.0}),
        ("carl", 20.0, {}),
    ):
        report = msgspec.structs.replace(report_of({}), seconds=seconds, phases=phases)
        rows.append(Row(Grade(name, "graded", ""), report))
    rows.append(Row(Grade("dora", "no submission", ""), None))
    assert durations(rows) == [
        "time: median 20.0 s, slowest 30.0 s (ben)",
        "phases: compilation 75%, replays 15%, speed 10%",
    ]
    assert durations(rows[2:3]) == ["time: median 20.0 s, slowest 20.0 s (carl)"]
    assert durations(rows[3:]) == []


@pytest.fixture
def course(tmp_path: Path) -> Class:
    return Class(tmp_path)


def test_each_submission_is_graded_in_a_separate_process(course: Class) -> None:
    course.add("anna")
    course.add("ben", test_mul="6.0")
    assert course.grade() == 1
    rows = course.rows()
    assert rows["anna"]["outcome"] == rows["ben"]["outcome"] == "graded"
    assert (rows["anna"]["points"], rows["ben"]["points"]) == ("10", "0")
    assert "time: median 0.0 s, slowest 0.0 s (anna)" in course.screen
    assert (rows["anna"]["0.1"], rows["ben"]["0.1"], rows["ben"]["possible"]) == ("10", "0", "10")
    assert (course.out / "anna/report.html").read_text() == "seed 17"
    assert "wrong: 0.1" in course.screen


def test_a_class_without_failures(course: Class) -> None:
    course.add("anna")
    assert course.grade() == 0


def test_unchanged_submissions_are_not_graded_again(course: Class) -> None:
    course.add("anna")
    course.add("ben", test_mul="6.0")
    assert course.grade() == course.grade() == 1
    assert sorted(course.graded()) == ["anna", "ben"]
    assert "anna: graded before" in course.screen
    assert set(course.rows()) == {"anna", "ben"}


def test_only_changed_submissions_are_graded_again(course: Class) -> None:
    course.add("anna")
    course.add("ben")
    course.grade()
    course.add("ben", test_mul="6.0")
    course.grade()
    assert course.graded().count("anna") == 1
    assert course.graded().count("ben") == 2
    assert course.rows()["ben"]["points"] == "0"


def test_a_class_keeps_its_seed_until_the_option_changes_it(course: Class) -> None:
    course.add("anna")
    course.grade(seed=5)
    course.grade()
    assert course.graded() == ["anna"]
    course.grade(seed=6)
    assert course.graded() == ["anna", "anna"]
    assert course.rows()["anna"]["seed"] == "6"


def test_hostile_submissions_do_not_affect_others(course: Class) -> None:
    acts = ("crash", "hang", "flood", "garbage", "nothing", "fail", "none")
    for act in acts:
        course.add(act, act)
    course.add("anna")
    (course.batch / "file.rar").write_bytes(b"Rar!")
    (course.batch / "link").symlink_to(course.batch / "anna")
    course.add(os.fsdecode(b"caf\xe9"))
    assert course.grade(seconds=8.0) == 3
    outcomes = {name: row["outcome"] for name, row in course.rows().items()}
    assert outcomes == {
        **dict.fromkeys(("crash", "hang", "garbage", "nothing", "fail"), "grader failed"),
        **dict.fromkeys(("none", "file", "link"), "no submission"),
        **dict.fromkeys(("anna", "flood", "caf\\xe9"), "graded"),
    }
    assert course.rows()["crash"]["points"] == ""
    assert course.rows()["none"]["reason"] == "this is not a submission"
    assert (course.out / "flood/output.txt").stat().st_size < 100_000
    pid = int((course.folder / "child.pid").read_text())
    with pytest.raises(ProcessLookupError):
        wait_for_end(pid)


def wait_for_end(pid: int) -> None:
    """Raise ProcessLookupError as soon as there is no such process, or only its remains."""
    end = time.monotonic() + LONGEST
    while time.monotonic() < end:
        os.kill(pid, 0)
        if "\nState:\tZ" in Path(f"/proc/{pid}/status").read_text():
            raise ProcessLookupError
        time.sleep(0.05)


def test_submissions_with_grader_errors_are_graded_again(course: Class) -> None:
    course.add("anna", "fail")
    assert course.grade() == 3
    assert course.grade() == 3
    assert course.graded() == ["anna", "anna"]


KILLED = """
import sys
from pathlib import Path
from grading.tests.batch.test_grading_batch import Class
course = Class.__new__(Class)
course.folder = Path({folder!r})
course.batch, course.out = course.folder / "class", course.folder / "out"
course.grade(jobs=1)
"""


def test_a_killed_batch_resumes(course: Class) -> None:
    course.add("anna")
    course.add("ben", "hang")
    course.add("carl")
    program = KILLED.format(folder=str(course.folder))
    process = subprocess.Popen([sys.executable, "-c", program], cwd=ROOT)
    while "ben" not in course.graded():
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    # What it had begun goes on by itself; nobody waits for it here.
    course.end_child()
    assert sorted(path.name for path in course.out.glob("*/grade.json")) == ["grade.json"]
    course.add("ben")
    assert course.grade() == 0
    assert sorted(course.graded()) == ["anna", "ben", "ben", "carl"]
    assert {row["points"] for row in course.rows().values()} == {"10"}


def test_an_interrupted_batch_stops_its_workers(course: Class) -> None:
    course.add("anna", "hang")
    course.add("ben", "right")
    program = KILLED.format(folder=str(course.folder))
    process = subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, stderr=subprocess.DEVNULL)
    pid = course.child()
    process.send_signal(signal.SIGINT)
    assert process.wait(30) != 0
    with pytest.raises(ProcessLookupError):
        wait_for_end(pid)
    assert course.graded() == ["anna"]
    assert not list(course.out.glob("*/grade.json"))


def test_partially_written_results_are_ignored(course: Class) -> None:
    course.add("anna")
    course.grade()
    (course.out / "anna/grade.json").write_text('{"name": "an')
    course.grade()
    assert course.graded() == ["anna", "anna"]


def test_folder_layouts_of_classroom_platforms(tmp_path: Path) -> None:
    for name in ("submission_2", "submission_10", ".git", "__MACOSX", "ünal"):
        (tmp_path / name).mkdir()
    (tmp_path / "notes.txt").touch()
    (tmp_path / "submission_metadata.yml").write_text(
        "submission_2:\n"
        "  :submitters:\n"
        "  - :name: Anna\n"
        "    :sid: '7'\n"
        "    :email: anna@example.org\n"
        "  - :name: Ben\n"
    )
    found = find_submissions(tmp_path)
    names = ["submission_10", "submission_2", "ünal"]
    assert [entry.name for entry in found] == names
    assert [entry.who for entry in found] == ["", "anna@example.org Ben", ""]
    keys = [entry.key for entry in found]
    assert keys[:2] == names[:2]
    assert keys[2].startswith("nal-") and keys[2].isascii()


@pytest.mark.parametrize("text", ["[", "- 1", "submission_1: 3", "a: {':submitters': 3}", "\x00"])
def test_an_invalid_list_of_submitters_is_ignored(tmp_path: Path, text: str) -> None:
    (tmp_path / "submission_1").mkdir()
    (tmp_path / "submission_metadata.yml").write_text(text)
    assert [entry.who for entry in find_submissions(tmp_path)] == [""]


@pytest.mark.parametrize("name", ["nowhere", "empty"])
def test_a_folder_without_submissions_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(BatchError, match=name):
        find_submissions(tmp_path / name)


def test_submissions_whose_results_would_overwrite_one_another_are_refused(
    tmp_path: Path,
) -> None:
    (tmp_path / "anna").mkdir()
    (tmp_path / "Anna").mkdir()
    with pytest.raises(BatchError, match="rename"):
        find_submissions(tmp_path)


def test_a_digest_depends_on_contents_and_names_and_opens_no_pipes(
    tmp_path: Path,
) -> None:
    digests = [digest_of(tmp_path)]

    def changed() -> bool:
        digests.append(digest_of(tmp_path))
        return digests[-1] not in digests[:-1]

    (tmp_path / "a.py").write_text("x = 1")
    assert changed()
    (tmp_path / "a.py").write_text("x = 2")
    assert changed()
    (tmp_path / "a.py").rename(tmp_path / "b.py")
    assert changed()
    os.mkfifo(tmp_path / "pipe")
    assert changed()
    (tmp_path / "loop").symlink_to(tmp_path)
    assert changed()
    with (tmp_path / "large").open("wb") as large:
        large.truncate(2**30)
    assert changed()
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git/index").touch()
    assert not changed()


def test_a_digest_includes_deep_folders(tmp_path: Path) -> None:
    deep = [tmp_path]
    for _ in range(1200):
        deep.append(deep[-1] / "d")
        deep[-1].mkdir()
    file = deep[-1] / "f"
    file.touch()
    before = digest_of(tmp_path)
    file.unlink()
    assert digest_of(tmp_path) != before
    for folder in reversed(deep[1:]):
        folder.rmdir()


def test_arguments_equal_to_the_output_folder_are_kept(tmp_path: Path) -> None:
    program = "import sys; open(sys.argv[2] + '', 'w').write(sys.argv[1])"
    command = (sys.executable, "-c", program, f"/x/{FILES}", f"{FILES}/told")
    done = run(Job(command, str(tmp_path), 20.0, ("told", "untold")))
    assert done.files == {"told": f"/x/{FILES}".encode()}


def test_similarity_weights_rare_failures() -> None:
    reports = {
        "anna": {"test_a": "1", "test_b": "2"},
        "ben": {"test_a": "1", "test_b": "2"},
        "carl": {"test_a": "1", "test_b": "3"},
        "dora": {"test_a": "1"},
    }
    by_name = {name: failures(report_of(wrong)) for name, wrong in reports.items()}
    pairs = similar_pairs(by_name)
    assert [pair.names for pair in pairs] == [("anna", "ben")]
    assert pairs[0].similarity == 1.0
    assert as_text(pairs).startswith("100%  anna  and  ben\n    0.1 a\n    0.1 b\n")
    assert "no submissions with the same failures" in as_text(
        similar_pairs({"anna": by_name["anna"], "eva": frozenset()})
    )


def test_advice_does_not_count_as_similarity() -> None:
    report = report_of({"test_a": "1", "test_b": "2"})
    (task,) = report.tasks
    first, second = task.checks
    advice = msgspec.structs.replace(second, required=False)
    changed = msgspec.structs.replace(task, checks=(first, advice))
    found = failures(msgspec.structs.replace(report, tasks=(changed,)))
    assert [failure.check for failure in found] == ["test_a"]


def test_submissions_with_the_same_failures_are_listed(course: Class) -> None:
    course.add("anna", test_mul="6.0")
    course.add("ben", test_mul="6.0")
    course.add("carl", test_mul="7.0")
    course.grade()
    assert "anna  and  ben" in (course.out / SAME_FAILURES).read_text()
    assert "same failures as 1 other" in course.screen


def test_csv_cells_are_no_formulas(course: Class) -> None:
    course.add("=1+1")
    course.grade()
    assert list(course.rows()) == ["'=1+1"]


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (["--batch", "{class}", "--json", "x.json"], "--json cannot be combined with --batch"),
        (
            ["--batch", "{class}", "--submission", "."],
            "--submission cannot be combined with --batch",
        ),
        (["--batch", "{class}"], "has no submissions"),
        (["--jobs", "2"], "--jobs needs --batch"),
    ],
)
def test_invalid_options(
    course: Class, capsys: pytest.CaptureFixture[str], options: list[str], complaint: str
) -> None:
    arguments = [option.format(**{"class": course.batch}) for option in options]
    assert main(["grade", *arguments]) == 2
    assert complaint in " ".join(capsys.readouterr().err.split())


def test_the_folder_of_a_class_is_read_once(course: Class, monkeypatch: pytest.MonkeyPatch) -> None:
    course.add("anna")
    found, graded = [], []

    def search(folder: Path) -> list[Entry]:
        found.append(find_submissions(folder))
        return found[-1]

    def grade(entries: list[Entry], *others: object, **options: object) -> int:
        graded.append(entries)
        return 0

    for module in ("grading.cli.batch", "grading.batch.find"):
        monkeypatch.setattr(f"{module}.find_submissions", search)
    monkeypatch.setattr("grading.cli.batch.grade_batch", grade)
    assert main(["grade", "task0_1", "--batch", str(course.batch), "--out", str(course.out)]) == 0
    assert len(found) == 1
    assert graded == found


def test_results_are_written_next_to_the_class(tmp_path: Path) -> None:
    assert results_folder(tmp_path / "class") == tmp_path / "class-results"


def test_a_full_disk_names_the_path_and_the_results_are_printed(
    course: Class, monkeypatch: pytest.MonkeyPatch
) -> None:
    course.add("anna")
    course.add("ben", test_mul="6.0")

    def full(path: Path, content: bytes) -> None:
        if path.name != "batch.json":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        path.write_bytes(content)

    with monkeypatch.context() as patch:
        patch.setattr("grading.batch.store.replace_file", full)
        with pytest.raises(BatchError, match="not all results are saved; free disk space") as error:
            course.grade()
    for path in (course.out / "anna", course.out / "ben", course.out / TABLE):
        assert f"{path} cannot be written: No space left on device" in str(error.value)
    assert "wrong: 0.1" in course.screen
    assert "2 graded; seed 17" in course.screen
    # The next run grades again and saves everything.
    assert course.grade() == 1
    assert course.rows()["ben"]["points"] == "0"
    assert sorted(course.graded()) == ["anna", "anna", "ben", "ben"]


def test_a_results_folder_on_a_full_disk_is_a_usage_error(
    course: Class, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    course.add("anna")

    def full(path: Path, content: bytes) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("grading.batch.store.replace_file", full)
    code = main(["grade", "task0_1", "--batch", str(course.batch), "--out", str(course.out)])
    assert code == 2
    errors = capsys.readouterr().err
    assert f"{course.out} cannot be written: No space left on device" in errors
    assert "Traceback" not in errors


def test_a_closed_pipe_ends_the_printing_and_not_the_grading(course: Class) -> None:
    for name in ("anna", "ben", "eva"):
        course.add(name)
    reader, writer = os.pipe()
    os.close(reader)
    store = Store(course.out)
    settings = Settings(
        root=ROOT, arguments=("--seed", "17"), seconds=0.0, program=(sys.executable, STUB)
    )
    with os.fdopen(writer, "w", encoding="utf-8") as screen:
        entries = find_submissions(course.batch)
        code = grade_batch(entries, settings, store, 17, jobs=1, console=BatchConsole(file=screen))
        # The rest of the buffer does not raise an error.
        screen.flush()
    assert code == 0
    assert sorted(course.rows()) == ["anna", "ben", "eva"]
