"""Mutants: rewrites of the packages, each with one mistake of a learner."""

from dataclasses import dataclass

from grading.tests.mutants.rewriting import Rewrite


@dataclass(frozen=True)
class Mutant:
    """The packages with one mistake.

    Attributes:
        task: The task whose checks catch it.
        name: The mistake, in a few words.
        rewrites: What is changed.
        cause: A regular expression that each right likely cause matches; None if no cause is known
            in advance.
        compiled: The mistake shows only where kernels are compiled.
        check: The check that notices it, where compiling for the others takes long.
        advice: The advice that notices it, where the course promises nothing else: no check that
            counts does.
        group: The group of checks that loses its points; None where no test looks at groups.
    """

    task: str
    name: str
    rewrites: tuple[Rewrite, ...]
    cause: str | None = None
    compiled: bool = False
    check: str | None = None
    advice: str | None = None
    group: str | None = None

    @property
    def simulated(self) -> bool:
        """True if the mistake is in a GPU kernel, which runs on numba's simulator."""
        return self.rewrites[0].file.startswith("mt_kernels_cuda/")

    def __str__(self) -> str:
        return f"{self.task}: {self.name}"


def mutant(
    task: str,
    name: str,
    file: str,
    old: str,
    new: str,
    cause: str | None = None,
    *,
    style: str | None = None,
    compiled: bool = False,
    check: str | None = None,
    advice: str | None = None,
    group: str | None = None,
) -> Mutant:
    """Return a mutant with a single rewrite."""
    rewrites = (Rewrite(file, old, new, style),)
    return Mutant(task, name, rewrites, cause, compiled, check, advice, group)
