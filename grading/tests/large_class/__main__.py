"""`python -m grading.tests.large_class FOLDER`: write a class of 100 submissions.

`hatch run grade task0_1 … --batch FOLDER/submissions` grades it; the command prints the tasks.
`python -m grading.tests.large_class FOLDER --check` compares the results with the expected ones.

submissions/     90 right and wrong solutions as folders and archives, and ten broken archives
expected.csv     the description of each, and "right", the tasks with a mistake, or "refused"
"""

import csv
import sys
from collections import Counter
from pathlib import Path

import click

from grading.batch.command import TABLE
from grading.tasks.model import marker_of
from grading.tests.large_class.class_folder import EXPECTED, TASKS, write_class


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--size", default=100, type=click.IntRange(min=2), help="Number of submissions.")
@click.option("--check", is_flag=True, help="Compare the results beside the class.")
def main(folder: Path, size: int, check: bool) -> None:
    """Write a class with known results to a new FOLDER, or check its results."""
    if check:
        sys.exit(_check(folder))
    if folder.exists():
        raise click.UsageError(f"{folder} exists; name a new folder")
    write_class(folder, size)
    tasks = " ".join(map(marker_of, TASKS))
    print(f"hatch run grade {tasks} --no-speed --batch {folder}/submissions")


def differences(folder: Path, results: Path) -> tuple[Counter[str], list[str]]:
    """Return the number of submissions by expected result, and those with another result.

    Args:
        folder: The folder of the class.
        results: The folder of its results.
    """
    with (folder / EXPECTED).open(encoding="utf-8", newline="") as file:
        expected = {row["submission"]: row for row in csv.DictReader(file)}
    with (results / TABLE).open(encoding="utf-8-sig", newline="") as file:
        rows = {row["submission"]: row for row in csv.DictReader(file)}
    counts: Counter[str] = Counter()
    wrong = []
    for name, about in expected.items():
        row = rows.get(name)
        outcome = _outcome(row, about["expected"]) if row is not None else "not graded"
        kind = about["expected"] if about["expected"] in ("right", "refused") else "mistake"
        counts[kind] += 1
        if outcome != about["expected"]:
            wrong.append(f"{name} ({about['kind']}): {outcome} instead of {about['expected']}")
    return counts, wrong


def _outcome(row: dict[str, str], expected: str) -> str:
    """Return the result of a submission in the form of an expected one."""
    if row["outcome"] == "no submission":
        return "refused"
    if row["outcome"] != "graded" or not row["points"]:
        return f"{row['outcome']} {row['reason']}"
    if expected not in ("right", "refused"):
        # A mistake costs points of its own task; checks of later tasks may notice it, too.
        judged = {task: row.get(f"{task} judged") or "" for task in expected.split()}
        full = [task for task in judged if float(row[task] or 0) >= 10.0]
        return expected if not full else f"full points in {', '.join(full)}"
    return "right" if row["points"] == row["judged"] else f"{row['points']} of {row['judged']}"


def _check(folder: Path) -> int:
    counts, wrong = differences(folder, folder / "submissions-results")
    for line in wrong:
        print(line)
    parts = ", ".join(f"{number} {kind}" for kind, number in sorted(counts.items()))
    print(f"{sum(counts.values())} submissions ({parts}): {len(wrong)} with another result")
    return 1 if wrong else 0


if __name__ == "__main__":
    main()
