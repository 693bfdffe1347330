"""A pytest plugin that keeps what became of each check, instead of printing it."""

from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import Phase, is_hypothesis_test, settings

from grading.checking.finding import Finding, collecting
from grading.judge.subjects import SUBJECTS, Subjects
from grading.tasks.model import Task

NOT_JUDGED = "not judged here: "
"""How the reason of a skipped check begins. A check that is skipped otherwise is an error."""


@dataclass
class Outcome:
    """What became of one check with one set of parameters.

    Attributes:
        check: The name of its function.
        case: The set of parameters, as pytest names it; empty if there is only one.
        seconds: How long it took, with its fixtures.
        error: The exception that ended it.
        skipped: Why it did not run.
        findings: All wrong answers that it saw, also those that were shrunk away.
        measured: What it recorded with pytest's `record_property`.
    """

    check: str
    case: str = ""
    seconds: float = 0.0
    error: BaseException | None = None
    skipped: str | None = None
    findings: Sequence[Finding] = ()
    measured: list[tuple[str, Any]] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        """Whether it ran to its end."""
        return self.error is None and self.skipped is None

    @property
    def title(self) -> str:
        """The name of the check as words."""
        return self.check.removeprefix("test_").replace("_", " ")


@dataclass(frozen=True)
class RunOptions:
    """Options of a run of checks.

    Attributes:
        shrink: Whether hypothesis looks for the smallest input that goes wrong.
        fail_fast: Groups of checks of which it is found out whether they are right, and not why
            they are wrong: nothing is shrunk, and the first failure ends the group.
    """

    shrink: bool = True
    fail_fast: frozenset[str] = frozenset()

    def phases(self, group: str) -> tuple[Phase, ...]:
        """Return what hypothesis does for a group of checks.

        It keeps no database: only the seed decides what it draws.
        """
        first = (Phase.explicit, Phase.generate)
        shrink = self.shrink and group not in self.fail_fast
        return (*first, Phase.shrink) if shrink else first


class Recorder:
    """Hands the subjects to the fixtures and keeps the outcomes.

    Args:
        task: The task whose checks run.
        subjects: The code under test.
        options: How the checks run.
    """

    def __init__(self, task: Task, subjects: Subjects, options: RunOptions) -> None:
        self._task = task
        self._subjects = subjects
        self._options = options
        self._failed: set[str] = set()
        self._current: dict[str, Outcome] = {}
        self.harness_errors: list[str] = []

    @property
    def outcomes(self) -> list[Outcome]:
        """One for each check and set of parameters, in the order of the files."""
        return list(self._current.values())

    @pytest.hookimpl(tryfirst=True)
    def pytest_configure(self, config: pytest.Config) -> None:
        """Put the subjects where the fixtures look for them."""
        config.stash[SUBJECTS] = self._subjects

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> bool | None:
        """Set hypothesis to the options of the check's group, or leave the check out."""
        group = self._group(item)
        if group in self._failed:
            return True
        check = getattr(item, "obj", None)
        if is_hypothesis_test(check):
            own = getattr(check, SETTINGS, None) or settings.default
            changed = settings(
                own,
                phases=self._options.phases(group),
                database=None,
                # Where the environment says CI, hypothesis would draw without the seed.
                derandomize=False,
                report_multiple_bugs=False,
            )
            setattr(check, SETTINGS, changed)
        return None

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Keep what went wrong before any check ran."""
        if report.failed:
            self.harness_errors.append(
                f"{report.nodeid} cannot be collected: {report.longreprtext}"
            )

    def pytest_internalerror(self, excrepr: object) -> None:
        """Keep what went wrong in pytest itself."""
        self.harness_errors.append(f"pytest failed: {excrepr}")

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, Any, Any]:
        """Gather the findings of a check."""
        outcome = self._outcome(item)
        with collecting() as findings:
            try:
                return (yield)
            finally:
                outcome.findings = tuple(findings)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Keep the outcome of set-up, call or tear-down."""
        report = yield
        outcome = self._outcome(item)
        outcome.seconds += call.duration
        if report.skipped and call.excinfo is not None:
            outcome.skipped = str(call.excinfo.value)
        elif report.failed and call.excinfo is not None and outcome.error is None:
            outcome.error = call.excinfo.value
            if (group := self._group(item)) in self._options.fail_fast:
                self._failed.add(group)
        if call.when == "teardown":
            outcome.measured = list(item.user_properties)
        return report

    def _outcome(self, item: pytest.Item) -> Outcome:
        return self._current.setdefault(item.nodeid, Outcome(*_check_and_case(item)))

    def _group(self, item: pytest.Item) -> str:
        return self._task.group_of(*_check_and_case(item))


def _check_and_case(item: pytest.Item) -> tuple[str, str]:
    """Return the name of a check, and of its set of parameters."""
    case = getattr(getattr(item, "callspec", None), "id", "")
    return getattr(item, "originalname", item.name), case


SETTINGS = "_hypothesis_internal_use_settings"
"""Where hypothesis keeps the settings of a test; its decorator refuses to be applied twice."""
