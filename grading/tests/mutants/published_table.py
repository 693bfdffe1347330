"""The command `python -m grading.tests.mutants.published_table`: the table of mistakes of module 5.

It writes which mistakes a test of the published kind sees to the page of the module.
"""

from grading.paths import ROOT
from grading.tests.mutants.in_process import mutated
from grading.tests.mutants.module5 import MUTANTS
from grading.tests.mutants.published_kind import sees

PAGE = ROOT / "docs" / "tasks" / "module5.md"
BEGIN = "<!-- published: written by `python -m grading.tests.mutants.published_table` -->"
END = "<!-- end of published -->"


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


def written(text: str) -> str:
    """Return the page with a new table."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{table()}\n\n{END}{after}"


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
