"""The homework that tasks belong to, of several in one hand-in."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from grading.submissions.submission import Submission, SubmissionError
from grading.tasks.model import Table, Task


@dataclass(frozen=True)
class Homework:
    """One of the submissions in a hand-in.

    Attributes:
        name: The path of its folder in the hand-in; empty for the hand-in itself.
        submission: The submission.
    """

    name: str
    submission: Submission

    def module(self, table: Table) -> int:
        """Return the last module of the course that it belongs to.

        In the course's layout, each module adds files. A tree of this repository's layout has all
        files from the beginning, so there the last module counts in which a function is written.
        """
        layout = self.submission.layout
        tasks = [task for task in table.tasks if task.holes_in(layout) and not self.lacks(task)]
        if layout == "packages":
            tasks = [task for task in tasks if self.begun(task)]
        return max((task.module for task in tasks), default=0)

    def lacks(self, task: Task) -> bool:
        """Return True if files of a task are missing."""
        return bool(self.submission.missing(task.holes_in(self.submission.layout)))

    def begun(self, task: Task) -> bool:
        """Return True if a function of a task is written."""
        holes = task.holes_in(self.submission.layout)
        open_holes = self.submission.open(holes)
        return not self.lacks(task) and len(open_holes) < len(self.submission.named(holes))


def choose(homeworks: Sequence[Homework], tasks: Sequence[Task], table: Table) -> Homework:
    """Return the homework that tasks belong to.

    It has the files of the tasks, and belongs to the same module, or to the next later one: of hw0
    to hw4, task 2.3 belongs to hw2, although hw3 has its files, too. If the files do not decide,
    the number in the name of the folder does, and then the level. Homeworks in which nothing of
    the tasks is written count only if there are no others.

    Args:
        homeworks: The submissions in a hand-in, at least one.
        tasks: The tasks; empty for all tasks.
        table: The table of tasks.

    Raises:
        SubmissionError: Several of them fit equally well.
    """
    if len(homeworks) == 1:
        return homeworks[0]
    tasks = tasks or table.tasks
    begun = [each for each in homeworks if any(each.begun(task) for task in tasks)]
    last = max(task.module for task in tasks)

    def rank(each: Homework) -> tuple[int, int, bool, int]:
        numbers = re.findall(r"\d+", each.name)
        return (
            sum(each.lacks(task) for task in tasks),
            abs(each.module(table) - last),
            not numbers or int(numbers[-1][-6:]) != last,
            each.name.count("/"),
        )

    ranks = {each.name: rank(each) for each in begun or homeworks}
    best = [each for each in begun or homeworks if ranks[each.name] == min(ranks.values())]
    if len(best) > 1:
        names = ", ".join(each.name for each in best)
        raise SubmissionError(
            f"the hand-in holds several submissions: {names}; name one of them, or judge them all "
            "with --batch"
        )
    return best[0]
