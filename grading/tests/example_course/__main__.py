"""`python -m grading.tests.example_course FOLDER`: write the example course.

`python -m grading.tests.example_course --grade` grades the solutions again, in about two minutes,
and stores their reports. Run it after a change of the checks of tasks 0.1 and 0.3.

submissions/                two hand-ins of each of 24 learners and three pairs
results/                    their stored reports, as `grade --batch` writes them
roster.csv, hand-ins.csv    the learners, and the times of their hand-ins
canvas.csv, moodle.csv      the exports of the platforms
course.toml, strict.toml, kind.toml    three policies
"""

import sys
from pathlib import Path

from grading.tests.example_course.course import grade_solutions, write_course


def main(arguments: list[str]) -> int:
    """Write the course; return the exit code."""
    if len(arguments) != 1:
        print("usage: python -m grading.tests.example_course FOLDER | --grade", file=sys.stderr)
        return 2
    if arguments == ["--grade"]:
        grade_solutions()
        return 0
    folder = Path(arguments[0])
    if folder.exists():
        print(f"{folder} exists; name a new folder", file=sys.stderr)
        return 2
    write_course(folder)
    print(f"{folder}: an example course of 30 learners with 54 hand-ins")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
