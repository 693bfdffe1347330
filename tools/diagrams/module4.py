"""The pictures of module 4: convolutions, pooling, probabilities, networks."""

import random

from mt_autodiff import conv1d, conv2d, tensor
from mt_nn import softmax
from tools.diagrams.picture import CELL, Anchor, Picture, Tone


def conv1d_picture() -> Picture:
    """Task 4.1: a window anchored at the left, or at the right."""
    picture = Picture(
        "A one-dimensional convolution of width 3: each output is the sum of three inputs times "
        "the weights. Forward, the window begins at the output's position; reversed, it ends "
        "there. Zeros surround the input.",
        350,
    )
    values, weights = [1.0, 2.0, 3.0, 4.0, 5.0], [1.0, 0.0, 2.0]
    signal, kernel = tensor([[values]]), tensor([[weights]])
    for side, reverse in ((0, False), (1, True)):
        left = 40 + side * 340.0
        start = left if not reverse else left + 2 * CELL
        first = 0 if not reverse else -2
        name = "reverse: ends at p" if reverse else "forward: begins at p"
        picture.heading(left + 3.5 * CELL, 28, name)
        position = 3 if not reverse else 1
        zeros = 5 if not reverse else 0
        for i in range(2):
            picture.cell(left + (zeros + i) * CELL, 100, "0", "ghost")
        for i, value in enumerate(values):
            picture.cell(start + i * CELL, 100, f"{value:g}", "blue" if i == position else "plain")
        window = position if not reverse else position - 2
        edge = left + (window - first) * CELL
        order = weights[::-1] if reverse else weights
        for i, weight in enumerate(order):
            picture.cell(edge + i * CELL, 54, f"{weight:g}", "orange")
        picture.frame(edge - 2, 52, 3 * CELL + 4, 2 * CELL + 10)
        out = conv1d(signal, kernel, reverse=reverse).to_numpy()[0, 0]
        for i, value in enumerate(out):
            picture.cell(start + i * CELL, 220, f"{value:g}", "green" if i == position else "plain")
        middle = start + (position + 0.5) * CELL
        picture.arrow((edge + 1.5 * CELL, 148), (middle, 217), "orange")
        shown = [values[window + i] if 0 <= window + i < 5 else 0.0 for i in range(3)]
        terms = " + ".join(f"{w:g}·{v:g}" for w, v in zip(order, shown, strict=True))
        picture.text(middle, 278, f"{terms} = {out[position]:g}", "green", code=True)
    picture.note(360, 326, "each computes the gradient of the other's input")
    return picture


def conv2d_picture() -> Picture:
    """Task 4.2: a window over an image."""
    picture = Picture(
        "A two-dimensional convolution: a window of 3 by 3 weights lies on the image with its "
        "upper left corner at the output's position; the products are summed. Here the weights "
        "find vertical edges.",
        330,
    )
    image = [[0.0, 0.0, 1.0, 1.0, 1.0] for _ in range(3)] + [[0.0] * 3 + [1.0] * 2] * 2
    weights = [[-1.0, 0.0, 1.0]] * 3
    row, column = 1, 1
    out = conv2d(tensor([[image]]), tensor([[weights]])).to_numpy()[0, 0].tolist()

    def in_window(i: int, j: int) -> Tone:
        inside = row <= i < row + 3 and column <= j < column + 3
        return "orange" if inside else "blue" if image[i][j] else "plain"

    top = 64.0
    picture.heading(124, 36, "image")
    picture.heading(356, 36, "weights")
    picture.heading(580, 36, "result")
    picture.grid(24, top, image, in_window)
    picture.frame(24 + column * CELL - 2, top + row * CELL - 2, 3 * CELL + 4, 3 * CELL + 4)
    picture.text(258, top + 100, "∗", size=24)
    picture.grid(296, top + CELL, weights, "orange")
    picture.text(450, top + 100, "=", size=22)
    picture.grid(480, top, out, lambda i, j: "green" if (i, j) == (row, column) else "plain")
    total = out[row][column]
    picture.text(356, top + 186, f"at (1, 1): {total:g}", "green", code=True)
    picture.note(
        360, 290, "the window begins at the output's position; zeros surround the image, which"
    )
    picture.note(360, 308, "is why the right columns contain an edge, too")
    return picture


def pooling_picture() -> Picture:
    """Task 4.3: windows by a view, then an average."""
    picture = Picture(
        "An image of 4 by 4 is cut into four windows of 2 by 2 by a view: each window becomes a "
        "row of four numbers, whose averages are the pooled image of 2 by 2.",
        320,
    )
    image = [[1.0, 3.0, 2.0, 0.0], [5.0, 7.0, 2.0, 4.0], [0.0, 0.0, 9.0, 1.0], [4.0, 0.0, 1.0, 1.0]]
    tones: tuple[Tone, ...] = ("blue", "orange", "green", "faint")
    windows = [
        [image[i + di][j + dj] for di in (0, 1) for dj in (0, 1)] for i in (0, 2) for j in (0, 2)
    ]
    top = 66.0
    picture.grid(36, top, image, lambda i, j: tones[i // 2 * 2 + j // 2])
    picture.arrow((212, top + 80), (266, top + 80))
    picture.text(239, top + 62, "tile", code=True)
    for i, window in enumerate(windows):
        picture.row(284, top - 12 + i * 46, window, tones[i])
    picture.arrow((462, top + 80), (522, top + 80))
    picture.text(492, top + 62, "mean", code=True)
    for i, window in enumerate(windows):
        picture.cell(
            546 + i % 2 * 52,
            top + 28 + i // 2 * 52,
            f"{sum(window) / 4:g}",
            tones[i],
            width=52,
            height=52,
        )
    picture.text(116, 30, "(H, W)", code=True)
    picture.text(364, 30, "(H/h, W/w, h·w)", code=True)
    picture.text(598, 30, "(H/h, W/w)", code=True)
    picture.note(
        360, 272, "pixels of a window are not contiguous in memory: view, permute, and then a"
    )
    picture.note(
        360, 290, "copy in row-major order; afterwards the average is a reduction of one dimension"
    )
    return picture


def softmax_picture() -> Picture:
    """Task 4.4: scores become probabilities; dropout sets some of the activations to zero."""
    scores = [1.0, 3.0, 2.0, -1.0]
    probabilities = softmax(tensor(scores), 0).to_numpy().tolist()
    picture = Picture(
        "Softmax turns scores into probabilities: the largest score gets the largest share, and "
        "the shares sum to one. Dropout, while training, sets some activations to zero.",
        340,
    )
    picture.heading(180, 28, "softmax")
    picture.note(60, 58, "score", anchor="start")
    picture.note(150, 58, "probability", anchor="start")
    for i, (score, share) in enumerate(zip(scores, probabilities, strict=True)):
        top = 76 + i * 48
        tone: Tone = "green" if share == max(probabilities) else "blue"
        picture.cell(44, top, f"{score:g}".replace("-", "−"), tone, width=56)
        picture.arrow((102, top + 20), (142, top + 20))
        picture.box(150, top + 6, 200 * share + 2, 28, tone, corner=3)
        picture.text(160 + 200 * share, top + 20, f"{share:.2f}", code=True, anchor="start")
    picture.text(190, 290, "exp(xᵢ − max) / Σ exp(xⱼ − max)", code=True)
    picture.note(190, 316, "subtracting the maximum prevents overflow")
    picture.heading(545, 28, "dropout")
    source = random.Random(3)
    kept = [[source.random() >= 0.4 for _ in range(6)] for _ in range(3)]
    picture.grid(
        426,
        76,
        [["" if k else "0" for k in row] for row in kept],
        lambda i, j: "blue" if kept[i][j] else "ghost",
    )
    picture.note(545, 222, "training: a new mask each time")
    picture.row(426, 244, [""] * 6, "blue")
    picture.note(545, 306, "evaluation: all activations")
    return picture


def cuda_convolution_picture() -> Picture:
    """Task 4.4b: a convolution is a product with a matrix that is never built."""
    picture = Picture(
        "A convolution as a matrix multiplication: the weights, a row for each output channel, "
        "times a matrix with a column for each window of the input. Most inputs occur in it "
        "several times; it is read from the input tile by tile and never stored.",
        388,
    )
    left, top, step = 310.0, 112.0, 44.0
    picture.text(left - 32, 50, "input", code=True, anchor="end")
    for i in range(7):
        tone: Tone = "blue" if i in (2, 3, 4) else "plain"
        picture.cell(left - 44 + (i + 0.5) * step, 30, f"x{i}", tone, width=step, size=13)
    for k in range(3):
        for position in range(5):
            picture.cell(
                left + position * step,
                top + k * step,
                f"x{position + k}",
                "blue" if position == 2 else "ghost",
                width=step,
                height=step,
                size=13,
            )
    picture.arrow((left + 2.5 * step, 72), (left + 2.5 * step, top - 3), "blue")
    picture.grid(
        left - 200,
        top + 3 * step + 24,
        [["w0", "w1", "w2"], ["v0", "v1", "v2"]],
        "orange",
        step=step,
        size=13,
    )
    for channel, name in enumerate("yz"):
        for position in range(5):
            picture.cell(
                left + position * step,
                top + (3 + channel) * step + 24,
                f"{name}{position}",
                "green" if position == 2 else "plain",
                width=step,
                height=step,
                size=13,
            )
    picture.text(left - 30, top + 4 * step + 24, "→", size=20)
    picture.note(left - 134, top + 3 * step - 12, "weights: a row for")
    picture.note(left - 134, top + 3 * step + 6, "each output channel")
    picture.note(left + 5 * step + 10, top + 46, "a column for each", anchor="start")
    picture.note(left + 5 * step + 10, top + 64, "window: not stored", anchor="start")
    picture.note(left + 5 * step + 10, top + 4 * step + 24, "a tile for each block", anchor="start")
    return picture


def networks_picture() -> Picture:
    """Task 4.5: the two networks, with the shapes between their layers."""
    picture = Picture(
        "The two networks. Digits: two convolutions, average pooling, two linear layers, ten "
        "log-probabilities. Sentences: word vectors, convolutions of three widths, the maximum "
        "over the sentence, one linear layer, one probability.",
        400,
    )
    picture.heading(24, 28, "digits: LeNet", anchor="start")
    digits = [
        ("image", "1×28×28"),
        ("conv 3×3", "4×28×28"),
        ("conv 3×3", "8×28×28"),
        ("pool 4", "8×7×7"),
        ("linear", "64"),
        ("linear", "10"),
    ]
    sizes = [(70, 70, 1), (70, 70, 3), (70, 70, 5), (30, 30, 5), (16, 84, 1), (16, 50, 1)]
    for i, ((name, shape), (width, height, count)) in enumerate(zip(digits, sizes, strict=True)):
        middle = 72 + i * 116
        tone: Tone = "green" if i == 5 else "blue" if i == 0 else "plain"
        for layer in reversed(range(count)):
            shift = (layer - (count - 1) / 2) * 5
            picture.box(
                middle - width / 2 + shift, 96 - height / 2 - shift, width, height, tone, corner=3
            )
        picture.text(middle, 160, name, size=13)
        picture.text(middle, 178, shape, code=True, size=12)
        if i:
            picture.arrow(
                (middle - 64 - (4 if i < 4 else 0), 96), (middle - 50 + (10 if i > 2 else 0), 96)
            )
    picture.heading(24, 220, "sentences: Kim's network", anchor="start")
    words = ["a", "film", "to", "love"]
    ends: Anchor = "end"
    for i, word in enumerate(words):
        picture.text(92, 256 + i * 24, word, anchor=ends, size=13)
        picture.grid(100, 244 + i * 24, [[""] * 4], "blue", step=24)
    tones: tuple[Tone, ...] = ("blue", "orange", "green")
    for i, width in enumerate((3, 4, 5)):
        top = 246 + i * 34
        picture.arrow((202, 292), (256, top + 14))
        picture.cell(258, top, f"width {width}", tones[i], width=92, height=30, size=13)
        picture.arrow((352, top + 15), (392, top + 15))
        picture.cell(394, top, "max", tones[i], width=58, height=30, size=13)
        picture.arrow((454, top + 15), (506, 292))
    picture.cell(508, 272, "linear", width=76)
    picture.arrow((586, 292), (616, 292))
    picture.cell(618, 272, "0.9", "green", width=62)
    picture.text(148, 362, "word vectors", size=13)
    picture.text(304, 372, "convolution", size=13)
    picture.text(423, 372, "over time", size=13)
    picture.text(649, 332, "praise", size=13)
    return picture


PICTURES = {
    "tasks/4.1": conv1d_picture,
    "tasks/4.2": conv2d_picture,
    "tasks/4.3": pooling_picture,
    "tasks/4.4": softmax_picture,
    "tasks/4.4b": cuda_convolution_picture,
    "tasks/4.5": networks_picture,
}
