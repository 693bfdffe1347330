"""Right solutions in other styles pass: what the course leaves open costs nothing."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from grading.isolation import IsolatedSubject
from grading.subject import Subject
from grading.table import load
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
    """Put another expression in the place of the mean of the windows' last dimension."""
    return Rewrite(POOLING, "windows.mean(4)", new)


def softmax(new: str) -> Rewrite:
    old = (
        "    powers = (input - max(input.detach(), dim)).exp()\n    return powers / powers.sum(dim)"
    )
    return Rewrite(PROBABILITIES, old, new)


def logsoftmax(new: str) -> Rewrite:
    old = (
        "    shifted = input - max(input.detach(), dim)\n"
        "    return shifted - shifted.exp().sum(dim).ln()"
    )
    return Rewrite(PROBABILITIES, old, new)


def dropout(new: str) -> Rewrite:
    return Rewrite(NOISE, "return input * (kept * scale).astype(input.dtype)", new)


def gradient_of_max(new: str) -> Rewrite:
    old = (
        "        first = _first_maximum(ctx.backend, a, out, dim)\n"
        "        # A selection. A product would make NaN of an infinite gradient "
        "wherever `first` is 0.\n"
        "        return ctx.backend.zip(operators.relu_back, first, grad)"
    )
    return Rewrite(MAXIMUM, old, new)


LOOPS_1D = "        for c in range(channels):\n            for k in range(taps):\n"
BOUNDS_1D = "if at >= 0 and at < width:"
PLACE_1D = "at = p - k if reverse else p + k"
LOOPS_2D = "            for k in range(kh):\n                row = y - k if reverse else y + k\n"
BOUNDS_2D = "if 0 <= row < height and 0 <= column < width:"
SUM_2D = "total += a * w"

STYLES: list[list[Rewrite]] = [
    # In each line one style of conv1d, conv2d, pooling, and of the functions of 4.4.
    [
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
    [
        conv1d(style="conv1d_buffers"),
        conv2d(style="conv2d_helpers"),
        tiled(
            "    cut = input.contiguous().view(batch, channels, rows, kh, columns, kw)\n"
            "    windows = cut.permute(0, 1, 2, 4, 5, 3).contiguous()\n"
            "    return windows.view(batch, channels, rows, columns, kw * kh), rows, columns"
        ),
        softmax("    powers = input.exp()\n    return powers / powers.sum(dim)"),
    ],
    [
        conv1d(style="conv1d_batches"),
        conv2d(
            LOOPS_2D,
            "            for k in range(kh - 1, -1, -1):\n"
            "                row = y - k if reverse else y + k\n",
        ),
        average("(windows.sum(4) / (kernel[0] * kernel[1]))"),
        dropout("return input * (kept / max(1.0 - rate, 1e-9)).astype(input.dtype)"),
    ],
    [
        conv1d(LOOPS_1D, "        for k in range(taps):\n            for c in range(channels):\n"),
        conv2d(BOUNDS_2D, "if row >= 0 and column >= 0 and row < height and column < width:"),
        average("windows.contiguous().view(-1, windows.shape[4]).mean(1)"),
        logsoftmax(
            "    top = max(input, dim)\n"
            "    return input - ((input - top).exp().sum(dim).log() + top)"
        ),
    ],
    [
        conv1d(PLACE_1D, "at = p + k * (-1 if reverse else 1)"),
        conv2d(SUM_2D, "total = total + w * a"),
        average("(windows.sum(4) * (1.0 / kernel[0] / kernel[1]))"),
        gradient_of_max(
            "        hits = ctx.backend.zip(operators.eq, a, out)\n"
            "        shares = ctx.backend.reduce(operators.add, hits, dim, 0.0)\n"
            "        one = ctx.backend.map(operators.inv, shares)\n"
            "        share = ctx.backend.zip(operators.mul, grad, one)\n"
            "        return ctx.backend.zip(operators.mul, hits, share)"
        ),
    ],
    [
        conv1d(BOUNDS_1D, "if 0 <= at < width:"),
        conv2d(
            "o = ordinal // (out_width * out_height) % out_channels",
            "o = (ordinal // out_width // out_height) % out_channels",
        ),
        Rewrite(
            POOLING,
            "    windows, height, width = tile(input, kernel)\n    return windows.mean(4)",
            "    windows, height, width = tile(input * 1.0, kernel)\n    return windows.mean(4)",
        ),
        softmax(
            "    top = max(input, dim)\n    powers = (input - top).exp()\n"
            "    return powers * (1.0 / powers.sum(dim))"
        ),
    ],
    [
        conv1d("total += x * w", "total = total + w * x"),
        conv2d(
            "        x = ordinal % out_width\n        y = ordinal // out_width % out_height\n",
            "        y, x = divmod(ordinal % (out_height * out_width), out_width)\n",
        ),
        Rewrite(
            POOLING,
            "    windows, height, width = tile(input, kernel)\n    return windows.mean(4)",
            "    windows, height, width = tile(input.contiguous(), kernel)\n"
            "    return windows.mean(4)",
        ),
        dropout("return input * (kept * 1.0)"),
    ],
    [
        conv1d(
            "o = ordinal // out_width % out_channels", "o = (ordinal // out_width) % out_channels"
        ),
        conv2d(
            "                    column = x - j if reverse else x + j\n",
            "                    column = x + (-j if reverse else j)\n",
        ),
        tiled(
            "    columns_cut = input.contiguous().view(batch, channels, height, columns, kw)\n"
            "    turned = columns_cut.permute(0, 1, 3, 2, 4).contiguous()\n"
            "    windows = turned.view(batch, channels, columns, rows, kh * kw)\n"
            "    return windows.permute(0, 1, 3, 2, 4), rows, columns"
        ),
        logsoftmax(
            "    shifted = input - max(input, dim)\n"
            "    return shifted - shifted.exp().sum(dim).log()"
        ),
    ],
    [
        conv1d("p = ordinal % out_width", "p = ordinal - ordinal // out_width * out_width"),
        conv2d(
            "        for c in range(channels):\n" + LOOPS_2D,
            "        for c in range(channels - 1, -1, -1):\n" + LOOPS_2D,
        ),
        average("(windows * (1 / (kernel[0] * kernel[1]))).sum(4)"),
        dropout("return input * (1.0 - (1.0 - kept.astype(input.dtype)))"),
    ],
    [
        conv1d(
            "                    x = input[n * s1[0] + c * s1[1] + at * s1[2]]\n",
            "                    start = n * s1[0] + c * s1[1]\n"
            "                    x = input[start + at * s1[2]]\n",
        ),
        conv2d(BOUNDS_2D, "if not (row < 0 or row >= height or column < 0 or column >= width):"),
        average("(windows.sum(4) / kernel[0] / kernel[1])"),
        gradient_of_max(
            "        hits = ctx.backend.zip(operators.eq, a, out)\n"
            "        return ctx.backend.zip(operators.mul, grad, hits)"
        ),
    ],
    [
        conv1d(
            LOOPS_1D,
            "        for c in range(channels - 1, -1, -1):\n            for k in range(taps):\n",
        ),
        conv2d(
            "n = ordinal // (out_width * out_height * out_channels)",
            "n = ordinal // out_width // out_height // out_channels",
        ),
        Rewrite(
            POOLING,
            "return windows.mean(4).view(*input.shape[:2], height, width)",
            "return avgpool_by_parts(windows, height, width)",
        ),
        Rewrite(
            POOLING,
            "def avgpool2d(",
            "def avgpool_by_parts(windows: Tensor, height: int, width: int) -> Tensor:\n"
            '    """Return the mean of each window."""\n'
            "    count = windows.shape[4]\n"
            "    flat = windows.contiguous().view(-1, count)\n"
            "    return (flat.sum(1) / count).view(*windows.shape[:2], height, width)\n\n\n"
            "def avgpool2d(",
        ),
        softmax(
            "    powers = (input - max(input, dim).detach()).exp()\n"
            "    return powers / powers.sum(dim)"
        ),
    ],
    [
        conv1d("reverse else p + k", "reverse else k + p"),
        conv2d(
            LOOPS_2D,
            "            for k in range(0, kh, 1):\n"
            "                row = y - k if reverse else y + k\n",
        ),
        tiled(
            "    cut = input.contiguous().view(batch * channels, rows, kh, columns, kw)\n"
            "    windows = cut.permute(0, 1, 3, 2, 4).contiguous()\n"
            "    return windows.view(batch, channels, rows, columns, kh * kw), rows, columns"
        ),
        logsoftmax(
            "    top = max(input, dim).detach()\n"
            "    return input - top - (input - top).exp().sum(dim).log()"
        ),
    ],
]


@pytest.fixture
def subject(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Subject]:
    """The packages with four functions in another style."""
    tree = make_tree(tmp_path, request.param)
    with IsolatedSubject(tree, environment={"NUMBA_DISABLE_JIT": "1"}) as worker:
        yield worker


@pytest.mark.slow
@pytest.mark.parametrize("subject", STYLES, indirect=True, ids=range(len(STYLES)))
def test_passes_every_check_that_counts(subject: Subject) -> None:
    for task in ("4.1", "4.2", "4.3", "4.4"):
        for check in checks_of(task):
            if check.__name__ in TASKS[task].checks.required:
                failed = [f.finding for f in failures(check, subject, examples=20)]
                assert not failed, (check.__name__, failed)


def test_there_are_a_dozen_that_differ() -> None:
    sources = [
        tuple(sorted((str(path), text) for path, text in changed_sources(style).items()))
        for style in STYLES
    ]
    assert len(set(sources)) == len(sources) >= 12
