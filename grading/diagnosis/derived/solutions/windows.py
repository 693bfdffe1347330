"""Right pooling and softmax: tasks 4.3 and 4.4."""

from collections.abc import Callable

import numpy as np

from grading.checking.oracles import nn
from grading.diagnosis.derived.solution import Solution
from grading.protocol.messages import Array, Request, Response

STEP = 1e-4
"""Distance of the differences that replace the gradients of a wrong solution."""

LARGEST = 150
"""Number of elements up to which gradients are computed."""

ABSOLUTE = 1e-6
"""Absolute tolerance of the comparison with received answers, which covers the differences."""

Sizes = tuple[int, int]


def view(x: Array, *shape: int) -> Array:
    """Return the elements in another shape."""
    return np.ascontiguousarray(x).reshape(shape)


def permute(x: Array, *order: int) -> Array:
    """Return the array with another order of its dimensions."""
    return x.transpose(order)


def exp(x: Array) -> Array:
    """Return the exponentials."""
    return np.asarray(np.exp(x))


def log(x: Array) -> Array:
    """Return the logarithms."""
    return np.asarray(np.log(x))


def total(x: Array, dim: int, keepdim: bool = False) -> Array:
    """Return the sum over a dimension, which stays with size 1 if it is kept."""
    return np.asarray(x.sum(axis=dim, keepdims=keepdim))


def mean(x: Array, dim: int) -> Array:
    """Return the mean over a dimension."""
    return np.asarray(x.mean(axis=dim))


def maximum(x: Array, dim: int, keepdim: bool = False) -> Array:
    """Return the maximum over a dimension, which stays with size 1 if it is kept."""
    return np.asarray(x.max(axis=dim, keepdims=keepdim))


def one_hot(positions: Array, size: int, dim: int) -> Array:
    """Return 1 at each position along a new dimension, and 0 elsewhere."""
    hot = np.arange(size) == positions[..., None]
    return np.asarray(np.moveaxis(hot, -1, dim).astype(np.float64))


def tile(images: Array, kernel_shape: Sizes) -> tuple[Array, int, int]:
    """Return the windows of images, and the numbers of their rows and columns."""
    batch, channels, height, width = images.shape  # the shape of the images
    window_height, window_width = kernel_shape  # the height and the width of a window
    rows = height // window_height  # the number of rows of windows
    columns = width // window_width  # the number of columns of windows
    cut = view(  # the view that divides the images
        images, batch, channels, rows, window_height, columns, window_width
    )
    ordered = permute(cut, 0, 1, 2, 4, 3, 5)  # the order of the dimensions of the windows
    size = window_height * window_width  # the size of a window
    windows = view(ordered, batch, channels, rows, columns, size)  # the shape of the windows
    return windows, rows, columns  # the result of `tile`


def avgpool2d(images: Array, kernel_shape: Sizes) -> Array:
    """Return the mean of each window."""
    batch, channels, _, _ = images.shape  # the shape of the images
    windows, rows, columns = tile(images, kernel_shape)  # the windows
    size = windows.shape[4]  # the size of a window
    means = total(windows, 4) / size  # the mean of a window
    return view(means, batch, channels, rows, columns)  # the shape of the result


def avgpool2d_by_mean(images: Array, kernel_shape: Sizes) -> Array:
    """Return the mean of each window, computed by `mean`."""
    batch, channels, _, _ = images.shape  # the shape of the images
    windows, rows, columns = tile(images, kernel_shape)  # the windows
    means = mean(windows, 4)  # the mean of a window
    return view(means, batch, channels, rows, columns)  # the shape of the result


def maxpool2d(images: Array, kernel_shape: Sizes) -> Array:
    """Return the maximum of each window."""
    batch, channels, _, _ = images.shape  # the shape of the images
    windows, rows, columns = tile(images, kernel_shape)  # the windows
    maxima = maximum(windows, 4)  # the maximum of a window
    return view(maxima, batch, channels, rows, columns)  # the shape of the result


def softmax(x: Array, dim: int) -> Array:
    """Return the exponentials, divided by their sum."""
    shifted = x - maximum(x, dim, keepdim=True)  # the subtraction of the maximum in `softmax`
    powers = exp(shifted)  # the exponentials in `softmax`
    return powers / total(powers, dim, keepdim=True)  # the division in `softmax`


def logsoftmax(x: Array, dim: int) -> Array:
    """Return the logarithm of softmax."""
    shifted = x - maximum(x, dim, keepdim=True)  # the subtraction of the maximum in `logsoftmax`
    sums = total(exp(shifted), dim, keepdim=True)  # the sum of the exponentials in `logsoftmax`
    return shifted - log(sums)  # the subtraction of the logarithm in `logsoftmax`


def max_gradient(x: Array, dim: int, upstream: Array) -> Array:
    """Return the upstream gradient at the first maximum, and 0 elsewhere."""
    positions = x.argmax(axis=dim)  # the positions of the maxima
    hot = one_hot(positions, x.shape[dim], dim)  # the positions of the maxima
    return upstream * hot  # the gradient of `max`


def slope(f: Callable[[Array], Array], x: Array, upstream: Array) -> Array | None:
    """Return a gradient by differences; None if there is none.

    This concerns large arrays, an upstream gradient of another shape, and results that are not
    finite.
    """
    y = f(x) if x.size <= LARGEST else None
    if y is None or y.shape != upstream.shape or not np.isfinite(y).all():
        return None
    gradient = np.zeros(x.shape)
    for index in np.ndindex(x.shape):
        moved = [x.astype(np.float64), x.astype(np.float64)]
        moved[0][index] += STEP
        moved[1][index] -= STEP
        difference = f(moved[0]) - f(moved[1])
        gradient[index] = (upstream * difference).sum() / (2 * STEP)
    return gradient


def respond_to_tile(request: Request) -> Response | None:
    """Return windows, whose elements the check sorts."""
    height, width = request.options["kernel"]
    windows, rows, columns = tile(request.arrays[0], (height, width))
    return Response(request, (np.sort(windows), np.array((rows, columns), np.float64)))


def respond_to_pooling(request: Request) -> Response | None:
    """Return the response of a pooling."""
    height, width = request.options["kernel"]
    pool = avgpool2d if "avg" in request.operation else maxpool2d
    return _with_gradient(request, lambda x: pool(x, (height, width)))


def respond_to_mean(request: Request) -> Response | None:
    """Return the response of average pooling."""
    height, width = request.options["kernel"]
    return _with_gradient(request, lambda x: avgpool2d_by_mean(x, (height, width)))


def respond_to_max(request: Request) -> Response | None:
    """Return the response of `max`."""
    x, dim = request.arrays[0], request.options["dim"]
    result = (maximum(x, dim, keepdim=True),)
    if request.upstream is None:
        return Response(request, result)
    return Response(request, result, (max_gradient(x, dim, request.upstream),))


def respond_to_softmax(request: Request) -> Response | None:
    """Return the response of softmax or its logarithm."""
    x, dim = request.arrays[0], request.options["dim"]
    logarithmic = "log" in request.operation
    right = (nn.logsoftmax if logarithmic else nn.softmax)(x, dim)
    function = logsoftmax if logarithmic else softmax
    value = function(x, dim)
    if value.shape != right.shape or not np.allclose(value, right, equal_nan=True):
        # The gradient depends on whether the maximum has one, which no right value shows.
        return Response(request, (value,))
    return _with_gradient(request, lambda x: function(x, dim))


def _with_gradient(request: Request, f: Callable[[Array], Array]) -> Response:
    x, upstream = request.arrays[0], request.upstream
    if upstream is None:
        return Response(request, (f(x),))
    return Response(request, (f(x),), (slope(f, x, upstream),))


SOLUTIONS = (
    Solution(("4.3",), r"nn\.tile", respond_to_tile, (tile,), strict=True),
    Solution(
        ("4.3",), r"nn\.avgpool2d", respond_to_pooling, (tile, avgpool2d), ABSOLUTE, strict=True
    ),
    Solution(
        ("4.3",), r"nn\.avgpool2d", respond_to_mean, (avgpool2d_by_mean,), ABSOLUTE, strict=True
    ),
    Solution(("4.4",), r"nn\.maxpool2d", respond_to_pooling, (maxpool2d,), ABSOLUTE, strict=True),
    Solution(("4.4",), r"nn\.max", respond_to_max, (max_gradient,), strict=True),
    Solution(
        ("4.4",),
        r"nn\.(log)?softmax",
        respond_to_softmax,
        (softmax, logsoftmax),
        ABSOLUTE,
        strict=True,
    ),
)
"""Right solutions of pooling and softmax."""
