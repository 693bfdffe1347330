"""What a submission has inherited from the course's template: told once, and never charged."""

from collections.abc import Iterable

from grading.isolation import CheckAbandoned
from grading.judge.subjects import Subjects
from grading.protocol.messages import SubjectError

SENTENCES = {
    "View.backward": (
        "View.backward, as the course publishes it, reads the storage of a gradient as if it were "
        "contiguous; behind a permutation that is wrong. It was repaired for the checks, and "
        "nothing is charged for it."
    ),
    "CudaOps.reduce": (
        "CudaOps.reduce, as the course publishes it, leaves more than one partial result of a "
        "dimension that is longer than a block. The checks reduce these again, and nothing is "
        "charged for it."
    ),
}
"""What there is to say about each function that the driver repairs."""


def repairs(subjects: Subjects, told: Iterable[str] = ()) -> tuple[str, ...]:
    """Return a sentence for each repair in the workers that run.

    Only the names come from a worker, which the submission might make up; the words are ours.

    Args:
        subjects: The code under test.
        told: Sentences that need not be said again.
    """
    names: set[str] = set()
    for subject in subjects.running():
        try:
            named = subject.call("repairs.repaired").plain
        except (SubjectError, CheckAbandoned):
            continue
        if isinstance(named, list):
            names.update(name for name in named if isinstance(name, str))
    known = [sentence for name, sentence in SENTENCES.items() if name in names]
    return tuple(sentence for sentence in known if sentence not in told)
