"""Definition of a right solution from which models of mistakes are derived."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from grading.checking.finding import Finding
from grading.diagnosis.derived.variants import Steps, variants
from grading.diagnosis.mistakes import ABSOLUTE, Mistake, Model, modelled

PRICE = 100
"""Number of steps that one call of a model costs in addition to those of its loops."""


@dataclass(frozen=True)
class Derived:
    """A mistake that is derived from a right solution.

    Attributes:
        place: The place of the change.
        mistake: The mistake.
    """

    place: str
    mistake: Mistake


@dataclass(frozen=True)
class Solution:
    """A right solution.

    Attributes:
        tasks: The tasks that it solves.
        operation: A regular expression for the operations that it answers.
        respond: Returns the response of the solution to a request.
        changed: The functions that learners write.
        absolute: Absolute tolerance of the comparison with received answers.
        strict: True if a submission with the same mistake raises an exception where the solution
            does; compiled kernels read outside an array without one.
    """

    tasks: tuple[str, ...]
    operation: str
    respond: Model
    changed: tuple[Callable[..., Any], ...]
    absolute: float = ABSOLUTE
    strict: bool = False

    def derived(self, steps: Steps) -> Iterator[Derived]:
        """Yield the mistakes with one change.

        Args:
            steps: Counts the steps of their models.
        """
        for change, respond in variants(self.respond, self.changed, steps):
            mistake = modelled(
                self.tasks,
                change.cause,
                self.operation,
                respond,
                self.absolute,
                strict=self.strict,
            )
            yield Derived(change.place, counted(mistake, steps))


def counted(mistake: Mistake, steps: Steps) -> Mistake:
    """Return a derived mistake that costs steps and is none where its change makes no sense.

    The result is compared before the gradients, which take longer.
    """

    def explains(finding: Finding) -> bool | None:
        steps.begin(PRICE)
        try:
            if finding.request.upstream is not None and "gradient" not in finding.name:
                alone = replace(finding, request=replace(finding.request, upstream=None))
                if mistake.explains(alone) is False:
                    return False
            return mistake.explains(finding)
        except Exception:
            return None

    return replace(mistake, explains=explains)
