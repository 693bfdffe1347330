"""Generic mistakes in the right solutions, drawn at random by `grading.tests.causes.generated`.

No model is fitted to them. The pattern of each right cause was written after the models, and before
the diagnosis ran on the mistake.
"""

from grading.tests.mutants.mutant import Mutant

MUTANTS: list[Mutant] = []
