"""Selection of the most confident errors."""

import numpy as np
import numpy.typing as npt

from mt_models.problems import Evaluation


def worst_errors(evaluation: Evaluation, count: int) -> npt.NDArray[np.intp]:
    """Return the indices of misclassified examples, the most confident first."""
    confidence = evaluation.probabilities.max(1)
    wrong = np.flatnonzero(~evaluation.right)
    return wrong[np.argsort(-confidence[wrong], kind="stable")][:count]
