"""The report of the check, as JSON and as Markdown."""

import json
import math
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

from asv_benchmarks.conditions import Conditions
from asv_benchmarks.gpu_check.card import Card
from asv_benchmarks.gpu_check.comparison import Comparison
from asv_benchmarks.gpu_check.programs import ProgramResult
from asv_benchmarks.gpu_check.timing import Goal, Timing
from asv_benchmarks.gpu_check.training import TrainingResult


@dataclass
class Report:
    """All results of the check.

    Attributes:
        card: The GPU.
        conditions: Date, machine and software.
        comparisons: The error of each operation and network.
        programs: The results of tests and tools.
        trained: The accuracy of the trained networks.
        timings: The time of each workload and contender.
        goals: The speeds that were reached. A missed goal is no failure.
    """

    card: Card
    conditions: Conditions
    comparisons: list[Comparison] = field(default_factory=list)
    programs: list[ProgramResult] = field(default_factory=list)
    trained: list[TrainingResult] = field(default_factory=list)
    timings: list[Timing] = field(default_factory=list)
    goals: list[Goal] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        """True if all results are correct; speed does not count."""
        return (
            all(each.right for each in self.comparisons)
            and all(each.passed for each in self.programs)
            and all(each.passed for each in self.trained)
        )

    def write(self, folder: Path) -> None:
        """Write ``gpu-check.json`` and ``gpu-check.md``."""
        folder.mkdir(parents=True, exist_ok=True)
        text = json.dumps(asdict(self), indent=2, default=str) + "\n"
        (folder / "gpu-check.json").write_text(text, encoding="utf-8")
        page = "\n".join(self.markdown()) + "\n"
        (folder / "gpu-check.md").write_text(page, encoding="utf-8")

    def markdown(self) -> Iterator[str]:
        """Yield the lines of the page."""
        card = self.card
        yield f"# gpu-check on {card.name}"
        yield ""
        versions = ", ".join(f"{name} {version}" for name, version in card.versions.items())
        yield (
            f"Compute capability {card.capability}, {card.multiprocessors} multiprocessors, "
            f"{card.flops / 1e12:.1f} TFLOP/s, {card.bandwidth / 1e9:.0f} GB/s; {versions}; "
            f"{self.conditions.date}, commit {self.conditions.commit}. "
            f"{'All checks passed.' if self.passed else 'At least one check failed.'}"
        )
        yield from _section("Errors relative to the processor", "operation backend error allowed")
        for one in self.comparisons:
            sign = "" if one.right else " ✗"
            error = one.exception or f"{one.error:.1e}"
            yield _row(one.workload, one.backend, error + sign, f"{one.allowed:.0e}")
        if self.programs:
            yield from _section("Programs", "program outcome")
            for result in self.programs:
                yield _row(result.name, result.outcome)
        if self.trained:
            yield from _section("Training", "command accuracy required seconds")
            for each in self.trained:
                share = f"{each.accuracy:.2%}" + ("" if each.passed else " ✗")
                yield _row(each.command, share, f"{each.required:.0%}", f"{each.seconds:.0f}")
        if self.timings:
            yield from _section("Time", "workload contender time bandwidth arithmetic")
            for timing in self.timings:
                time = f"{timing.seconds * 1e6:,.1f} µs"
                shares = (_percent(timing.bandwidth), _percent(timing.flops))
                yield _row(timing.workload, timing.contender, time, *shares)
            yield from _section("Goals", "workload measure target reached")
            for goal in self.goals:
                yield _row(
                    goal.workload, goal.measure, _percent(goal.target), _percent(goal.reached)
                )


def _section(title: str, columns: str) -> Iterator[str]:
    names = columns.split()
    yield from ("", f"## {title}", "", _row(*names), _row(*["---"] * len(names)))


def _row(*cells: str) -> str:
    return f"| {' | '.join(_cells(cells))} |"


def _cells(cells: Iterable[str]) -> Iterator[str]:
    for cell in cells:
        yield cell.replace("|", "\\|").replace("\n", " ")


def _percent(share: float | None) -> str:
    return "" if share is None or not math.isfinite(share) else f"{share:.0%}"
