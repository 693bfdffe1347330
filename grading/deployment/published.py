"""Check of what an export publishes: learners can read its files before the deadline."""

from collections.abc import Sequence

from grading.policy.load import Course
from grading.policy.model import CheckRow, GroupRow, TaskRow


def check_policy(course: Course | None, options: Sequence[str]) -> None:
    """Check that a policy and the options of `grade` contain nothing that learners must not read.

    Args:
        course: The policy; None for the rules of the table of tasks.
        options: Options of `grade`.

    Raises:
        PolicyError: The policy has the reason of an extension, or the options have a seed although
            the policy hides counterexamples.
    """
    if course is None:
        return
    policy = course.policy
    for i, extension in enumerate(policy.extensions):
        if extension.reason:
            raise course.error(
                ("extension", i, "reason"),
                "the class can read the files of this export; remove the reasons of extensions "
                "from the policy, for example in a copy",
            )
    rows: list[TaskRow | GroupRow | CheckRow]
    rows = [*policy.task_rows, *policy.group_rows, *policy.check_rows]
    shown = [policy.feedback, *(row.feedback for row in rows if row.feedback is not None)]
    hides = policy.deadline is not None and any("counterexample" not in parts for parts in shown)
    if hides and "--seed" in options:
        raise course.error(
            ("feedback",),
            "the policy hides counterexamples before the deadline, and the class can read the seed "
            "in the files of this export; leave out --seed, so that each run draws its own",
        )
