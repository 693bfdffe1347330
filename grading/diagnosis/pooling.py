"""Mistakes in pooling: tasks 4.3 and 4.4."""

from collections.abc import Callable, Sequence
from functools import partial
from itertools import permutations

import numpy as np

from grading.checking.finding import Finding
from grading.checking.oracles import nn
from grading.diagnosis.mistakes import Mistake, missing_gradient, modelled, raising
from grading.protocol.messages import Array, Request, Response

TASKS = ("4.3", "4.4")
Kernel = tuple[int, int]
Cut = Callable[[Array, Kernel], Array]
"""Returns the windows of images: (N, C, H, W) to (N, C, rows, columns, kh * kw)."""


def cutting(cause: str, cut: Cut, sized: bool = True) -> Mistake:
    """Return a mistake in dividing images into windows.

    Args:
        cause: The likely cause, see `Mistake`.
        cut: Returns the wrong windows.
        sized: True if `tile` returns the numbers of their rows and columns.
    """

    def model(request: Request) -> Response:
        (x,), kernel = request.arrays, _kernel(request)
        windows = cut(x, kernel)
        if request.operation == "nn.tile":
            # The check compares windows whose elements are sorted.
            sizes = windows.shape[2:4] if sized else ()
            return Response(request, (np.sort(windows), np.array(sizes, np.float64)))
        values = windows.mean(axis=-1) if "avg" in request.operation else windows.max(axis=-1)
        return Response(request, (values,))

    return modelled(TASKS, cause, r"nn\.(tile|avgpool2d|maxpool2d)", model)


def averaging(cause: str, wrong: Callable[[Array, Kernel], Array]) -> Mistake:
    """Return a mistake in the value of average pooling; `wrong` gets the windows and the kernel."""

    def model(request: Request) -> Response:
        kernel = _kernel(request)
        return Response(request, (wrong(nn.windows(request.arrays[0], kernel), kernel),))

    return modelled(("4.3",), cause, r"nn\.avgpool2d", model)


def spreading(
    operation: str,
    tasks: tuple[str, ...],
    cause: str,
    wrong: Callable[[Array, Array, Kernel], Array],
) -> Mistake:
    """Return a mistake in the gradient of pooling.

    Args:
        operation: The operation of `nn`.
        tasks: As in `Mistake`.
        cause: The likely cause, see `Mistake`.
        wrong: Returns the wrong gradient of the images, the upstream gradient and the kernel.
    """

    def model(request: Request) -> Response | None:
        if request.upstream is None:
            return None
        response = wrong(request.arrays[0], request.upstream, _kernel(request))
        return Response(request, gradients=(response,))

    return modelled(tasks, cause, rf"nn\.{operation}", model)


def taking(cause: str, wrong: Callable[[Array], Array]) -> Mistake:
    """Return a mistake in the value of max pooling; `wrong` gets the windows."""

    def model(request: Request) -> Response:
        return Response(request, (wrong(nn.windows(request.arrays[0], _kernel(request))),))

    return modelled(("4.4",), cause, r"nn\.maxpool2d", model)


def _kernel(request: Request) -> Kernel:
    height, width = request.options["kernel"]
    return height, width


def _rows_and_columns(x: Array, kernel: Kernel) -> tuple[int, ...]:
    (kh, kw), (batch, channels, height, width) = kernel, x.shape
    return batch, channels, height // kh, width // kw


def _not_permuted(x: Array, kernel: Kernel) -> Array:
    return np.ascontiguousarray(x).reshape(*_rows_and_columns(x, kernel), kernel[0] * kernel[1])


def _exchanged(x: Array, kernel: Kernel) -> Array:
    if x.shape[2] % kernel[1] or x.shape[3] % kernel[0]:
        raise ValueError("the windows do not fit")
    return nn.windows(x, (kernel[1], kernel[0]))


def _columns_first(x: Array, kernel: Kernel) -> Array:
    windows = nn.windows(x, kernel)
    return windows.swapaxes(2, 3).reshape(windows.shape)


def _transposed(x: Array, kernel: Kernel) -> Array:
    return nn.windows(x, kernel).swapaxes(2, 3)


def _of_heights(x: Array, kernel: Kernel) -> Array:
    """Permute (rows, kh, columns, kw) to (columns, rows, kh, kw) and view the result as windows."""
    batch, channels, rows, columns = _rows_and_columns(x, kernel)
    cut = np.ascontiguousarray(x).reshape(batch, channels, rows, kernel[0], columns, kernel[1])
    moved = cut.transpose(0, 1, 4, 2, 3, 5)
    return np.ascontiguousarray(moved).reshape(batch, channels, rows, columns, -1)


def _to_all(x: Array, upstream: Array, kernel: Kernel) -> Array:
    return nn.avgpool_gradient(upstream, kernel) * (kernel[0] * kernel[1])


def _do_not_fit(request: Request) -> bool:
    """Return whether windows with exchanged height and width do not divide the images evenly."""
    (x,), (kh, kw) = request.arrays, request.options["kernel"]
    # Windows of another number do not fit the upstream gradient.
    return bool(x.shape[2] % kw or x.shape[3] % kh or (kh != kw and request.upstream is not None))


Divisor = Callable[[Array, Kernel], float]
DIVISORS: tuple[tuple[str, Divisor], ...] = (
    ("its height only", lambda x, kernel: kernel[0]),
    ("its width only", lambda x, kernel: kernel[1]),
    ("the size of the image", lambda x, kernel: x.shape[2] * x.shape[3]),
    ("the height of the image", lambda x, kernel: x.shape[2]),
    ("the width of the image", lambda x, kernel: x.shape[3]),
    (
        "the number of windows of the image",
        lambda x, kernel: x.shape[2] * x.shape[3] / (kernel[0] * kernel[1]),
    ),
    ("the sum of height and width", lambda x, kernel: kernel[0] + kernel[1]),
    ("the square of its size", lambda x, kernel: (kernel[0] * kernel[1]) ** 2),
    ("one number more than its size", lambda x, kernel: kernel[0] * kernel[1] + 1),
    ("the number of channels", lambda x, kernel: x.shape[1]),
)
"""Wrong divisors of the sum of a window, in words."""


NOT_DIVIDED = "The sum of a window is not divided by its number of elements."


def divided_by(cause: str, divisor: Divisor) -> Mistake:
    """Return a mistake in the divisor of average pooling, which affects value and gradient."""

    def model(request: Request) -> Response:
        (x,), kernel = request.arrays, _kernel(request)
        of = divisor(x, kernel)
        arrays = (nn.windows(x, kernel).sum(axis=-1) / of,)
        if request.upstream is None:
            return Response(request, arrays)
        spread = nn.avgpool_gradient(request.upstream, kernel) * (kernel[0] * kernel[1])
        return Response(request, arrays, (spread / of,))

    return modelled(("4.3",), cause, r"nn\.avgpool2d", model)


def _viewed_in_order(order: Sequence[int], x: Array, kernel: Kernel) -> Array:
    """Permute (rows, kh, columns, kw) by an order and view the result as windows."""
    shape = _rows_and_columns(x, kernel)
    batch, channels, rows, columns = shape
    cut = np.ascontiguousarray(x).reshape(batch, channels, rows, kernel[0], columns, kernel[1])
    moved = cut.transpose(0, 1, *(2 + dim for dim in order))
    return np.ascontiguousarray(moved).reshape(*shape, kernel[0] * kernel[1])


def exchanged_sizes(finding: Finding) -> bool | None:
    """Return whether `tile` returns right windows, and width and height in the wrong order."""
    response = finding.response
    if finding.request.operation != "nn.tile" or response is None or len(response.arrays) != 2:
        return None
    rows, columns = _rows_and_columns(finding.request.arrays[0], _kernel(finding.request))[2:]
    if rows == columns:
        return None
    return bool(np.array_equal(response.arrays[1], [columns, rows]))


def _differ(request: Request) -> bool:
    """Return whether the result of pooling has different numbers of rows and columns."""
    rows, columns = _rows_and_columns(request.arrays[0], _kernel(request))[2:]
    return rows != columns


def _with_exchanged_view(request: Request) -> Response:
    """Return the values of pooling in a view whose height and width are exchanged."""
    windows = nn.windows(request.arrays[0], _kernel(request))
    values = windows.mean(axis=-1) if "avg" in request.operation else windows.max(axis=-1)
    batch, channels, rows, columns = values.shape
    return Response(request, (values.reshape(batch, channels, columns, rows),))


SIZES_EXCHANGED = (
    "`tile` returns the new width and the new height exchanged. Return height, then width."
)

NO_PATH = "`{}` has no gradient: its result does not depend on the input in the graph. {}"
NO_GRADIENT = (
    ("4.4", "maxpool2d", "Compute it with `max`, and do not detach the input."),
    ("4.3", "avgpool2d", "Do not detach the input."),
)
"""Tasks, functions and advice for results without a gradient."""

MISTAKES = [
    cutting(
        "The dimensions are not permuted between the two views. The windows consist of "
        "neighbours in memory.",
        _not_permuted,
    ),
    *(
        cutting("Height and width of the windows are exchanged.", _exchanged, sized)
        for sized in (True, False)
    ),
    raising(
        TASKS,
        "Height and width of the windows are exchanged.",
        r"nn\.(tile|avgpool2d|maxpool2d)",
        "Exception",
        _do_not_fit,
    ),
    cutting(
        "The windows are assembled column by column. Assemble them row by row.", _columns_first
    ),
    cutting("The windows are assembled column by column. Assemble them row by row.", _of_heights),
    cutting("Rows and columns of the result are exchanged.", _transposed),
    raising(
        TASKS,
        "You call `view` on a tensor that is not contiguous. Call `contiguous` after `permute`.",
        r"nn\.(tile|avgpool2d|maxpool2d)",
        "Exception",
        message="contiguous",
    ),
    *(
        raising(
            (task,),
            NO_PATH.format(name, advice),
            rf"nn\.{name}",
            "Exception",
            lambda request: request.upstream is not None,
            "requires a gradient",
        )
        for task, name, advice in NO_GRADIENT
    ),
    *(
        missing_gradient((task,), NO_PATH.format(name, advice), rf"nn\.{name}")
        for task, name, advice in NO_GRADIENT
    ),
    divided_by(NOT_DIVIDED, lambda x, kernel: 1),
    *(
        divided_by(f"The sum of a window is divided by {words}. Divide by height * width.", divisor)
        for words, divisor in DIVISORS
    ),
    averaging(
        "You take the first element of a window. Take the mean.",
        lambda windows, kernel: windows[..., 0],
    ),
    averaging(
        "You take the smallest element of a window. Take the mean.",
        lambda windows, kernel: windows.min(-1),
    ),
    averaging(
        "The mean lacks the last element of a window.",
        lambda windows, kernel: windows[..., :-1].sum(-1) / windows.shape[-1],
    ),
    averaging("The mean has the wrong sign.", lambda windows, kernel: -windows.mean(axis=-1)),
    Mistake(TASKS, SIZES_EXCHANGED, exchanged_sizes),
    raising(TASKS, SIZES_EXCHANGED, r"nn\.(avgpool2d|maxpool2d)", "Exception", _differ),
    modelled(
        TASKS,
        SIZES_EXCHANGED,
        r"nn\.(avgpool2d|maxpool2d)",
        _with_exchanged_view,
    ),
    *(
        cutting(
            "The dimensions of the first view are permuted wrongly. Bring rows and columns of "
            "windows first, then the height and the width of a window.",
            partial(_viewed_in_order, order),
        )
        for order in permutations(range(4))
        if order not in ((0, 2, 1, 3), (0, 2, 3, 1), (0, 1, 2, 3), (2, 0, 1, 3))
    ),
    averaging(
        "The mean is divided by the number of elements twice.",
        lambda windows, kernel: windows.mean(axis=-1) / windows.shape[-1],
    ),
    averaging(
        "You take the largest element of a window. Take the mean.",
        lambda windows, kernel: windows.max(-1),
    ),
    spreading(
        "avgpool2d",
        ("4.3",),
        "The gradient is not divided by the number of elements of a window.",
        _to_all,
    ),
    spreading(
        "maxpool2d",
        ("4.4",),
        "The gradient of max pooling reaches every element of a window. Pass it to the "
        "largest one only.",
        _to_all,
    ),
    spreading(
        "maxpool2d",
        ("4.4",),
        "The gradient that reaches the images is zero: no gradient passes through the maximum.",
        lambda x, upstream, kernel: np.zeros(x.shape),
    ),
    *(
        taking(f"You take the {words} element of a window. Take the largest.", wrong)
        for words, wrong in (
            ("smallest", lambda windows: windows.min(-1)),
            ("first", lambda windows: windows[..., 0]),
            ("last", lambda windows: windows[..., -1]),
        )
    ),
    taking("You add the elements of a window. Take the largest.", lambda windows: windows.sum(-1)),
    taking(
        "The maximum lacks the last element of a window.", lambda windows: windows[..., :-1].max(-1)
    ),
    taking(
        "The maximum lacks the first element of a window.", lambda windows: windows[..., 1:].max(-1)
    ),
    taking("You take the average of a window. Take its maximum.", lambda windows: windows.mean(-1)),
    taking(
        "The search for the maximum begins with 0, so it finds no negative number.",
        lambda windows: np.maximum(windows.max(-1), 0.0),
    ),
]
