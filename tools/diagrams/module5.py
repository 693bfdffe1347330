"""The pictures of module 5: losses, tables of vectors, normalisation, attention, the model."""

import numpy as np

from minitorch import GELU, LayerNorm1d, SimpleBackend, softmax_loss, tensor
from mt_nn import softmax
from tools.diagrams.picture import CELL, Picture, Tone


def loss_picture() -> Picture:
    """Task 5.1: GELU, and the loss of each row."""
    picture = Picture(
        "GELU of five numbers: large negative numbers become almost zero, large positive ones do "
        "not change. The loss of each row of scores: the logarithm of the sum of exponentials "
        "minus the score of the right class, which is marked.",
        300,
    )
    numbers = [-3.0, -1.0, 0.0, 1.0, 3.0]
    picture.heading(150, 28, "GELU")
    for i, (x, y) in enumerate(zip(numbers, GELU(tensor(numbers)).to_numpy(), strict=True)):
        top = 50 + i * 46
        picture.cell(50, top, f"{x:g}".replace("-", "−"), "blue", width=56)
        picture.arrow((110, top + 20), (160, top + 20))
        picture.cell(164, top, f"{y:.3f}".replace("-", "−"), "green", width=76)
    scores, classes = [[2.0, 1.0, 0.0], [0.0, 3.0, 1.0], [1.0, 1.0, 1.0]], [0, 2, 1]
    picture.heading(480, 28, "the loss of each row")
    losses = softmax_loss(tensor(scores), tensor([float(c) for c in classes])).to_numpy()
    picture.grid(330, 66, scores, lambda i, j: "orange" if j == classes[i] else "plain")
    for i, loss in enumerate(losses):
        picture.arrow((456, 86 + i * CELL), (520, 86 + i * CELL))
        picture.cell(524, 66 + i * CELL, f"{loss:.2f}", "green", width=70)
    picture.note(462, 220, "no reduction: a loss for each row;")
    picture.note(462, 240, "the right class of each row is marked")
    return picture


def layers_picture() -> Picture:
    """Task 5.2: tokens select rows of a table; a linear map."""
    picture = Picture(
        "Tokens select rows of a table: the token 2 occurs twice, so its row gets the sum of two "
        "gradients. A linear map multiplies rows by a matrix of inputs times outputs and adds a "
        "bias.",
        330,
    )
    picture.heading(180, 28, "Embedding")
    tokens = [2, 0, 2]
    for i, token in enumerate(tokens):
        picture.cell(40, 70 + i * 56, str(token), "blue")
    picture.grid(
        230,
        70,
        [["·"] * 3 for _ in range(4)],
        lambda i, j: "orange" if i == 2 else "green" if i == 0 else "plain",
    )
    for i, token in enumerate(tokens):
        picture.arrow((82, 90 + i * 56), (226, 90 + token * CELL))
    picture.note(60, 58, "tokens")
    picture.note(290, 58, "table")
    picture.note(180, 268, "row 2 is used twice: its gradients add up")
    picture.heading(545, 28, "Linear")
    picture.grid(410, 90, [["x", "x"]] * 3, "blue")
    picture.text(506, 130, "@", size=18)
    picture.grid(524, 110, [["w"] * 3] * 2, "orange")
    picture.text(676, 150, "+ b", code=True)
    picture.note(450, 80, "(n, in)")
    picture.note(584, 80, "(in, out)")
    return picture


def norm_picture() -> Picture:
    """Task 5.3: a row before and after the normalisation."""
    picture = Picture(
        "Layer normalisation of two rows: the mean is subtracted and the result divided by the "
        "root of variance plus epsilon, so both rows have the mean 0 and the variance 1. Each row "
        "is independent of the others.",
        270,
    )
    rows = [[1.0, 2.0, 3.0, 6.0], [10.0, 10.0, 14.0, 14.0]]
    layer = LayerNorm1d(4, 1e-5, SimpleBackend)
    normal = layer(tensor(rows)).to_numpy().tolist()
    picture.heading(140, 32, "rows")
    picture.heading(580, 32, "normalised")
    for i, (row, after) in enumerate(zip(rows, normal, strict=True)):
        top = 60 + i * 80
        picture.row(60, top, row, "blue")
        picture.arrow((226, top + 20), (474, top + 20))
        mean, deviation = float(np.mean(row)), float(np.std(row))
        picture.text(350, top + 6, f"mean {mean:g}, root {deviation:.2f}", size=13)
        picture.row(480, top, [f"{x:.2f}".replace("-", "−") for x in after], "green", step=52)
    picture.note(360, 238, "then the weights multiply and the bias is added, column by column")
    return picture


def attention_picture() -> Picture:
    """Task 5.4: scores, the mask, and the weights of one head."""
    picture = Picture(
        "Attention of one head for four positions: the scores of all pairs of queries and keys, "
        "the causal mask that hides later positions, and the weights after the softmax, whose "
        "rows add up to one.",
        350,
    )
    scores = [
        [1.0, 2.0, 0.0, 1.0],
        [0.0, 1.0, 3.0, 1.0],
        [2.0, 0.0, 1.0, 0.0],
        [1.0, 1.0, 1.0, 2.0],
    ]
    hidden = np.triu(np.ones((4, 4)), 1)
    masked = np.where(hidden > 0.0, -1e9, np.array(scores))
    weights = softmax(tensor(masked.tolist()), 1).to_numpy()

    def later(i: int, j: int) -> Tone:
        return "ghost" if j > i else "blue"

    picture.heading(130, 34, "scores")
    picture.grid(50, 90, scores, "plain")
    picture.note(130, 66, "a row for each query")
    picture.arrow((218, 170), (268, 170))
    picture.heading(355, 34, "with the mask")
    shown = [["−∞" if j > i else x for j, x in enumerate(row)] for i, row in enumerate(scores)]
    picture.grid(275, 90, shown, later)
    picture.arrow((443, 170), (483, 170))
    picture.heading(592, 34, "weights")
    rounded = [[f"{x:.2f}" for x in row] for row in weights]
    picture.grid(490, 90, rounded, lambda i, j: "ghost" if j > i else "green", step=50, size=13)
    picture.note(360, 312, "the scores are q · k / √D; each row of the weights adds up to 1")
    return picture


def model_picture() -> Picture:
    """Task 5.5: the parts of the language model."""
    picture = Picture(
        "The language model: vectors of tokens and of positions are added, dropout follows, then "
        "four layers, a normalisation, and a linear map to scores. A layer adds to its input the "
        "attention of the normalised input, and then the network of the normalised sum.",
        380,
    )
    picture.heading(180, 28, "DecoderLM")
    parts: tuple[tuple[str, Tone], ...] = (
        ("tokens + positions", "blue"),
        ("dropout", "plain"),
        ("4 × TransformerLayer", "orange"),
        ("LayerNorm1d", "plain"),
        ("Linear → scores", "green"),
    )
    for i, (text, tone) in enumerate(parts):
        picture.cell(80, 46 + i * 60, text, tone, width=200)
        if i:
            picture.arrow((180, 26 + i * 60), (180, 44 + i * 60))
    picture.heading(540, 28, "TransformerLayer")
    for i, text in enumerate(("LayerNorm1d", "attention", "+", "LayerNorm1d", "FeedForward", "+")):
        top = 46 + i * 50
        wide = text != "+"
        picture.cell(
            460 if wide else 520,
            top,
            text,
            "plain" if wide else "orange",
            width=160 if wide else 40,
        )
        if i:
            picture.arrow((540, top - 11), (540, top))
    for start, end in ((40, 166), (186, 316)):
        picture.line([(540, start), (430, start + 10), (430, end), (518, end)], "orange")
    picture.note(540, 362, "orange lines: the input is added")
    return picture


PICTURES = {
    "tasks/5.1": loss_picture,
    "tasks/5.2": layers_picture,
    "tasks/5.3": norm_picture,
    "tasks/5.4": attention_picture,
    "tasks/5.5": model_picture,
}
