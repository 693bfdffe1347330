"""Mistakes in convolutions, in one and two dimensions: tasks 4.1, 4.2 and 4.4b."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import product
from typing import Any

import numpy as np

from grading.diagnosis.memory import exchanged_strides, in_memory_order, strides, without_strides
from grading.diagnosis.mistakes import Mistake, gradients, modelled
from grading.protocol.messages import Array, Request, Response

ONE, TWO, CUDA = "4.1", "4.2", "4.4b"
ALL = (ONE, TWO, CUDA)
PLANES = (TWO, CUDA)
CONV = r"tensor\.conv[12]d(_cuda)?"

Sizes = Sequence[int]
Kernel = Callable[[Array, Array, bool, Sizes], Array]
"""A convolution of images and weights; the other arguments are `reverse` and the output's size."""

InputIndex = Callable[[Sizes, Sizes, Sizes, bool], Sizes]
"""Returns an index into the image.

Its arguments are an index of the output, an index of the weight, the kernel's size and `reverse`.
"""


def _input_index(p: Sizes, k: Sizes, kernel: Sizes, reverse: bool) -> Sizes:
    return [i - j if reverse else i + j for i, j in zip(p, k, strict=True)]


def _inside(q: Sizes, size: Sizes, out: Sizes) -> bool:
    return all(0 <= i < n for i, n in zip(q, size, strict=True))


def convolved(
    x: Array,
    weight: Array,
    reverse: bool,
    out_size: Sizes,
    input_index: InputIndex = _input_index,
    inside: Callable[[Sizes, Sizes, Sizes], bool] = _inside,
) -> Array:
    """Return a convolution with a changed input index or changed bounds.

    Shape:
        x: (N, C, *size), weight: (O, C, *kernel), result: (N, O, *out_size).
    """
    out = np.zeros((x.shape[0], weight.shape[0], *out_size))
    kernel = weight.shape[2:]
    for p in product(*map(range, out_size)):
        for k in product(*map(range, kernel)):
            q = input_index(p, k, kernel, reverse)
            if inside(q, x.shape[2:], out_size):
                out[_at(p)] += x[_at(q)] @ weight[_at(k)].T
    return out


def _at(index: Sizes) -> tuple[Any, ...]:
    return (slice(None), slice(None), *index)


def _input_gradient(x: Array, weight: Array, up: Array, loop: Kernel = convolved) -> Array:
    return loop(up, weight.swapaxes(0, 1), True, x.shape[2:])


def _weight_gradient(x: Array, weight: Array, up: Array, loop: Kernel = convolved) -> Array:
    gradient = loop(x.swapaxes(0, 1), up.swapaxes(0, 1), False, weight.shape[2:])
    return gradient.swapaxes(0, 1)


def convolution(tasks: tuple[str, ...], cause: str, wrong: Kernel) -> Mistake:
    """Return a mistake in the kernel, which affects the result and both gradients.

    The model computes the gradients as the course's template does. The gradient of the images is
    the upstream gradient, convolved with `reverse`. The gradient of the weights is the images,
    convolved with the upstream gradient.
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
        dx, dw = _input_gradient(x, weight, up, wrong), _weight_gradient(x, weight, up, wrong)
        return Response(request, arrays, (dx, dw))

    return modelled(tasks, cause, rf"{CONV}|kernel\.run", model)


def wrong_index(tasks: tuple[str, ...], cause: str, input_index: InputIndex) -> Mistake:
    """Return a mistake in the index into the images."""
    return convolution(
        tasks,
        cause,
        lambda x, w, reverse, size: convolved(x, w, reverse, size, input_index=input_index),
    )


def wrong_bounds(
    tasks: tuple[str, ...], cause: str, inside: Callable[[Sizes, Sizes, Sizes], bool]
) -> Mistake:
    """Return a mistake in the test whether an index lies inside the images."""
    return convolution(
        tasks, cause, lambda x, w, reverse, size: convolved(x, w, reverse, size, inside=inside)
    )


def _ignored(p: Sizes, k: Sizes, kernel: Sizes, reverse: bool) -> Sizes:
    return [i + j for i, j in zip(p, k, strict=True)]


def _always(p: Sizes, k: Sizes, kernel: Sizes, reverse: bool) -> Sizes:
    return [i - j for i, j in zip(p, k, strict=True)]


def _opposite(p: Sizes, k: Sizes, kernel: Sizes, reverse: bool) -> Sizes:
    return _input_index(p, k, kernel, not reverse)


def _shifted(p: Sizes, k: Sizes, kernel: Sizes, reverse: bool) -> Sizes:
    """Anchor the kernel at its last element without flipping it."""
    if not reverse:
        return _input_index(p, k, kernel, reverse)
    return [i - n + 1 + j for i, j, n in zip(p, k, kernel, strict=True)]


def _flipped_in_place(p: Sizes, k: Sizes, kernel: Sizes, reverse: bool) -> Sizes:
    """Flip the kernel, but anchor it at its first element."""
    if not reverse:
        return _input_index(p, k, kernel, reverse)
    return [i + n - 1 - j for i, j, n in zip(p, k, kernel, strict=True)]


def _rows_only(p: Sizes, k: Sizes, kernel: Sizes, reverse: bool) -> Sizes:
    return [
        *_input_index(p[:1], k[:1], kernel[:1], reverse),
        *_ignored(p[1:], k[1:], kernel[1:], reverse),
    ]


def _columns_only(p: Sizes, k: Sizes, kernel: Sizes, reverse: bool) -> Sizes:
    return [
        *_ignored(p[:1], k[:1], kernel[:1], reverse),
        *_input_index(p[1:], k[1:], kernel[1:], reverse),
    ]


def _centred(p: Sizes, k: Sizes, kernel: Sizes, reverse: bool) -> Sizes:
    return [i + j - n // 2 for i, j, n in zip(p, k, kernel, strict=True)]


def _in_output(q: Sizes, size: Sizes, out: Sizes) -> bool:
    """Compare positions with the size of the output, too."""
    return _inside(q, size, out) and all(i < n for i, n in zip(q, out, strict=True))


def _rows_in_width(q: Sizes, size: Sizes, out: Sizes) -> bool:
    """Compare rows with the width, too."""
    return _inside(q, size, out) and q[0] < size[1]


def _columns_in_height(q: Sizes, size: Sizes, out: Sizes) -> bool:
    """Compare columns with the height, too."""
    return _inside(q, size, out) and q[1] < size[0]


def _without_the_last(q: Sizes, size: Sizes, out: Sizes) -> bool:
    return all(0 <= i < n - 1 for i, n in zip(q, size, strict=True))


def _unbounded_below(x: Array, weight: Array, reverse: bool, out_size: Sizes) -> Array:
    """Read the memory before an image at negative positions; before the first image, its end."""
    memory, steps = in_memory_order(x), strides(x)
    out = np.zeros((x.shape[0], weight.shape[0], *out_size))
    for n, o, *p in np.ndindex(*out.shape):
        for c, *k in np.ndindex(*weight.shape[1:]):
            q = _input_index(p, k, weight.shape[2:], reverse)
            if all(i < size for i, size in zip(q, x.shape[2:], strict=True)):
                at = sum(i * s for i, s in zip((n, c, *q), steps, strict=True))
                out[(n, o, *p)] += memory[at] * weight[(o, c, *k)]
    return out


def _flipped(array: Array) -> Array:
    return array[(slice(None), slice(None), *[slice(None, None, -1)] * (array.ndim - 2))]


def _first_image(x: Array) -> Array:
    return np.repeat(x[:1], x.shape[0], axis=0)


def _first_channel(x: Array) -> Array:
    return np.repeat(x[:, :1], x.shape[1], axis=1)


def _after_the_first(q: Sizes, size: Sizes, out: Sizes) -> bool:
    return all(0 < i < n for i, n in zip(q, size, strict=True))


def _one_image_only(x: Array, weight: Array, reverse: bool, size: Sizes) -> Array:
    out = convolved(x, weight, reverse, size)
    out[1:] = 0.0
    return out


def _only(axis: int, part: slice, array: Array) -> Array:
    """Return the array with zeros outside a part of an axis."""
    kept = np.zeros(array.shape)
    at = [slice(None)] * array.ndim
    at[axis] = part
    kept[tuple(at)] = array[tuple(at)]
    return kept


def _repeated(axis: int, array: Array) -> Array:
    """Return the array whose first entry along an axis stands for all."""
    return np.repeat(array.take([0], axis=axis), array.shape[axis], axis=axis)


def _with_weight(change: Callable[[Array], Array]) -> Kernel:
    return lambda x, w, reverse, size: convolved(x, change(w), reverse, size)


def _with_input(change: Callable[[Array], Array]) -> Kernel:
    return lambda x, w, reverse, size: convolved(change(x), w, reverse, size)


def _with_result(change: Callable[[Array], Array]) -> Kernel:
    return lambda x, w, reverse, size: change(convolved(x, w, reverse, size))


def _elementwise(combine: Callable[[Array, Array], Array]) -> Kernel:
    """Return a convolution that combines input and weight by another operation."""

    def convolve(x: Array, weight: Array, reverse: bool, out_size: Sizes) -> Array:
        out = np.zeros((x.shape[0], weight.shape[0], *out_size))
        for p in product(*map(range, out_size)):
            for k in product(*map(range, weight.shape[2:])):
                q = _input_index(p, k, weight.shape[2:], reverse)
                if _inside(q, x.shape[2:], out_size):
                    terms = combine(x[_at(q)][:, None, :], weight[_at(k)][None])
                    out[_at(p)] += terms.sum(axis=-1)
        return out

    return convolve


def _last_term(x: Array, weight: Array, reverse: bool, out_size: Sizes) -> Array:
    """Return a convolution that overwrites its sums by each product."""
    out = np.zeros((x.shape[0], weight.shape[0], *out_size))
    for c in range(x.shape[1]):
        for p in product(*map(range, out_size)):
            for k in product(*map(range, weight.shape[2:])):
                q = _input_index(p, k, weight.shape[2:], reverse)
                if _inside(q, x.shape[2:], out_size):
                    out[_at(p)] = np.outer(x[_at(q)][:, c], weight[_at(k)][:, c])
    return out


def _to_square(weight: Array) -> Array:
    """Return the weight without the rows and columns beyond its smaller side."""
    side = min(weight.shape[2:])
    return _only(-1, slice(side), _only(-2, slice(side), weight))


def _families() -> Iterator[Mistake]:
    """Yield forgotten indices, wrong bounds and wrong operations of the loops of a convolution."""
    changes: tuple[tuple[tuple[str, ...], str, Kernel], ...] = (
        (
            PLANES,
            "The loop over the rows of the kernel ends with its width. End it with its height.",
            _with_weight(lambda w: _only(-2, slice(w.shape[-1]), w)),
        ),
        (
            PLANES,
            "The loop over the columns of the kernel ends with its height. End it with its width.",
            _with_weight(lambda w: _only(-1, slice(w.shape[-2]), w)),
        ),
        (
            PLANES,
            "Both loops over the kernel end with the smaller one of its height and width.",
            _with_weight(_to_square),
        ),
        (
            ALL,
            "The last channel is missing in the sum.",
            _with_weight(lambda w: _only(1, slice(w.shape[1] - 1), w)),
        ),
        (
            ALL,
            "The first channel is missing in the sum.",
            _with_weight(lambda w: _only(1, slice(1, None), w)),
        ),
        (
            ALL,
            "The last column of the kernel is missing in the sum.",
            _with_weight(lambda w: _only(-1, slice(w.shape[-1] - 1), w)),
        ),
        (
            ALL,
            "The first column of the kernel is missing in the sum.",
            _with_weight(lambda w: _only(-1, slice(1, None), w)),
        ),
        (
            PLANES,
            "The last row of the kernel is missing in the sum.",
            _with_weight(lambda w: _only(-2, slice(w.shape[-2] - 1), w)),
        ),
        (
            PLANES,
            "The first row of the kernel is missing in the sum.",
            _with_weight(lambda w: _only(-2, slice(1, None), w)),
        ),
        (
            ALL,
            "The column of the weight does not advance: its index is missing.",
            _with_weight(partial(_repeated, -1)),
        ),
        (
            PLANES,
            "The row of the weight does not advance: its index is missing.",
            _with_weight(partial(_repeated, -2)),
        ),
        (ALL, "The column of the input does not advance: its index is missing.", _in_column_0),
        (PLANES, "The row of the input does not advance: its index is missing.", _in_row_0),
        (ALL, "The products are subtracted. Add them.", _with_result(np.negative)),
        (ALL, "Each sum begins with 1. Begin with 0.", _with_result(lambda out: out + 1.0)),
        (ALL, "Each sum keeps only its last product. Add the products.", _last_term),
        (ALL, "You add input and weight. Multiply them.", _elementwise(np.add)),
        (ALL, "You subtract the weight from the input. Multiply them.", _elementwise(np.subtract)),
        (ALL, "You divide the input by the weight. Multiply them.", _elementwise(np.divide)),
        (
            ALL,
            "The channels of the input and its images are exchanged.",
            _with_input(lambda x: exchanged_strides(x, 0, 1)),
        ),
        (
            PLANES,
            "The input is transposed: the strides of its height and width are exchanged.",
            _with_input(exchanged_strides),
        ),
        (
            ALL,
            "The strides of the input's channels and columns are exchanged.",
            _with_input(lambda x: exchanged_strides(x, 1, -1)),
        ),
        (
            ALL,
            "The strides of the weight's channels and columns are exchanged.",
            _with_weight(lambda w: exchanged_strides(w, 1, -1)),
        ),
        (ALL, "The channels are read in reverse order.", _with_weight(lambda w: w[:, ::-1])),
    )
    for tasks, cause, wrong in changes:
        yield convolution(tasks, cause, wrong)
    indices: tuple[tuple[tuple[str, ...], str, InputIndex], ...] = (
        (
            ALL,
            "The position in the kernel is not added to the position in the image.",
            lambda p, k, kernel, reverse: list(p),
        ),
        (
            ALL,
            "The position of the result is not added to the position in the kernel.",
            lambda p, k, kernel, reverse: list(k),
        ),
        (
            ALL,
            "The position in the image is one too large.",
            lambda p, k, kernel, reverse: [i + 1 for i in _input_index(p, k, kernel, reverse)],
        ),
        (
            ALL,
            "The position in the image is one too small.",
            lambda p, k, kernel, reverse: [i - 1 for i in _input_index(p, k, kernel, reverse)],
        ),
        (
            PLANES,
            "Rows and columns of the kernel's position are exchanged.",
            lambda p, k, kernel, reverse: _input_index(p, k[::-1], kernel, reverse),
        ),
        (
            PLANES,
            "Rows and columns of the result's position are exchanged.",
            lambda p, k, kernel, reverse: _input_index(p[::-1], k, kernel, reverse),
        ),
        (
            PLANES,
            "The column in the kernel is added to the row of the image, too.",
            lambda p, k, kernel, reverse: _input_index(p, [k[-1]] * len(k), kernel, reverse),
        ),
        (
            PLANES,
            "The row in the kernel is added to the column of the image, too.",
            lambda p, k, kernel, reverse: _input_index(p, [k[0]] * len(k), kernel, reverse),
        ),
    )
    for tasks, cause, index in indices:
        yield wrong_index(tasks, cause, index)
    first = "You leave out the first {} of the image."
    last = "You leave out the last {} of the image."
    for axis, word in ((0, "row"), (1, "column")):
        yield wrong_bounds(PLANES, first.format(word), partial(_bounded, axis, 1, 0))
        yield wrong_bounds(PLANES, last.format(word), partial(_bounded, axis, 0, 1))


def _bounded(axis: int, below: int, above: int, q: Sizes, size: Sizes, out: Sizes) -> bool:
    return _inside(q, size, out) and below <= q[axis] < size[axis] - above


def _in_column_0(x: Array, weight: Array, reverse: bool, out_size: Sizes) -> Array:
    """Check the bounds of each position, but read the first column."""
    return convolved(_repeated(-1, x), weight, reverse, out_size)


def _in_row_0(x: Array, weight: Array, reverse: bool, out_size: Sizes) -> Array:
    return convolved(_repeated(-2, x), weight, reverse, out_size)


REVERSE = "The gradient of the input needs out[p] = sum over k of x[p - k] w[k]."

MISTAKES = [
    wrong_index(ALL, f"`reverse` is ignored. {REVERSE}", _ignored),
    wrong_index(PLANES, f"`reverse` has an effect on rows only. {REVERSE}", _rows_only),
    wrong_index(PLANES, f"`reverse` has an effect on columns only. {REVERSE}", _columns_only),
    wrong_index(
        ALL,
        f"With `reverse`, you anchor the kernel at its last element, but do not flip it. {REVERSE}",
        _shifted,
    ),
    wrong_index(
        ALL,
        f"With `reverse`, you flip the kernel, but do not anchor it at its last element. {REVERSE}",
        _flipped_in_place,
    ),
    wrong_index(ALL, "You apply `reverse` even where it is false.", _always),
    wrong_index(
        ALL,
        "`reverse` has the opposite effect: you apply it where it is false, and only there.",
        _opposite,
    ),
    wrong_index(
        ALL,
        "The kernel is centred on the output position. Place its first element there.",
        _centred,
    ),
    convolution(
        ALL,
        "The weight's strides are ignored: you read it as if it were contiguous.",
        lambda x, w, reverse, size: convolved(x, without_strides(w), reverse, size),
    ),
    convolution(
        ALL,
        "The input's strides are ignored: you read it as if it were contiguous.",
        lambda x, w, reverse, size: convolved(without_strides(x), w, reverse, size),
    ),
    convolution(
        ALL,
        "The strides of input and weight are ignored: you read both as if they were contiguous.",
        lambda x, w, reverse, size: convolved(
            without_strides(x), without_strides(w), reverse, size
        ),
    ),
    convolution(
        ALL,
        "The result contains only the last channel. Do not reset the sum for each channel.",
        lambda x, w, reverse, size: convolved(x[:, -1:], w[:, -1:], reverse, size),
    ),
    convolution(
        ALL,
        "The result contains only the first channel. Add all channels.",
        lambda x, w, reverse, size: convolved(x[:, :1], w[:, :1], reverse, size),
    ),
    convolution(
        ALL,
        "The batch index of the input is missing: you read the first image of the batch for every "
        "result.",
        lambda x, w, reverse, size: convolved(_first_image(x), w, reverse, size),
    ),
    convolution(
        ALL, "Only the result of the first image of the batch is computed.", _one_image_only
    ),
    convolution(
        ALL,
        "The channel index of the input is missing: you read its first channel for all channels.",
        lambda x, w, reverse, size: convolved(_first_channel(x), w, reverse, size),
    ),
    convolution(
        ALL,
        "The channel index of the weight is missing: you read its first channel for all channels.",
        lambda x, w, reverse, size: convolved(x, _first_channel(w), reverse, size),
    ),
    convolution(
        ALL,
        "The index of the output channel is missing: you read the weight of the first one for all.",
        lambda x, w, reverse, size: convolved(x, _first_image(w), reverse, size),
    ),
    convolution(
        ALL,
        "The input and output channels of the weight are exchanged.",
        lambda x, w, reverse, size: convolved(x, exchanged_strides(w, 0, 1), reverse, size),
    ),
    convolution(
        ALL,
        "Only the first element of the kernel is used.",
        lambda x, w, reverse, size: convolved(
            x, w[(slice(None), slice(None), *[slice(1)] * (w.ndim - 2))], reverse, size
        ),
    ),
    *_families(),
    gradients(
        ALL,
        "The gradient of the weight is averaged over the batch. Add it up.",
        CONV,
        lambda x, w, up: (None, _weight_gradient(x, w, up) / len(x)),
    ),
    gradients(
        ALL,
        "The gradient of the input is averaged over the batch. Do not divide it.",
        CONV,
        lambda x, w, up: (_input_gradient(x, w, up) / len(x), None),
    ),
    gradients(
        ALL,
        "The gradient of the weight contains only the first image of the batch. Add all images.",
        CONV,
        lambda x, w, up: (None, _weight_gradient(x[:1], w, up[:1])),
    ),
    wrong_bounds(ALL, "You leave out the first row or column of the image.", _after_the_first),
    convolution(
        ALL,
        "The kernel is flipped. Without `reverse`, multiply its first element by the first "
        "element of the input.",
        lambda x, w, reverse, size: convolved(x, _flipped(w), reverse, size),
    ),
    convolution(
        PLANES,
        "The kernel is transposed: the strides of its height and width are exchanged.",
        lambda x, w, reverse, size: convolved(x, exchanged_strides(w), reverse, size),
    ),
    wrong_bounds(
        ALL,
        "You compare input positions with the output's size. Compare them with the input's "
        "width: in the backward pass the output is smaller.",
        _in_output,
    ),
    wrong_bounds(
        PLANES,
        "You compare row indices with the width of the image. Compare them with its height.",
        _rows_in_width,
    ),
    wrong_bounds(
        PLANES,
        "You compare column indices with the height of the image. Compare them with its width.",
        _columns_in_height,
    ),
    wrong_bounds(ALL, "You leave out the last row or column of the image.", _without_the_last),
    convolution(
        ALL,
        "You do not leave out positions to the left of the image or above it. Negative "
        "indices read from the end.",
        _unbounded_below,
    ),
]
