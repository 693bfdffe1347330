"""`python -m grading.tests.example_course FOLDER`: write the example course.

submissions/                two hand-ins of each of 24 learners and three pairs
results/                    their stored reports, as `grade --batch` writes them
roster.csv, hand-ins.csv    the learners, and the times of their hand-ins
canvas.csv, moodle.csv      the exports of the platforms
course.toml, strict.toml, kind.toml    three policies
"""

import sys
from pathlib import Path

from grading.tests.example_course.course import write_course


def main(arguments: list[str]) -> int:
    """Write the course; return the exit code."""
    if len(arguments) != 1:
        print("usage: python -m grading.tests.example_course FOLDER", file=sys.stderr)
        return 2
    folder = Path(arguments[0])
    if folder.exists():
        print(f"{folder} exists; name a new folder", file=sys.stderr)
        return 2
    write_course(folder)
    print(f"{folder}: an example course of 30 learners with 54 hand-ins")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
