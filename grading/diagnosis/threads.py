"""Mistakes of blocks, threads and tiles on a GPU: tasks 3.3, 3.4 and 4.4b.

The size of a block or a tile is not known to the checks, so each model is tried with several sizes.
"""

from collections.abc import Callable

import numpy as np

from grading.checking.finding import Finding
from grading.diagnosis.convolution import convolution
from grading.diagnosis.mistakes import Mistake, modelled, raising, result
from grading.diagnosis.products import product
from grading.protocol.messages import Array, Request, Response

SIZES = (4, 8, 16, 32)
"""Sides of tiles that solutions use, on a GPU or in the simulator."""

THREADS = (8, 16, 32, 64, 128, 256, 512, 1024)
"""Numbers of threads of a block that solutions use."""

WARP = 32
"""Number of elements that a block of the practice sum adds."""


def folded(cause: str, wrong: Callable[[Array], Array]) -> Mistake:
    """Return a mistake in a sum; `wrong` gets the elements, those to add in the last dimension."""

    def model(request: Request) -> Response | None:
        if request.operation == "cuda.sum_practice":
            (x,) = request.arrays
            padded = np.zeros(-(-x.size // WARP) * WARP)
            padded[: x.size] = x
            return result(request, wrong(padded.reshape(-1, WARP)))
        if request.upstream is not None or "dim" not in request.options:
            return None
        rows = np.moveaxis(request.arrays[0], request.options["dim"], -1)
        return result(request, np.expand_dims(wrong(rows), request.options["dim"]))

    return modelled(("3.3",), cause, r"tensor\.sum|cuda\.sum_practice", model)


def _tiles_transposed(b: Array, side: int) -> Array:
    """Return a matrix, padded with zeros, whose tiles are transposed."""
    rows, columns = (-(-size // side) * side for size in b.shape[-2:])
    padded = np.zeros((*b.shape[:-2], rows, columns))
    padded[..., : b.shape[-2], : b.shape[-1]] = b
    tiles = padded.reshape(*b.shape[:-2], rows // side, side, columns // side, side)
    turned = np.moveaxis(tiles, -3, -1).swapaxes(-3, -2)
    return turned.reshape(padded.shape)


def _with_tiles_transposed(side: int) -> Callable[[Array, Array], Array]:
    def multiply(a: Array, b: Array) -> Array:
        tiles = _tiles_transposed(b, side)
        padded = np.zeros((*a.shape[:-1], tiles.shape[-2]))
        padded[..., : a.shape[-1]] = a
        return np.asarray(padded @ tiles)[..., : b.shape[-1]]

    return multiply


def _with_first_tile(side: int, number: int) -> Callable[[Array, Array], Array]:
    """Return a product that reads the first tile of one operand for all tiles."""

    def multiply(a: Array, b: Array) -> Array:
        terms = np.arange(a.shape[-1]) % side
        product = a[..., terms] @ b if number == 0 else a @ b[..., terms, :]
        return np.asarray(product)

    return multiply


def _convolved_with_first_tile(side: int) -> Callable[..., Array]:
    """Return a convolution that reads the first tile of the input for all tiles of terms."""

    def convolve(x: Array, weight: Array, reverse: bool, size: tuple[int, ...]) -> Array:
        images, terms = x.shape[0], weight[0].size
        columns = np.zeros((images, terms, *size))
        for term, (c, *k) in enumerate(np.ndindex(*weight.shape[1:])):
            for p in np.ndindex(*size):
                q = [i - j if reverse else i + j for i, j in zip(p, k, strict=True)]
                if all(0 <= i < n for i, n in zip(q, x.shape[2:], strict=True)):
                    columns[(slice(None), term, *p)] = x[(slice(None), c, *q)]
        first = columns[:, np.arange(terms) % side]
        rows = weight.reshape(len(weight), terms)
        return np.asarray(np.einsum("ot,nt...->no...", rows, first))

    return convolve


def one_block_only(finding: Finding) -> bool | None:
    """Return whether only the elements of the first block of threads are right."""
    expected, received = finding.expected, finding.received
    if not isinstance(expected, np.ndarray) or not isinstance(received, np.ndarray):
        return None
    if expected.shape != received.shape or "gradient" in finding.name:
        return None
    wrong = ~np.isclose(expected, received, rtol=1e-6, atol=1e-8).reshape(-1)
    first = int(wrong.argmax())
    return bool(first in THREADS and wrong[first:].mean() > 0.8)


def reads_unwritten(finding: Finding) -> bool | None:
    """Return whether finite inputs lead to NaN, as unwritten shared memory of the simulator is."""
    response = finding.response
    if response is None or not response.arrays:
        return None
    is_finite = all(np.isfinite(array).all() for array in finding.request.arrays)
    return bool(is_finite and np.isnan(response.arrays[-1]).any()) or None


def _sum_of_first(count: int) -> Callable[[Array], Array]:
    return lambda rows: rows[..., :count].sum(axis=-1)


def _product_of_first(count: int) -> Callable[[Array, Array], Array]:
    return lambda a, b: a[..., :count] @ b[..., :count, :]


FIRST_TILE = "The first tile of the {} matrix is used for all tiles. Load each tile."

MISTAKES = [
    folded(
        "The reduction stops before its last step: only every second element is added.",
        lambda rows: rows[..., ::2].sum(axis=-1),
    ),
    *(
        folded(
            "Only as many elements are added as a block has threads. Each thread has to add "
            "several elements if there are more.",
            _sum_of_first(count),
        )
        for count in THREADS
    ),
    folded(
        "Every block adds the elements of the first row.",
        lambda rows: np.broadcast_to(rows.reshape(-1, rows.shape[-1])[0].sum(), rows.shape[:-1]),
    ),
    Mistake(
        ("3.3",),
        "Only the first block of threads works: elements beyond it are not written. Compute the "
        "number of the element from `cuda.blockIdx`, too.",
        one_block_only,
    ),
    *(
        product(
            "Only the first tile of terms is added up. The loop over tiles ends too early.",
            _product_of_first(side),
        )
        for side in SIZES
    ),
    *(
        product(
            "You read the second tile with its row and column exchanged.",
            _with_tiles_transposed(side),
        )
        for side in SIZES
    ),
    *(
        product(FIRST_TILE.format(word), _with_first_tile(side, number))
        for number, word in enumerate(("first", "second"))
        for side in SIZES
    ),
    *(
        convolution(
            ("4.4b",),
            "The first tile of the input is used for all tiles of terms. Load each tile.",
            _convolved_with_first_tile(side),
        )
        for side in SIZES
    ),
    Mistake(
        ("3.4", "4.4b"),
        "Shared memory is read that no thread has written. Threads outside of the result have to "
        "reach the barriers and load their elements, too.",
        reads_unwritten,
    ),
    raising(
        ("3.3", "3.4", "4.4b"),
        "A thread beyond the last element has no guard. It reads or writes outside the array.",
        r"(tensor|cuda)\..*",
        "RaceError",
        message="in global memory",
    ),
]
