"""Mistakes in convolutions, in one and two dimensions: tasks 4.1, 4.2 and 4.4b."""

from collections.abc import Callable, Sequence
from itertools import product
from typing import Any

import numpy as np

from grading.diagnosis.memory import cells, strides, without_strides
from grading.diagnosis.mistakes import Mistake, modelled
from grading.diagnosis.products import exchanged_strides
from grading.protocol.messages import Array, Request, Response

ONE, TWO, CUDA = "4.1", "4.2", "4.4b"
ALL = (ONE, TWO, CUDA)
PLANES = (TWO, CUDA)

Sizes = Sequence[int]
Kernel = Callable[[Array, Array, bool, Sizes], Array]
"""A convolution: images, weights, `reverse`, the size of the output."""

Place = Callable[[Sizes, Sizes, Sizes, bool], Sizes]
"""Where the image is read: at an output's place, for a weight's place, a kernel's size."""


def _place(p: Sizes, k: Sizes, kernel: Sizes, reverse: bool) -> Sizes:
    return [i - j if reverse else i + j for i, j in zip(p, k, strict=True)]


def _inside(q: Sizes, size: Sizes, out: Sizes) -> bool:
    return all(0 <= i < n for i, n in zip(q, size, strict=True))


def slid(
    x: Array,
    weight: Array,
    reverse: bool,
    out_size: Sizes,
    place: Place = _place,
    inside: Callable[[Sizes, Sizes, Sizes], bool] = _inside,
) -> Array:
    """Return a convolution in which images are read elsewhere, or within other bounds."""
    out = np.zeros((x.shape[0], weight.shape[0], *out_size))
    kernel = weight.shape[2:]
    for p in product(*map(range, out_size)):
        for k in product(*map(range, kernel)):
            q = place(p, k, kernel, reverse)
            if inside(q, x.shape[2:], out_size):
                out[_at(p)] += x[_at(q)] @ weight[_at(k)].T
    return out


def _at(place: Sizes) -> tuple[Any, ...]:
    return (slice(None), slice(None), *place)


def convolution(tasks: tuple[str, ...], cause: str, wrong: Kernel) -> Mistake:
    """Return a mistake in the kernel: it is made again in both gradients.

    The gradients are those of the course's template: that of the images is the gradient that
    arrives, convolved with `reverse`; that of the weights are the images convolved with it.
    """

    def model(request: Request) -> Response | None:
        if request.operation == "kernel.run":
            options = request.options
            if not options["kernel"].startswith("tensor_conv"):
                return None
            out, x, weight = request.arrays
            return Response(request, (wrong(x, weight, options["more"][0], out.shape[2:]),))
        x, weight = request.arrays
        arrays = (wrong(x, weight, False, x.shape[2:]),)
        if request.upstream is None:
            return Response(request, arrays)
        up = request.upstream
        dx = wrong(up, weight.swapaxes(0, 1), True, x.shape[2:])
        dw = wrong(x.swapaxes(0, 1), up.swapaxes(0, 1), False, weight.shape[2:])
        return Response(request, arrays, (dx, dw.swapaxes(0, 1)))

    return modelled(tasks, cause, r"tensor\.conv[12]d(_cuda)?|kernel\.run", model)


def placed(tasks: tuple[str, ...], cause: str, place: Place) -> Mistake:
    """Return a mistake in where the images are read."""
    return convolution(
        tasks, cause, lambda x, w, reverse, size: slid(x, w, reverse, size, place=place)
    )


def bounded(
    tasks: tuple[str, ...], cause: str, inside: Callable[[Sizes, Sizes, Sizes], bool]
) -> Mistake:
    """Return a mistake in which places of the images count as inside."""
    return convolution(
        tasks, cause, lambda x, w, reverse, size: slid(x, w, reverse, size, inside=inside)
    )


def _ignored(p: Sizes, k: Sizes, kernel: Sizes, reverse: bool) -> Sizes:
    return [i + j for i, j in zip(p, k, strict=True)]


def _always(p: Sizes, k: Sizes, kernel: Sizes, reverse: bool) -> Sizes:
    return [i - j for i, j in zip(p, k, strict=True)]


def _opposite(p: Sizes, k: Sizes, kernel: Sizes, reverse: bool) -> Sizes:
    return _place(p, k, kernel, not reverse)


def _shifted(p: Sizes, k: Sizes, kernel: Sizes, reverse: bool) -> Sizes:
    """Anchor at the right, but slide the kernel as it stands."""
    if not reverse:
        return _place(p, k, kernel, reverse)
    return [i - n + 1 + j for i, j, n in zip(p, k, kernel, strict=True)]


def _flipped_in_place(p: Sizes, k: Sizes, kernel: Sizes, reverse: bool) -> Sizes:
    """Flip the kernel, but anchor it at the left."""
    if not reverse:
        return _place(p, k, kernel, reverse)
    return [i + n - 1 - j for i, j, n in zip(p, k, kernel, strict=True)]


def _rows_only(p: Sizes, k: Sizes, kernel: Sizes, reverse: bool) -> Sizes:
    return [
        *_place(p[:1], k[:1], kernel[:1], reverse),
        *_ignored(p[1:], k[1:], kernel[1:], reverse),
    ]


def _columns_only(p: Sizes, k: Sizes, kernel: Sizes, reverse: bool) -> Sizes:
    return [
        *_ignored(p[:1], k[:1], kernel[:1], reverse),
        *_place(p[1:], k[1:], kernel[1:], reverse),
    ]


def _centred(p: Sizes, k: Sizes, kernel: Sizes, reverse: bool) -> Sizes:
    return [i + j - n // 2 for i, j, n in zip(p, k, kernel, strict=True)]


def _in_output(q: Sizes, size: Sizes, out: Sizes) -> bool:
    """Hold places to the size of the output, too."""
    return _inside(q, size, out) and all(i < n for i, n in zip(q, out, strict=True))


def _in_exchanged(q: Sizes, size: Sizes, out: Sizes) -> bool:
    """Hold rows to the width, too, or columns to the height."""
    return _inside(q, size, out) and q[0] < size[1]


def _columns_in_height(q: Sizes, size: Sizes, out: Sizes) -> bool:
    return _inside(q, size, out) and q[1] < size[0]


def _without_the_last(q: Sizes, size: Sizes, out: Sizes) -> bool:
    return all(0 <= i < n - 1 for i, n in zip(q, size, strict=True))


def _unbounded_below(x: Array, weight: Array, reverse: bool, out_size: Sizes) -> Array:
    """Read what stands in memory before an image, counting from the end before the first."""
    memory, steps = cells(x), strides(x)
    out = np.zeros((x.shape[0], weight.shape[0], *out_size))
    for n, o, *p in np.ndindex(*out.shape):
        for c, *k in np.ndindex(*weight.shape[1:]):
            q = _place(p, k, weight.shape[2:], reverse)
            if all(i < size for i, size in zip(q, x.shape[2:], strict=True)):
                at = sum(i * s for i, s in zip((n, c, *q), steps, strict=True))
                out[(n, o, *p)] += memory[at] * weight[(o, c, *k)]
    return out


def _flipped(array: Array) -> Array:
    return array[(slice(None), slice(None), *[slice(None, None, -1)] * (array.ndim - 2))]


REVERSE = "the gradient of the input needs out[p] = sum over k of x[p - k] w[k]"

MISTAKES = [
    placed(ALL, f"`reverse` is ignored; {REVERSE}", _ignored),
    placed(PLANES, f"`reverse` goes for rows only; {REVERSE}", _rows_only),
    placed(PLANES, f"`reverse` goes for columns only; {REVERSE}", _columns_only),
    placed(
        ALL,
        f"`reverse` moves the kernel to the other end, but does not turn it round; {REVERSE}",
        _shifted,
    ),
    placed(
        ALL,
        f"`reverse` turns the kernel round, but leaves it at its end; {REVERSE}",
        _flipped_in_place,
    ),
    placed(ALL, "the kernel is anchored at its other end, as with `reverse`", _always),
    placed(ALL, "`reverse` is read the wrong way round", _opposite),
    placed(
        ALL, "the kernel is centred on the output's place; its first corner belongs there", _centred
    ),
    convolution(
        ALL,
        "the weight's strides are ignored, as if it were contiguous",
        lambda x, w, reverse, size: slid(x, without_strides(w), reverse, size),
    ),
    convolution(
        ALL,
        "the input's strides are ignored, as if it were contiguous",
        lambda x, w, reverse, size: slid(without_strides(x), w, reverse, size),
    ),
    convolution(
        ALL,
        "the strides of input and weight are ignored, as if both were contiguous",
        lambda x, w, reverse, size: slid(without_strides(x), without_strides(w), reverse, size),
    ),
    convolution(
        ALL,
        "only the last channel counts: the sum begins anew for each channel",
        lambda x, w, reverse, size: slid(x[:, -1:], w[:, -1:], reverse, size),
    ),
    convolution(
        ALL,
        "only the first channel counts",
        lambda x, w, reverse, size: slid(x[:, :1], w[:, :1], reverse, size),
    ),
    convolution(
        ALL,
        "the kernel is flipped: it is multiplied as it stands, its first element with the first",
        lambda x, w, reverse, size: slid(x, _flipped(w), reverse, size),
    ),
    convolution(
        PLANES,
        "the kernel is transposed: the strides of its height and its width are exchanged",
        lambda x, w, reverse, size: slid(x, exchanged_strides(w), reverse, size),
    ),
    bounded(
        ALL,
        "places in the input are held to the size of the output, not to the width of the input: "
        "the output of a gradient is smaller",
        _in_output,
    ),
    bounded(PLANES, "rows are held to the width of the image, not to its height", _in_exchanged),
    bounded(
        PLANES, "columns are held to the height of the image, not to its width", _columns_in_height
    ),
    bounded(ALL, "the last row or column of the image counts as outside", _without_the_last),
    convolution(
        ALL,
        "places left of the image, or above it, are not left out: negative indices count from "
        "the end",
        _unbounded_below,
    ),
]
