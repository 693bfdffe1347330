"""Errors of a policy name file, line and key; the effective rules are shown."""

from pathlib import Path

import pytest

from grading.cli import main
from grading.judge.exit_codes import OK, USAGE
from grading.policy.load import PolicyError, load
from grading.tasks.table import table
from grading.tests.policy.rules import HEAD, course

DEADLINE = "[deadline]\nat = 2030-10-08T23:59:00+02:00\n"


@pytest.mark.parametrize(
    ("text", "line", "problem"),
    [
        ('[[group]]\ntask = "0.1"\nname = "relu"\npionts = 3\n', 6, "did you mean points?"),
        ('[[group]]\ntask = "0.1"\nname = "rleu"\n', 5, "group[0].name: task 0.1 has no group"),
        ('[[group]]\ntask = "0.9"\nname = "relu"\n', 4, "group[0].task: there is no task '0.9'"),
        (
            '[[group]]\ntask = "0.1"\nname = "relu"\npoints = -1\n',
            6,
            "points have to be at least 0",
        ),
        (
            '[[group]]\ntask = "0.1"\nname = "relu"\nuse = "advise"\n',
            6,
            "allowed are 'required', 'advice', 'off'",
        ),
        (
            '[[group]]\ntask = "0.1"\nname = "relu"\nuse = "off"\npoints = 2\n',
            7,
            'a group with use = "off" has no points',
        ),
        ('[[check]]\ntask = "0.1"\nname = "test_logaritm"\n', 5, "did you mean test_logarithm?"),
        (
            '[[check]]\ntask = "0.1"\nname = "test_maximum_of_nan"\nuse = "required"\n',
            6,
            "name the group that it joins",
        ),
        (
            '[[check]]\ntask = "0.1"\nname = "test_logarithm"\npoints = 1\n',
            6,
            "only in a group with all_or_nothing = false",
        ),
        (
            '[[task]]\nid = "0.1"\nall_or_nothing = true\n'
            '[[group]]\ntask = "0.1"\nname = "relu"\nall_or_nothing = false\n',
            9,
            "cannot earn partial points",
        ),
        (
            '[[group]]\ntask = "0.1"\nname = "rleu"\nall_or_nothing = false\n',
            5,
            "group[0].name: task 0.1 has no group",
        ),
        (
            '[[group]]\ntask = "0.1"\nname = "relu"\nall_or_nothing = false\n'
            '[[check]]\ntask = "0.1"\nname = "test_maximum_of_nan"\ngroup = "relu"\npoints = 1\n',
            11,
            'earns points with use = "required"',
        ),
        ('[[speed]]\ntask = "0.1"\nat_most = 2\npoints = 1\n', 4, "is not measured"),
        (
            '[[speed]]\ntask = "3.1"\nat_most = 2\npoints = 1\n'
            '[[speed]]\ntask = "3.1"\nat_most = 4\npoints = 3\n',
            6,
            "the slower 4 earns 3",
        ),
        ('feedback = ["verdict", "reason"]\n', 3, "allowed are 'verdict', 'sentence'"),
        ('feedback = ["sentence"]\n', 3, 'add "verdict"'),
        ("[deadline]\nat = 2030-10-08T23:59:00\n", 4, "needs its offset from UTC"),
        ('[late]\nper = "day"\npercent = 10\n', 3, "needs [deadline]"),
        (f'{DEADLINE}[late]\nper = "week"\npercent = 1\n', 6, "allowed are 'hour', 'day'"),
        (f'{DEADLINE}[late]\nper = "day"\n', 5, "either `percent` or `points`"),
        (f'{DEADLINE}[late]\nper = "day"\npercent = 110\n', 7, "0 to 100 percent, got 110"),
        (
            f'{DEADLINE}[[extension]]\nwho = "a"\nuntil = 2030-10-01T00:00:00Z\n',
            7,
            "ends before the deadline",
        ),
        ('[hand_ins]\ntimes = "csv"\n', 4, "needs a file"),
        ('[hand_ins]\nzone = "Berlin"\n', 4, "there is no time zone 'Berlin'"),
        (
            '[[pair]]\nname = "p"\nmembers = ["a", "b"]\n[[pair]]\nname = "q"\n'
            'members = [\n    "c",\n    "a",\n]\n',
            10,
            "pair[1].members[1]: 'a' is in two pairs",
        ),
        ("[export]\nout_of = 0\n", 4, "above 0 and at most 10000, got 0"),
        ("[export]\nout_of = 10001\n", 4, "above 0 and at most 10000, got 10001"),
        (f"{DEADLINE}percent = 10\n", 5, "no key 'percent' here; it is a key of [late]"),
        ("[export]\nfeedback = []\n", 4, "it is a key of the file, before its first table"),
        (f"{DEADLINE}zone = 1\n", 5, "it is a key of [hand_ins]"),
        (f"{DEADLINE}grace_minutes = nan\n", 5, "allowed are 0 to 10080 minutes, got nan"),
        ("[deadline]\nat = 2030-10-08\n", 4, "expected a time (2030-"),
        ('[[group]]\ntask = "0.1"\nname = "relu"\npoints = "3"\n', 6, "a number, got a text"),
        ('feedback = ["verdict"]\n', 3, "without [deadline], this hides nothing"),
        ('[[task]]\nid = "0.1"\nfeedback = []\n', 5, "without [deadline], this hides nothing"),
        ('[[pair]]\nname = "p"\nmembers = ["a", "b", "a"]\n', 5, "'a' is twice in this pair"),
        ('name = "again"\n', 3, "this key occurs twice"),
        (
            '[[speed]]\ntask = "3.1"\nat_most = 2\npoints = 1\n'
            '[[speed]]\ntask = "task3_1"\nat_most = 4\npoints = 3\n',
            6,
            "the slower 4 earns 3",
        ),
        ('tasks = ["task0_1", "module9"]\n', 3, "tasks[1]: there is no task 'module9'"),
    ],
)
def test_an_error_names_file_line_and_key(
    text: str, line: int, problem: str, tmp_path: Path
) -> None:
    with pytest.raises(PolicyError) as error:
        course(tmp_path, text)
    assert str(error.value).startswith(f"{tmp_path}/course.toml:{line}: ")
    assert problem in str(error.value)


def test_errors_of_the_file_itself(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match="cannot be read: No such file"):
        load(tmp_path / "none.toml", table())
    with pytest.raises(PolicyError, match=r"course\.toml:3: name = = 1: "):
        course(tmp_path, "name = = 1")
    (tmp_path / "latin.toml").write_bytes(b'name = "\xe9"')
    with pytest.raises(PolicyError, match="is not UTF-8"):
        load(tmp_path / "latin.toml", table())


def test_a_byte_order_mark_is_no_error(tmp_path: Path) -> None:
    assert course(tmp_path, "", head="\ufeff" + HEAD).policy.name == "test"


def test_missing_keys_are_named(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match="the key 'name' is missing"):
        course(tmp_path, "", head="version = 1\n")


def test_the_checksum_depends_on_every_byte(tmp_path: Path) -> None:
    first = course(tmp_path, "").checksum
    assert course(tmp_path, "").checksum == first
    assert course(tmp_path, "# A comment.\n").checksum != first


def test_effective_rules(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = (
        'tasks = ["task0_1"]\n'
        + DEADLINE
        + '[late]\nper = "hour"\npercent = 2\n'
        + '[[group]]\ntask = "0.1"\nname = "relu"\npoints = 3\nall_or_nothing = false\n'
        + '[[group]]\ntask = "0.1"\nname = "mul"\nuse = "advice"\n'
        + '[[check]]\ntask = "0.1"\nname = "test_maximum_of_nan"\nuse = "required"\ngroup = "max"\n'
        + 'feedback = ["verdict"]\n'
    )
    made = course(tmp_path, text)
    assert main(["policy", str(made.path), "--show"]) == OK
    shown = capsys.readouterr().out.splitlines()
    assert f"policy 'test', checksum {made.checksum}" in shown[0]
    for line in (
        "points    11 in 1 task",
        "late      2 % of the earned points for each started hour",
        "    relu: 3 points, each check earns its share",
        "    mul: advice",
        "        maximum of nan: required in the group max; shows verdict",
    ):
        assert line in shown
    assert main(["policy", str(made.path), "-v"]) == OK
    assert len(capsys.readouterr().out.splitlines()) > len(shown)


def test_invalid_policies_are_usage_errors(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "course.toml"
    file.write_text(HEAD + "nothing = 1\n", encoding="utf-8")
    assert main(["policy", str(file)]) == USAGE
    assert f"{file}:3: nothing: there is no key 'nothing' here" in capsys.readouterr().err
