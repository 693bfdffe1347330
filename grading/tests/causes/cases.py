"""Measured causes: the cause that a report names for a mutant, compared with the right one."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from difflib import SequenceMatcher
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal, TypeAlias

import msgspec

from grading.correction.search import corrections
from grading.diagnosis import Answers, Diagnosis
from grading.judge.causes import likely_causes, no_search
from grading.submissions.submission import Submission
from grading.tasks.table import table
from grading.tests.causes.evidence import kept_evidence
from grading.tests.measurement.published import Published
from grading.tests.mutants import (
    cuda,
    generated,
    module0,
    module1,
    module2,
    module3,
    module4,
    unseen,
    untuned,
)
from grading.tests.mutants.mutant import Mutant
from grading.tests.mutants.rewriting import ROOT, changed_sources, make_tree

Outcome: TypeAlias = Literal["right", "wrong", "unnamed", "not caught"]

TRAININGS = ("1.5", "2.5", "3.5", "4.5")
"""Tasks that only train networks: their checks compare no single answers."""

KNOWN: list[Mutant] = [
    mutant
    for module in (module0, module1, module2, module3, module4, cuda, untuned, generated)
    for mutant in module.MUTANTS
    if mutant.task not in TRAININGS
]
"""Mistakes from which the models of the diagnosis were developed."""

PLACE = re.compile(r"Look at line (?P<line>\d+) of (?P<file>\S+), in ")
"""The beginning of a cause that names a change of one place."""

UNTUNED = unseen.MUTANTS
"""Generic mistakes to which no model was fitted."""


class Case(msgspec.Struct, frozen=True):
    """The result of one mutant with one seed.

    Attributes:
        mutant: The task and the name of the mutant.
        seed: The seed of the inputs of the checks.
        outcome: "right" if each named cause is right, "wrong" if one is not.
        causes: The named causes.
        untuned: True if no model was fitted to the mutant.
    """

    mutant: str
    seed: int
    outcome: Outcome
    causes: tuple[str, ...]
    untuned: bool = False

    @property
    def module(self) -> str:
        """The module of its task, as a row of the table."""
        return f"module {self.mutant[0]}"


class Results(Published, frozen=True):
    """Results of the last measurement.

    Attributes:
        date: The day of the last run.
        commit: The commit of the sources.
        cases: Every case, sorted.
    """

    date: str
    commit: str
    cases: tuple[Case, ...]


def outcome_of(mutant: Mutant, answers: Iterable[Answers], found: Sequence[Diagnosis]) -> Outcome:
    """Return whether the causes that are named for a mutant are right.

    Args:
        mutant: The mutant; each right cause matches its pattern, or names a changed line.
        answers: Its answers.
        found: The causes named for these answers.
    """
    if not found:
        return "unnamed" if any(each.wrong() for each in answers) else "not caught"
    right = all(
        re.search(mutant.cause or "$^", each.cause) or names_the_change(mutant, each.cause)
        for each in found
    )
    return "right" if right else "wrong"


def names_the_change(mutant: Mutant, cause: str) -> bool:
    """Return whether a cause names a line that the mutant changes, or the line after a deletion."""
    named = PLACE.match(cause)
    return named is not None and int(named["line"]) in changed_lines(mutant, named["file"])


def changed_lines(mutant: Mutant, file: str) -> set[int]:
    """Return the numbers of the lines of a file that a mutant changes, from 1."""
    path = ROOT / file
    before = [replace(each, old="", new="") for each in mutant.rewrites]
    right = changed_sources(before).get(path, "").splitlines()
    wrong = changed_sources(mutant.rewrites).get(path, "").splitlines()
    return {
        line + 1
        for tag, _, _, first, last in SequenceMatcher(None, right, wrong, False).get_opcodes()
        if tag != "equal"
        for line in range(first, max(last, first + 1))
    }


def measure(mutant: Mutant, seed: int, evidence: Path | None) -> Case:
    """Run the checks on a mutant and compare the named causes with the right one."""
    answers = kept_evidence(mutant, seed, evidence)
    task = table().task(mutant.task).for_edition("packages")
    failed = {each.check for each in answers if each.wrong()}
    with TemporaryDirectory() as folder:
        submission = Submission.at(make_tree(Path(folder), mutant.rewrites))
        search = partial(corrections, task, submission, "best")
        found = likely_causes(task, answers, failed, no_search if mutant.simulated else search)
    outcome = outcome_of(mutant, answers, found)
    causes = tuple(each.cause for each in found)
    return Case(str(mutant), seed, outcome, causes, mutant in UNTUNED)


def merged(cases: Iterable[Case]) -> tuple[Case, ...]:
    """Return the cases of present mutants in their order; the last one of a mutant and a seed."""
    present = {str(mutant): order for order, mutant in enumerate([*KNOWN, *UNTUNED])}
    known = {(case.mutant, case.seed): case for case in cases if case.mutant in present}
    return tuple(known[key] for key in sorted(known, key=lambda key: (present[key[0]], key[1])))
