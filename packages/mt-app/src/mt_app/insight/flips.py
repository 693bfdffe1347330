"""The smallest change of pixels that flips the prediction for a digit.

S.-M. Moosavi-Dezfooli, A. Fawzi, P. Frossard: DeepFool, a simple and accurate method to fool deep
neural networks, CVPR 2016, algorithm 2. Each step assumes that the scores are linear, and goes to
the nearest boundary between two classes.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mt_app.insight.computing import COMPUTING
from mt_app.insight.digits import scores
from mt_app.insight.networks import DigitReader
from mt_autodiff import no_grad, tensor
from mt_models.problems import image_batch

STEPS = 50
"""The largest number of steps. Most digits need fewer than ten."""
BEYOND = 1.02
"""The length of a step as a multiple of the distance to the boundary, as in the paper."""

Image = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class Flip:
    """A changed image with another prediction.

    Attributes:
        image: The changed image, (28, 28), uint8.
        change: The difference from the original in grey values, (28, 28).
        answer: The new prediction, as the index of its class.
    """

    image: Image
    change: npt.NDArray[np.int64]
    answer: int

    @property
    def pixels(self) -> int:
        """The number of changed pixels."""
        return int(np.count_nonzero(self.change))

    @property
    def largest(self) -> int:
        """The largest change of a pixel, in grey values."""
        return int(np.abs(self.change).max())


def smallest_flip(reader: DigitReader, image: Image) -> Flip | None:
    """Search for a small change, in the Euclidean norm, that flips the prediction.

    The result is the first image with whole grey values on the line from the original to the end of
    DeepFool's path that has another prediction; no image on it is nearer. Other directions may be
    shorter.

    Args:
        reader: The network.
        image: The image, 0 is background.

    Shape:
        (28, 28).

    Returns:
        The changed image; None if no step reaches another class.
    """
    start = image / 255.0
    with COMPUTING:
        end = _path_end(reader, start)
        if end is None:
            return None
        # Rounding may need a little more than the whole line.
        parts = np.linspace(0.0, 1.5, 151)[:, None, None]
        candidates = np.rint(255 * (start + parts * (end - start)).clip(0.0, 1.0)).astype(np.uint8)
        with no_grad():
            found = scores(reader, image_batch(candidates, reader.backend)).to_numpy().argmax(1)
    changed = np.flatnonzero(found != found[0])
    if not len(changed):
        return None
    flipped = candidates[changed[0]]
    return Flip(flipped, flipped.astype(np.int64) - image, int(found[changed[0]]))


def _path_end(
    reader: DigitReader, start: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64] | None:
    """Return the first image of DeepFool's path with another prediction; None without one."""
    classes = len(reader.classes)
    x, first = start, -1
    for _ in range(STEPS):
        # One copy for each class: the gradient of copy k is that of score k.
        copies = np.broadcast_to(x, (classes, 1, *x.shape)).astype(reader.backend.dtype)
        batch = tensor(copies, reader.backend, requires_grad=True)
        values = scores(reader, batch)
        heights = values.to_numpy()[0].astype(np.float64)
        if first < 0:
            first = int(heights.argmax())
        elif heights.argmax() != first:
            return x
        (
            values * tensor(np.eye(classes, dtype=reader.backend.dtype), reader.backend)
        ).sum().backward()
        assert batch.grad is not None
        gradients = batch.grad.to_numpy()[:, 0].astype(np.float64)
        normals = gradients - gradients[first]
        lengths = np.sqrt((normals**2).sum((1, 2)))
        # No step reaches a class without a normal, such as the present one.
        distances = np.full(classes, np.inf)
        np.divide(np.abs(heights - heights[first]), lengths, out=distances, where=lengths > 0.0)
        nearest = int(distances.argmin())
        if not np.isfinite(distances[nearest]):
            return None
        step = (distances[nearest] + 1e-4) / lengths[nearest] * normals[nearest]
        x = (x + BEYOND * step).clip(0.0, 1.0)
    return None
