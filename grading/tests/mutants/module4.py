"""Mistakes of module 4: convolutions, poolings, maxima, probabilities, dropout."""

from grading.tests.mutants.mutant import Mutant, mutant

CONV = "mt_kernels_cpu/fast_conv.py"
POOLING = "mt_nn/functional/pooling.py"
MAXIMUM = "mt_nn/functional/maximum.py"
PROBABILITIES = "mt_nn/functional/probabilities.py"
NOISE = "mt_nn/functional/noise.py"
PRODUCTS = "mt_autodiff/functions/products.py"
RACES = "test_data_races"


def conv1d(name: str, old: str, new: str, cause: str | None = None) -> Mutant:
    return mutant("4.1", name, CONV, old, new, cause, style="conv1d")


def conv2d(name: str, old: str, new: str, cause: str | None = None) -> Mutant:
    return mutant("4.2", name, CONV, old, new, cause, style="conv2d")


MUTANTS: list[Mutant] = [
    conv1d(
        "reverse is ignored",
        "at = p - k if reverse else p + k",
        "at = p + k",
        "`reverse` is ignored",
    ),
    conv1d(
        "reverse flips the kernel and nothing else",
        "at = p - k if reverse else p + k",
        "at = p - taps + 1 + k if reverse else p + k",
        "`reverse`",
    ),
    conv1d(
        "the bound is the output's width",
        "if at >= 0 and at < width:",
        "if at >= 0 and at < min(width, out_width):",
        "output's size",
    ),
    conv1d(
        "positions left of the image read from its end",
        "if at >= 0 and at < width:",
        "if at < width:",
        "left",
    ),
    conv1d(
        "the weight's strides are ignored",
        "w = weight[o * s2[0] + c * s2[1] + k * s2[2]]",
        "w = weight[(o * channels + c) * taps + k]",
        "weight's strides are ignored",
    ),
    conv1d(
        "the input's strides are ignored",
        "x = input[n * s1[0] + c * s1[1] + at * s1[2]]",
        "x = input[(n * channels + c) * width + at]",
        "input's strides are ignored",
    ),
    conv1d(
        "only the last channel counts",
        "        total = 0.0\n        for c in range(channels):",
        "        for c in range(channels):\n            total = 0.0",
        "last channel",
    ),
    conv1d(
        "the kernel is flipped",
        "w = weight[o * s2[0] + c * s2[1] + k * s2[2]]",
        "w = weight[o * s2[0] + c * s2[1] + (taps - 1 - k) * s2[2]]",
        "flipped",
    ),
    conv2d(
        "reverse is ignored",
        "                row = y - k if reverse else y + k\n"
        "                for j in range(kw):\n"
        "                    column = x - j if reverse else x + j",
        "                row = y + k\n"
        "                for j in range(kw):\n"
        "                    column = x + j",
        "`reverse` is ignored",
    ),
    conv2d(
        "reverse goes for rows only",
        "column = x - j if reverse else x + j",
        "column = x + j",
        "`reverse`",
    ),
    conv2d(
        "reverse goes for columns only",
        "row = y - k if reverse else y + k",
        "row = y + k",
        "`reverse`",
    ),
    conv2d(
        "the weight's strides are ignored",
        "w = weight[o * s2[0] + c * s2[1] + k * s2[2] + j * s2[3]]",
        "w = weight[((o * channels + c) * kh + k) * kw + j]",
        "weight's strides are ignored",
    ),
    conv2d(
        "the input's strides are ignored",
        "a = input[n * s1[0] + c * s1[1] + row * s1[2] + column * s1[3]]",
        "a = input[((n * channels + c) * height + row) * width + column]",
        "input's strides are ignored",
    ),
    conv2d(
        "the kernel is transposed",
        "w = weight[o * s2[0] + c * s2[1] + k * s2[2] + j * s2[3]]",
        "w = weight[o * s2[0] + c * s2[1] + k * s2[3] + j * s2[2]]",
        "transposed",
    ),
    conv2d(
        "height and width are exchanged in the bounds",
        "if 0 <= row < height and 0 <= column < width:",
        "if 0 <= row < min(width, height) and 0 <= column < width:",
        "(row|column).*(width|height)",
    ),
    conv2d(
        "only the last channel counts",
        "        total = 0.0\n        for c in range(channels):",
        "        for c in range(channels):\n            total = 0.0",
        "last channel",
    ),
    conv1d(
        "every image is the first one",
        "x = input[n * s1[0] + c * s1[1] + at * s1[2]]",
        "x = input[c * s1[1] + at * s1[2]]",
        "batch.*first image|first image of the batch",
    ),
    conv2d(
        "every image is the first one",
        "a = input[n * s1[0] + c * s1[1] + row * s1[2] + column * s1[3]]",
        "a = input[c * s1[1] + row * s1[2] + column * s1[3]]",
        "batch.*first image|first image of the batch",
    ),
    mutant(
        "4.1",
        "the gradient of the weight is averaged over the batch",
        PRODUCTS,
        "grad_w = ctx.backend.convolve(x_t, g_t, False, w.shape[2:]).permute(*swap)",
        "grad_w = ctx.backend.convolve(x_t, g_t, False, w.shape[2:]).permute(*swap)\n"
        "                grad_w = ctx.backend.map(lambda g: g / x.shape[0], grad_w)",
        "mean.*batch|averag",
    ),
    conv2d(
        "the kernel is flipped",
        "w = weight[o * s2[0] + c * s2[1] + k * s2[2] + j * s2[3]]",
        "w = weight[o * s2[0] + c * s2[1] + (kh - 1 - k) * s2[2] + (kw - 1 - j) * s2[3]]",
        "flipped",
    ),
    conv2d(
        "the bounds are the output's",
        "if 0 <= row < height and 0 <= column < width:",
        "if 0 <= row < min(height, out_height) and 0 <= column < min(width, out_width):",
        "output's size",
    ),
    mutant(
        "4.1",
        "all numbers share their indices",
        CONV,
        "    for ordinal in prange(out_size):\n        out_index = np.zeros(3, np.int64)\n",
        "    out_index = np.zeros(3, np.int64)\n    for ordinal in prange(out_size):\n",
        "share an array",
        style="conv1d_buffers",
        check=RACES,
    ),
    mutant(
        "4.1",
        "all images and channels add up in one row",
        CONV,
        "    for job in prange(out_shape[0] * out_shape[1]):\n"
        "        n = job // out_shape[1]\n"
        "        o = job % out_shape[1]\n"
        "        row = np.zeros(out_shape[2])\n",
        "    row = np.zeros(out_shape[2])\n"
        "    for job in prange(out_shape[0] * out_shape[1]):\n"
        "        n = job // out_shape[1]\n"
        "        o = job % out_shape[1]\n"
        "        row[:] = 0.0\n",
        "share an array",
        style="conv1d_rows",
        check=RACES,
    ),
    mutant(
        "4.1",
        "parallel over the channels of the input",
        CONV,
        "    for n in prange(out_shape[0]):\n"
        "        for o in range(out_shape[1]):\n"
        "            for p in range(out_shape[2]):\n"
        "                to = n * out_strides[0] + o * out_strides[1] + p * out_strides[2]\n"
        "                out[to] = 0.0\n"
        "                for c in range(input_shape[1]):\n",
        "    for c in prange(input_shape[1]):\n"
        "        for o in range(out_shape[1]):\n"
        "            for p in range(out_shape[2]):\n"
        "                for n in range(out_shape[0]):\n"
        "                    to = n * out_strides[0] + o * out_strides[1] + p * out_strides[2]\n",
        "one element of the result",
        style="conv1d_batches",
        check=RACES,
    ),
    mutant(
        "4.2",
        "all images share the numbers under the kernel",
        CONV,
        "    for n in prange(out_shape[0]):\n        under = np.zeros(channels * kh * kw)\n",
        "    under = np.zeros(channels * kh * kw)\n    for n in prange(out_shape[0]):\n",
        "share an array",
        style="conv2d_columns",
        check=RACES,
    ),
    mutant(
        "4.2",
        "all images and channels add up in one plane",
        CONV,
        "    for job in prange(out_shape[0] * out_shape[1]):\n"
        "        n, o = divmod(job, out_shape[1])\n"
        "        sums = np.zeros((out_shape[2], out_shape[3]))\n",
        "    sums = np.zeros((out_shape[2], out_shape[3]))\n"
        "    for job in prange(out_shape[0] * out_shape[1]):\n"
        "        n, o = divmod(job, out_shape[1])\n"
        "        sums[:] = 0.0\n",
        "share an array",
        style="conv2d_scatter",
        check=RACES,
    ),
    mutant(
        "4.3",
        "windows are not put side by side",
        POOLING,
        "windows = cut.permute(0, 1, 2, 4, 3, 5).contiguous()",
        "windows = cut.contiguous()",
        "not permuted",
    ),
    mutant(
        "4.3",
        "height and width of the windows are exchanged",
        POOLING,
        "    kh, kw = kernel\n    rows, columns",
        "    kw, kh = kernel\n    rows, columns",
        "exchanged",
    ),
    mutant(
        "4.3",
        "windows column by column",
        POOLING,
        "cut.permute(0, 1, 2, 4, 3, 5)",
        "cut.permute(0, 1, 4, 2, 3, 5)",
        "column by column|windows: the arguments `2` and `4` are exchanged",
    ),
    mutant(
        "4.3",
        "windows are viewed before they are contiguous",
        POOLING,
        "windows = cut.permute(0, 1, 2, 4, 3, 5).contiguous()",
        "windows = cut.permute(0, 1, 4, 2, 3, 5)",
        "contiguous",
    ),
    mutant(
        "4.3",
        "a sum in place of the mean",
        POOLING,
        "return windows.mean(4).view(",
        "return windows.sum(4).view(",
        "not divided",
    ),
    mutant(
        "4.3",
        "divided by the height of a window only",
        POOLING,
        "return windows.mean(4).view(",
        "return (windows.sum(4) * (1.0 / kernel[0])).view(",
        "divided",
    ),
    mutant(
        "4.4",
        "the maximum's gradient reaches every element",
        MAXIMUM,
        "return ctx.backend.zip(operators.relu_back, first, grad)",
        "return grad",
        "every element",
    ),
    mutant(
        "4.4",
        "the maximum's gradient is zero",
        MAXIMUM,
        "return ctx.backend.zip(operators.relu_back, first, grad)",
        "return ctx.backend.zeros(a.shape)",
        "no gradient",
    ),
    mutant(
        "4.4",
        "the maximum's gradient ignores the upstream gradient",
        MAXIMUM,
        "return ctx.backend.zip(operators.relu_back, first, grad)",
        "return first",
        "not multiplied",
    ),
    mutant(
        "4.4",
        "the maximum begins with 0",
        MAXIMUM,
        "        out = ctx.backend.reduce(operators.max, a, dim, -np.inf)\n        ctx.save",
        "        out = ctx.backend.reduce(operators.max, a, dim, 0.0)\n        ctx.save",
        "begins with 0",
    ),
    mutant(
        "4.4",
        "argmax ignores its dimension",
        MAXIMUM,
        '_ArgMax.apply(input.detach(), normalize_dim(dim, input.dims, "argmax"))',
        '_ArgMax.apply(input.detach(), normalize_dim(0, input.dims, "argmax"))',
        "dimension 0",
        advice="test_one_hot_argmax",
    ),
    mutant(
        "4.4",
        "max pooling over rows of windows",
        POOLING,
        "return max(windows, 4).view(",
        "return windows.mean(4).view(",
        "average",
    ),
    mutant(
        "4.4",
        "the maxima of the windows have no gradient",
        POOLING,
        "return max(windows, 4).view(",
        "return max(windows.detach(), 4).view(",
        "`maxpool2d`.*no gradient|gradient of max pooling is missing",
    ),
    mutant(
        "4.4",
        "softmax divides by the sum of everything",
        PROBABILITIES,
        "return powers / powers.sum(dim, keepdim=True)",
        "return powers / powers.sum()",
        "whole tensor",
    ),
    mutant(
        "4.4",
        "softmax does not divide",
        PROBABILITIES,
        "return powers / powers.sum(dim, keepdim=True)",
        "return powers",
        "not divided by their sum",
    ),
    mutant(
        "4.4",
        "logsoftmax overflows",
        PROBABILITIES,
        "shifted = input - max(input.detach(), dim)",
        "shifted = input - 0.0",
        "subtracted",
        advice="test_logsoftmax_of_large_scores",
    ),
    mutant(
        "4.4",
        "logsoftmax without the logarithm of the sum",
        PROBABILITIES,
        "return shifted - shifted.exp().sum(dim, keepdim=True).ln()",
        "return shifted - shifted.exp().sum(dim)",
        "logarithm",
    ),
    mutant(
        "4.4",
        "dropout keeps its share",
        NOISE,
        "random(input.shape) >= rate",
        "random(input.shape) < rate",
        "keeps",
    ),
    mutant(
        "4.4",
        "dropout is not ignored",
        NOISE,
        "    if ignore:\n        return input\n",
        "",
        "`ignore`",
    ),
    mutant(
        "4.4",
        "dropout is the same in every call",
        NOISE,
        "np.random.default_rng(rng)",
        "np.random.default_rng(0)",
        "seed",
    ),
    mutant(
        "4.4",
        "dropout drops whole columns",
        NOISE,
        "random(input.shape)",
        "random(input.shape[-1:])",
        "row or column",
    ),
    mutant(
        "4.5",
        "the images do not reach the linear layers",
        "mt_models/networks/lenet.py",
        "        x = self.pool(out).view(-1, 392)",
        "        x = self.pool(out).view(-1, 392) * 0.0",
        compiled=True,
    ),
    mutant(
        "4.5",
        "the order of the words is lost",
        "mt_models/networks/kim.py",
        "x = self.embedding(rows).permute(0, 2, 1)",
        "x = self.embedding(np.sort(rows, axis=1)).permute(0, 2, 1)",
        compiled=True,
    ),
]
