"""The measurement counts what the tests hold, and what is published belongs to them."""

import re
from pathlib import Path

import pytest

from grading.paths import ROOT
from grading.tests.attacks.kernels import NOT_PARALLEL, RACING, REPLACED
from grading.tests.course_styles import STYLES as COURSE_STYLES
from grading.tests.measurement import page
from grading.tests.measurement.__main__ import publish
from grading.tests.measurement.cases import PARTS, Case, Part, Results, in_order, run
from grading.tests.mutants.module6 import STYLES as STYLES_ON_RANKS
from grading.tests.mutants.test_grading_mutants import MUTANTS
from grading.tests.test_grading_false_alarms import STYLES
from grading.tests.test_grading_promises import RIGHT, WRONG_ANSWERS
from grading.tests.test_grading_verdicts import CASES
from grading.tests.upstream_trees import SIGNATURES


def case(part: Part, group: str, outcome: str, id: str = "") -> Case:
    return Case(id or f"{part} {group} {outcome}", part, group, outcome, "abc")


def test_published_results_are_of_the_current_cases(tmp_path: Path) -> None:
    present = run(["--collect-only"], tmp_path / "present")
    ids = {part: [each.id for each in present if each.part == part] for part in PARTS}
    assert len(ids["mutant"]) == len(MUTANTS) + len(WRONG_ANSWERS)
    assert len(ids["verdict"]) == len(CASES)
    styles = (STYLES, STYLES_ON_RANKS, COURSE_STYLES, RIGHT, SIGNATURES)
    assert len(ids["style"]) == sum(len(each) for each in styles)
    assert len(ids["attack"]) >= len(NOT_PARALLEL) + len(RACING) + len(REPLACED)
    results = Results.read(page.FILE)
    assert results is not None
    new = {each.id for each in present} ^ {each.id for each in results.cases}
    assert new == set(), "`hatch run measure-marks --new` measures what is new"
    assert page.block(results) in page.PAGE.read_text("utf-8")


def test_every_test_of_attacks_is_measured_or_excepted() -> None:
    """Compare with the tests in the files of attacks that contain no attack."""
    no_attacks = {
        "test_a_submission_without_an_attack_gets_its_points",
        "test_a_submission_without_an_attack_passes",
        "test_recognising_a_wrong_version_by_its_results",
        "test_the_packages_pass_all_checks_of_kernels",
        "test_the_process_state_equals_that_of_a_script",
        "test_unrelated_functions_in_the_file_cost_nothing",
        "test_exceptions_of_the_grader_are_not_charged",
    }
    found = set()
    for file in (ROOT / "grading" / "tests" / "attacks").glob("test_grading_attacks_on_*.py"):
        text = file.read_text("utf-8")
        named = {"test_recognised", *re.findall(r'measured\("attack"\)\ndef (\w+)', text)}
        found |= set(re.findall(r"^def (test_\w+)", text, re.MULTILINE)) - named
    assert found == no_attacks


def test_outcomes_are_counted_by_row() -> None:
    cases = [
        case("attack", "files", "passed"),
        case("attack", "files", "failed"),
        case("attack", "the system", "skipped"),
    ]
    assert page.tables(cases).splitlines()[2:] == [
        "| files | 1 | 2 |  |",
        "| the system | 0 | 0 | 1 |",
        "| **all** | 1 | 2 | 1 |",
    ]


def test_failed_cases_are_named() -> None:
    block = page.block(Results("2030-01-01", "Linux", (case("style", "x", "failed", "a::b[c]"),)))
    assert block.startswith("Measured on 2030-01-01 at commit abc: Linux.")
    assert block.endswith("Failed:\n\n- `b[c]`\n")


def test_a_case_that_was_not_run_is_published_as_such(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page, "FILE", tmp_path / "marks.json")
    monkeypatch.setattr(page, "PAGE", tmp_path / "marks.md")
    page.PAGE.write_text("<!-- marks: written by a command -->\n<!-- end of marks -->\n", "utf-8")
    present = [case("attack", "files", "", id) for id in ("a", "b")]
    known = [case("attack", "files", "passed", id) for id in ("b", "gone")]
    publish(present, known)
    results = Results.read(page.FILE)
    assert results is not None
    assert [(each.id, each.outcome) for each in results.cases] == [("a", ""), ("b", "passed")]
    assert "| files | 1 | 1 | 1 |" in page.PAGE.read_text("utf-8")


def test_the_last_outcome_of_a_case_counts(tmp_path: Path) -> None:
    old, new = case("style", "x", "failed", "a"), case("style", "x", "passed", "a")
    results = Results("2030-01-01", "Linux", in_order([old, new]))
    results.write(tmp_path / "marks.json")
    assert Results.read(tmp_path / "marks.json") == Results("2030-01-01", "Linux", (new,))
    assert Results.read(tmp_path / "nothing.json") is None
