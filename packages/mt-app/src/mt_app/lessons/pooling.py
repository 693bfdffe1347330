"""Pooling of one image: tiling, and the gradient of the windows."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from mt_autodiff import tensor
from mt_nn import avgpool2d, maxpool2d, tile

Kind = Literal["average", "maximum"]
Kernel = tuple[int, int]


@dataclass(frozen=True, slots=True, eq=False)
class Pooling:
    """One image, pooled.

    Attributes:
        image: The image, (H, W).
        tiles: The elements of each window as one row, (H', W', KH · KW).
        positions: The positions of these elements in the image's storage, the shape of `tiles`.
        output: The pooled image, (H', W').
        gradient: The gradient of the output's sum, (H, W).
        kernel: Height and width of a window.
    """

    image: npt.NDArray[np.float64]
    tiles: npt.NDArray[np.float64]
    positions: npt.NDArray[np.int64]
    output: npt.NDArray[np.float64]
    gradient: npt.NDArray[np.float64]
    kernel: Kernel

    def window(self, row: int, column: int) -> list[tuple[int, int]]:
        """Return the indices of a window's elements, in row-major order."""
        kh, kw = self.kernel
        return [(row * kh + i, column * kw + j) for i in range(kh) for j in range(kw)]


def pool(image: npt.ArrayLike, kernel: Kernel, kind: Kind) -> Pooling:
    """Pool an image, and differentiate the sum of the result.

    Args:
        image: The image, (H, W).
        kernel: Height and width of a window.
        kind: The kind of pooling.

    Raises:
        ShapeError: The kernel does not divide the image.
    """
    array = np.asarray(image, np.float64)
    x = tensor(array[None, None], requires_grad=True)
    out = avgpool2d(x, kernel) if kind == "average" else maxpool2d(x, kernel)
    out.sum().backward()
    # Tiling an image of positions gives the position of each element.
    positions = tensor(np.arange(float(array.size)).reshape(1, 1, *array.shape))
    assert x.grad is not None
    return Pooling(
        array,
        tile(x, kernel)[0].to_numpy()[0, 0],
        tile(positions, kernel)[0].to_numpy()[0, 0].astype(np.int64),
        out.to_numpy()[0, 0],
        x.grad.to_numpy()[0, 0],
        kernel,
    )


def views_of_tile(shape: tuple[int, int], kernel: Kernel) -> list[tuple[str, tuple[int, ...]]]:
    """Return the shapes of the steps of `tile`, with the operation of each.

    >>> views_of_tile((4, 6), (2, 3))[1]
    ('view: rows and columns cut', (2, 2, 2, 3))
    """
    (height, width), (kh, kw) = shape, kernel
    rows, columns = height // kh, width // kw
    return [
        ("the image", shape),
        ("view: rows and columns cut", (rows, kh, columns, kw)),
        ("permute: windows first", (rows, columns, kh, kw)),
        ("view: each window one row", (rows, columns, kh * kw)),
    ]
