"""Remarks on errors in the course's template, shown once and without effect on points."""

from collections.abc import Iterable

from grading.isolation import CheckAbandoned
from grading.judge.subjects import Subjects
from grading.protocol.messages import SubjectError

SENTENCES = {
    "View.backward": (
        "View.backward of the course's template treats the storage of a gradient as "
        "contiguous, which is wrong after a permutation. The checks use a corrected version; "
        "you lose no points."
    ),
    "CudaOps.reduce": (
        "CudaOps.reduce of the course's template returns several partial results for a dimension "
        "that is longer than a block. The checks reduce these again; you lose no points."
    ),
}
"""Remark for each function that the driver repairs."""


def repairs(subjects: Subjects, known: Iterable[str] = ()) -> tuple[str, ...]:
    """Return a remark for each repair in the running workers.

    The worker sends names only, because the submission could forge texts.

    Args:
        subjects: The code under test.
        known: Remarks that were shown before.
    """
    names: set[str] = set()
    for subject in subjects.running():
        try:
            named = subject.call("repairs.repaired").plain
        except (SubjectError, CheckAbandoned):
            continue
        if isinstance(named, list):
            names.update(name for name in named if isinstance(name, str))
    sentences = [sentence for name, sentence in SENTENCES.items() if name in names]
    return tuple(sentence for sentence in sentences if sentence not in known)
