"""Generic mistakes in the right solutions, drawn at random by `grading.tests.causes.generated`.

Nothing is fitted to them. The pattern of each right cause was written before the diagnosis ran on
the mistake. By the rule for these patterns, a cause is right if it names the expression or the
statement that is changed and the change, or an effect that no other mistake has. A cause that names
a changed line is right, too.
"""

from grading.tests.mutants.mutant import Mutant

MUTANTS: list[Mutant] = []
