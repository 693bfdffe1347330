"""Classes of users' data: their names, and examples that are held out for validation."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from mt_models.datasets.errors import DataFormatError

MOST = 256
"""The largest number of classes: a label is one byte."""
SHARE = 5
"""One of so many examples of each class is held out for validation."""


def class_names(names: Sequence[str], source: object) -> tuple[str, ...]:
    """Return the different names, whole numbers by value and other names by alphabet.

    Raises:
        DataFormatError: There are fewer than two classes, or more than `MOST`.

    >>> class_names(["10", "9", "9"], "labels")
    ('9', '10')
    """
    different = set(names)
    if not 2 <= len(different) <= MOST:
        only = f" ({names[0]!r})" if len(different) == 1 else ""
        raise DataFormatError(
            f"{source}: the number of classes is {len(different)}{only}; a network needs from 2 to "
            f"{MOST}."
        )
    numbers = all(name.isascii() and name.isdigit() for name in different)
    return tuple(sorted(different, key=lambda name: (int(name) if numbers else 0, name)))


def hold_out(labels: npt.NDArray[np.uint8]) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Choose a fifth of each class for validation, at least one example of two or more.

    The choice does not depend on the seed of a run, so that runs with other seeds can be compared.

    Returns:
        The indices of the training examples and those of the validation examples, both in random
        order: files are often sorted by class, and a part of them would contain only some classes.
    """
    rng = np.random.default_rng(0)
    validation = np.zeros(len(labels), np.bool_)
    for label in np.unique(labels):
        members = rng.permutation(np.flatnonzero(labels == label))
        validation[members[: max(len(members) // SHARE, int(len(members) > 1))]] = True
    return rng.permutation(np.flatnonzero(~validation)), rng.permutation(np.flatnonzero(validation))
