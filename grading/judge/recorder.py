"""A pytest plugin that records the outcome of each check without printing it."""

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import Phase, is_hypothesis_test, settings

from grading.checking.finding import Finding, collecting, noting_errors
from grading.judge.counterexamples import SETTINGS, counterexample
from grading.judge.subjects import SUBJECTS, Subjects
from grading.phases import SEARCH, phase
from grading.tasks.model import Task, title_of

NOT_JUDGED = "not judged here: "
"""Prefix of the reason of a permitted skip; a skip with another reason is an error."""


@dataclass
class Outcome:
    """The outcome of one check with one parameter set.

    Attributes:
        check: The name of its function.
        case: The id of the parameter set in pytest; empty if there is only one.
        seconds: Duration including fixtures, in seconds.
        error: The exception for the reported input; None if there was none.
        drawn: The exception for the first failing input, if the reported one is another.
        skipped: The reason of a skip; None if the check ran.
        findings: Right and wrong answers, those of the search for the input to report included.
        measured: Values recorded with pytest's `record_property`.
    """

    check: str
    case: str = ""
    seconds: float = 0.0
    error: BaseException | None = None
    drawn: BaseException | None = None
    skipped: str | None = None
    findings: Sequence[Finding] = ()
    measured: list[tuple[str, Any]] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        """True if the check ran to its end without an exception."""
        return self.error is None and self.skipped is None

    @property
    def title(self) -> str:
        """The name of the check as words."""
        return title_of(self.check)


@dataclass(frozen=True)
class RunOptions:
    """Options of a run of checks.

    Attributes:
        shrink: True to search for the input to report after a failure.
        fail_fast: Names of groups that end at their first failure, without this search.
        examples: Number of examples of a check that sets no number; None for the usual one.
        shrinking_seconds: Time limit for shrinking one failing input, in seconds.
        only_groups: True to skip the checks that belong to no group of the task.
        begins: A function that is called with the name of each check before it runs.
    """

    shrink: bool = True
    fail_fast: frozenset[str] = frozenset()
    examples: int | None = None
    shrinking_seconds: int = 10
    only_groups: bool = False
    begins: Callable[[str], None] = lambda name: None

    def searches(self, group: str) -> bool:
        """Return whether the input to report is searched for a group of checks."""
        return self.shrink and group not in self.fail_fast


class Recorder:
    """Plugin that provides the subjects to the fixtures and records the outcomes.

    Args:
        task: The task of the checks.
        subjects: The code under test.
        options: Options of the run.
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
        """The outcomes by check and parameter set, in the order of execution."""
        return list(self._current.values())

    @pytest.hookimpl(tryfirst=True)
    def pytest_configure(self, config: pytest.Config) -> None:
        """Store the subjects for the fixtures."""
        config.stash[SUBJECTS] = self._subjects

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> bool | None:
        """Apply the settings of a run to hypothesis, or skip the check if its group has ended."""
        group = self._group(item)
        if group in self._failed or (self._options.only_groups and not group):
            return True
        self._options.begins(_check_and_case(item)[0])
        check = getattr(item, "obj", None)
        if is_hypothesis_test(check):
            original = getattr(check, SETTINGS, None) or settings.default
            changed = settings(
                original,
                # Without saved examples, and without shrinking, which `counterexample` does.
                phases=(Phase.explicit, Phase.generate),
                database=None,
                # With the variable CI set, hypothesis would ignore the seed.
                derandomize=False,
                report_multiple_bugs=False,
            )
            setattr(check, SETTINGS, changed)
            # One function serves all its parameter sets.
            handle = vars(check)["hypothesis"]
            if not hasattr(handle.inner_test, NOTING):
                handle.inner_test = noting_errors(handle.inner_test)
                setattr(handle.inner_test, NOTING, True)
        return None

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Record errors of the collection."""
        if report.failed:
            self.harness_errors.append(
                f"{report.nodeid} cannot be collected: {report.longreprtext}"
            )

    def pytest_internalerror(self, excrepr: object) -> None:
        """Record internal errors of pytest."""
        self.harness_errors.append(f"pytest failed: {excrepr}")

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, Any, Any]:
        """Collect the findings of a check, and replace its exception by that of the report."""
        assert isinstance(item, pytest.Function)
        outcome = self._outcome(item)
        with collecting() as findings:
            try:
                return (yield)
            except Exception as error:
                if not self._options.searches(self._group(item)):
                    raise
                outcome.drawn = error
                with phase(SEARCH):
                    found = counterexample(self._task.id, item.obj, item.runtest, error, findings)
                raise found from None
            finally:
                outcome.findings = tuple(findings)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Record the outcome of set-up, call or tear-down."""
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
    """Return the name of a check and the id of its parameter set."""
    case = getattr(getattr(item, "callspec", None), "id", "")
    return getattr(item, "originalname", item.name), case


NOTING = "_adds_errors_to_the_collection"
"""Attribute of the inner function of a hypothesis test that `noting_errors` has wrapped."""
