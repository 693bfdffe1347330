"""The command `python -m grading.tests.mutants.published_table`: the table of mistakes of module 5.

It writes which mistakes a test of the published kind sees to the page of the module.
"""

from grading.paths import ROOT
from grading.tests.mutants.in_process import mutated
from grading.tests.mutants.module5 import MUTANTS
from grading.tests.mutants.published_kind import sees
from tools.blocks import write_block

PAGE = ROOT / "docs" / "tasks" / "module5.md"
BLOCK = "published"


def table() -> str:
    """Return the table, and the number of mistakes that the published kind does not see."""
    lines, unseen = [], 0
    for mutant in MUTANTS:
        with mutated(mutant.rewrites) as subject:
            seen = sees(mutant.task, subject)
        unseen += not seen
        lines.append(f"| [{mutant.task}]({mutant.task}.md) | {mutant.name} | {_word(seen)} |")
    head = (
        f"The checks catch all {len(MUTANTS)} of these mistakes. A test of the published kind does "
        f"not see {unseen} of them.\n\n| task | mistake | seen by the published kind |\n"
        "| --- | --- | --- |\n"
    )
    return head + "\n".join(lines)


def _word(seen: bool) -> str:
    return "yes" if seen else "**no**"


if __name__ == "__main__":
    write_block(PAGE, BLOCK, table())
