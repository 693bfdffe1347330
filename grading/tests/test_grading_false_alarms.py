"""Right solutions in other styles pass: what the course leaves open costs nothing."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from grading.protocol.messages import Subject
from grading.tasks.table import load
from grading.tests.forks import in_fork
from grading.tests.mutants.rewriting import ROOT, Rewrite, changed_sources, make_tree
from grading.tests.running import checks_of, failures

CONV = "mt_kernels_cpu/fast_conv.py"
POOLING = "mt_nn/functional/pooling.py"
MAXIMUM = "mt_nn/functional/maximum.py"
PROBABILITIES = "mt_nn/functional/probabilities.py"
NOISE = "mt_nn/functional/noise.py"

TASKS = {task.id: task for task in load(ROOT / "grading" / "tasks.toml").tasks}


def conv1d(old: str = "", new: str = "", style: str = "conv1d") -> Rewrite:
    return Rewrite(CONV, old, new, style)


def conv2d(old: str = "", new: str = "", style: str = "conv2d") -> Rewrite:
    return Rewrite(CONV, old, new, style)


def tiled(new: str) -> Rewrite:
    old = (
        "    cut = input.contiguous().view(batch, channels, rows, kh, columns, kw)\n"
        "    windows = cut.permute(0, 1, 2, 4, 3, 5).contiguous()  # (N, C, H', W', KH, KW)\n"
        "    return windows.view(batch, channels, rows, columns, kh * kw), rows, columns"
    )
    return Rewrite(POOLING, old, new)


def average(new: str) -> Rewrite:
    """Put other lines in the place of those that average windows."""
    old = (
        "    windows, height, width = tile(input, kernel)\n"
        "    return windows.mean(4).view(*input.shape[:2], height, width)"
    )
    return Rewrite(POOLING, old, new)


def max_pooling(new: str) -> Rewrite:
    old = (
        "    windows, height, width = tile(input, kernel)\n"
        "    return max(windows, 4).view(*input.shape[:2], height, width)"
    )
    return Rewrite(POOLING, old, new)


def softmax(new: str) -> Rewrite:
    old = (
        "    powers = (input - max(input.detach(), dim)).exp()\n"
        "    return powers / powers.sum(dim, keepdim=True)"
    )
    return Rewrite(PROBABILITIES, old, new)


def logsoftmax(new: str) -> Rewrite:
    old = (
        "    shifted = input - max(input.detach(), dim)\n"
        "    return shifted - shifted.exp().sum(dim, keepdim=True).ln()"
    )
    return Rewrite(PROBABILITIES, old, new)


def dropout(new: str) -> Rewrite:
    old = (
        "    kept = np.random.default_rng(rng).random(input.shape) >= rate\n"
        "    return input * (kept * scale).astype(input.dtype)"
    )
    return Rewrite(NOISE, old, new)


def gradient_of_max(new: str) -> Rewrite:
    old = (
        "        first = _first_maximum(ctx.backend, a, out, dim)\n"
        "        # relu_back selects. A product would turn an infinite gradient into NaN where "
        "`first` is 0.\n"
        "        return ctx.backend.zip(operators.relu_back, first, grad)"
    )
    return Rewrite(MAXIMUM, old, new)


SIX_DIMENSIONS = (
    "    (batch, channels, height, width), (kh, kw) = input.shape, kernel\n"
    "    rows, columns = height // kh, width // kw\n"
    "    cut = input.contiguous().view(batch, channels, rows, kh, columns, kw)\n"
)
LAST_DIMENSION = (
    "    order = [d for d in range(input.dims) if d != dim] + [dim]\n"
    "    back = [order.index(d) for d in range(input.dims)]\n"
    "    last = input.dims - 1\n"
    "    turned = input.permute(*order)\n"
)

LOOPS_1D = "        for c in range(channels):\n            for k in range(taps):\n"
LOOPS_2D = "            for k in range(kh):\n                row = y - k if reverse else y + k\n"
BOUNDS_2D = "if 0 <= row < height and 0 <= column < width:"

STYLES: dict[str, list[Rewrite]] = {
    # In each a style of conv1d, of conv2d, of poolings, and of the functions of 4.4.
    "one pass for each number; all equal maxima receive the gradient": [
        conv1d(),
        conv2d(),
        tiled(
            "    cut = input.contiguous().view(batch, channels, height, columns, kw)\n"
            "    cut = cut.permute(0, 1, 3, 2, 4).contiguous()\n"
            "    cut = cut.view(batch, channels, columns, rows, kh * kw)\n"
            "    return cut.permute(0, 1, 3, 2, 4).contiguous(), rows, columns"
        ),
        Rewrite(MAXIMUM, style="max_all_ties"),
    ],
    "indices in buffers; windows column by column; softmax by its formula alone": [
        conv1d(style="conv1d_buffers"),
        conv2d(style="conv2d_buffers"),
        tiled(
            "    cut = input.contiguous().view(batch, channels, rows, kh, columns, kw)\n"
            "    windows = cut.permute(0, 1, 2, 4, 5, 3).contiguous()\n"
            "    return windows.view(batch, channels, rows, columns, kw * kh), rows, columns"
        ),
        softmax("    powers = input.exp()\n    return powers / powers.sum(dim)"),
    ],
    "adding up in the output; a dropout that enlarges what it keeps": [
        conv1d(style="conv1d_batches"),
        conv2d(style="conv2d_batches"),
        average(
            "    windows, height, width = tile(input, kernel)\n"
            "    sums = windows.sum(4).view(*input.shape[:2], height, width)\n"
            "    return sums / (kernel[0] * kernel[1])"
        ),
        dropout(
            "    if rate == 1.0:\n"
            "        return input * 0.0\n"
            "    kept = np.random.rand(*input.shape) >= rate\n"
            "    return input * (kept / (1.0 - rate)).astype(input.dtype)"
        ),
    ],
    "helper functions; logsoftmax whose maximum receives a gradient": [
        conv1d(style="conv1d_helper"),
        conv2d(style="conv2d_helpers"),
        average(
            "    windows, height, width = tile(input, kernel)\n"
            "    batch, channels = input.shape[:2]\n"
            "    return mean_of_rows(windows).view(batch, channels, height, width)\n\n\n"
            "def mean_of_rows(windows: Tensor) -> Tensor:\n"
            '    """Return the mean of each window, as a column."""\n'
            "    return windows.contiguous().view(-1, windows.shape[4]).mean(1)"
        ),
        logsoftmax(
            "    top = max(input, dim)\n"
            "    return input - ((input - top).exp().sum(dim).log() + top)"
        ),
    ],
    "only taps on the image; means of rows, then of columns; equal maxima share": [
        conv1d(style="conv1d_ranges"),
        conv2d(style="conv2d_ranges"),
        average(
            SIX_DIMENSIONS + "    return cut.mean(5).mean(3).view(batch, channels, rows, columns)"
        ),
        gradient_of_max(
            "        hits = ctx.backend.zip(operators.eq, a, out)\n"
            "        shares = ctx.backend.reduce(operators.add, hits, dim, 0.0)\n"
            "        one = ctx.backend.map(operators.inv, shares)\n"
            "        share = ctx.backend.zip(operators.mul, grad, one)\n"
            "        return ctx.backend.zip(operators.mul, hits, share)"
        ),
    ],
    "copies between zeros; averages as a matrix product; softmax from its logarithm": [
        conv1d(style="conv1d_padded"),
        conv2d(style="conv2d_padded"),
        average(
            "    from mt_autodiff import ones\n\n"
            "    windows, height, width = tile(input, kernel)\n"
            "    size = kernel[0] * kernel[1]\n"
            "    shares = ones((size, 1), input.backend) / size\n"
            "    flat = windows.contiguous().view(-1, size)\n"
            "    return (flat @ shares).view(*input.shape[:2], height, width)"
        ),
        softmax("    return logsoftmax(input, dim).exp()"),
    ],
    "the input handed out; maxima of rows, then of columns; a mask from random tensors": [
        conv1d(style="conv1d_scatter"),
        conv2d(style="conv2d_scatter"),
        max_pooling(
            SIX_DIMENSIONS + "    return max(max(cut, 5), 3).view(batch, channels, rows, columns)"
        ),
        dropout(
            "    numbers = input.detach() * 0.0 + np.random.random_sample(input.shape)\n"
            "    return input * (numbers > rate)"
        ),
    ],
    "rows and columns collected; the maximum loses its dimension": [
        conv1d(style="conv1d_rows"),
        conv2d(style="conv2d_columns"),
        average(
            "    (batch, channels, height, width), (kh, kw) = input.shape, kernel\n"
            "    narrow = input.contiguous().view(batch, channels, height, width // kw, kw)\n"
            "    narrow = narrow.mean(4).view(batch, channels, height // kh, kh, width // kw)\n"
            "    return narrow.mean(3).view(batch, channels, height // kh, width // kw)"
        ),
        Rewrite(MAXIMUM, style="max_drops_its_dimension"),
        softmax(
            "    top = max(input.detach(), dim)\n"
            "    kept = [1 if d == dim else size for d, size in enumerate(input.shape)]\n"
            "    powers = (input - top.contiguous().view(*kept)).exp()\n"
            "    return powers / powers.sum(dim)"
        ),
        logsoftmax(
            "    shape = [1 if d == dim else size for d, size in enumerate(input.shape)]\n"
            "    top = max(input, dim).contiguous().view(*shape)\n"
            "    return input - top - (input - top).exp().sum(dim).log()"
        ),
    ],
    "a set of loops for each way of anchoring; the last of equal maxima": [
        conv1d(style="conv1d_branches"),
        conv2d(style="conv2d_branches"),
        average(
            "    windows, height, width = tile(input, kernel)\n"
            "    share = 1.0 / kernel[0] / kernel[1]\n"
            "    return (windows * share).sum(4).view(*input.shape[:2], height, width)"
        ),
        Rewrite(MAXIMUM, "np.arange(size, 0, -1,", "np.arange(1, size + 1,"),
        dropout(
            "    mask = np.ones(input.size, input.dtype)\n"
            "    for i in range(input.size):\n"
            "        if np.random.uniform() < rate:\n"
            "            mask[i] = 0.0\n"
            "    return input * mask.reshape(input.shape)"
        ),
    ],
    "places that move on; one loop for all terms; softmax along the last dimension": [
        conv1d(style="conv1d_steps"),
        conv2d(style="conv2d_terms"),
        average(
            SIX_DIMENSIONS
            + "    turned = cut.permute(3, 5, 0, 1, 2, 4).contiguous()\n"
            + "    means = turned.view(kh * kw, batch, channels, rows, columns).mean(0)\n"
            + "    return means.view(batch, channels, rows, columns)"
        ),
        softmax(
            LAST_DIMENSION
            + "    powers = (turned - max(turned, last)).exp()\n"
            + "    return (powers * (1.0 / powers.sum(last))).permute(*back)"
        ),
    ],
    "kernels turned around; planes one by one; the gradient by the argmax": [
        conv1d(style="conv1d_anchored"),
        conv2d(
            LOOPS_2D,
            "            for k in range(kh - 1, -1, -1):\n"
            "                row = y - k if reverse else y + k\n",
        ),
        tiled(
            "    cut = input.contiguous().view(batch * channels, rows, kh, columns, kw)\n"
            "    windows = cut.permute(0, 1, 3, 2, 4).contiguous()\n"
            "    return windows.view(batch, channels, rows, columns, kh * kw), rows, columns"
        ),
        gradient_of_max(
            "        first = _first_maximum(ctx.backend, a, out, dim)\n"
            "        return ctx.backend.zip(operators.mul, grad, first)"
        ),
    ],
    "taps before channels; strided windows; logsoftmax along the last dimension": [
        conv1d(LOOPS_1D, "        for k in range(taps):\n            for c in range(channels):\n"),
        conv2d(BOUNDS_2D, "if not (row < 0 or row >= height or column < 0 or column >= width):"),
        tiled(
            "    columns_cut = input.contiguous().view(batch, channels, height, columns, kw)\n"
            "    turned = columns_cut.permute(0, 1, 3, 2, 4).contiguous()\n"
            "    windows = turned.view(batch, channels, columns, rows, kh * kw)\n"
            "    return windows.permute(0, 1, 3, 2, 4), rows, columns"
        ),
        logsoftmax(
            LAST_DIMENSION
            + "    shifted = turned - max(turned, last).detach()\n"
            + "    return (shifted - shifted.exp().sum(last).log()).permute(*back)"
        ),
    ],
}


def expect_all_passed(subject: Subject) -> None:
    """Require that a right solution passes; runs in a fork."""
    for task in ("4.1", "4.2", "4.3", "4.4"):
        for check in checks_of(task):
            if check.__name__ in TASKS[task].checks.required:
                failed = [f.finding for f in failures(check, subject, examples=20)]
                assert not failed, (check.__name__, failed)


@pytest.mark.slow
@pytest.mark.measured("style")
@pytest.mark.parametrize(
    "rewrites", STYLES.values(), ids=[f"4.1 to 4.4: {style}" for style in STYLES]
)
def test_a_correct_style_passes_every_required_check(
    rewrites: Sequence[Rewrite], tmp_path: Path
) -> None:
    in_fork(expect_all_passed, make_tree(tmp_path, rewrites))


def test_there_are_twelve_different_styles() -> None:
    sources = [
        tuple(sorted((str(path), text) for path, text in changed_sources(style).items()))
        for style in STYLES.values()
    ]
    assert len(set(sources)) == len(sources) >= 12
