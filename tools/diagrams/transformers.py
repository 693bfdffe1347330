"""The pictures of the essays about transformers in `docs/why`."""

import numpy as np

from mt_autodiff import tensor
from mt_nn import masked_softmax, softmax
from tools.diagrams.picture import Picture, Tone
from tools.diagrams.plot import Axes


def scale_picture() -> Picture:
    """The root of d: the weights of eight keys for a narrow head and a wide one."""
    picture = Picture(
        "Eight scores as weights. With d = 4 the weights are moderate. With d = 256 one of them is "
        "almost 1. Divided by the root of d, they are as moderate as before.",
        300,
    )
    rng = np.random.default_rng(5)
    query, keys = rng.normal(size=256), rng.normal(size=(8, 256))
    panels: tuple[tuple[str, int, bool, Tone], ...] = (
        ("d = 4", 4, False, "blue"),
        ("d = 256", 256, False, "orange"),
        ("d = 256, divided by √d", 256, True, "green"),
    )
    for number, (name, size, divided, tone) in enumerate(panels):
        left = 40.0 + number * 228
        scores = keys[:, :size] @ query[:size] / (size**0.5 if divided else 1.0)
        weights = softmax(tensor(scores), 0).to_numpy()
        picture.heading(left + 96, 30, name)
        for at, weight in enumerate(weights.tolist()):
            height = max(2.0, 170 * weight)
            picture.box(left + at * 24, 232 - height, 20, height, tone, corner=2)
        picture.line([(left - 4, 232), (left + 196, 232)])
        picture.note(left + 96, 254, f"largest weight {weights.max():.2f}", tone)
    picture.note(360, 282, "the weights of eight random keys for one random query")
    return picture


def mask_picture() -> Picture:
    """Masks: scores, hidden scores, weights."""
    picture = Picture(
        "A matrix of four by four scores. The mask hides the scores above the diagonal. After the "
        "softmax each row has the sum 1, and the hidden cells are 0.",
        300,
    )
    scores = np.array(
        [[1.0, 3.0, 2.0, 0.0], [0.0, 1.0, 2.0, 3.0], [2.0, 0.0, 1.0, 1.0], [1.0, 2.0, 0.0, 1.0]]
    )
    visible = np.tril(np.ones((4, 4), bool))
    weights = masked_softmax(tensor(scores), visible, 1).to_numpy()
    panels = (
        ("scores", scores, "{:.0f}"),
        ("visible", scores, "{:.0f}"),
        ("weights", weights, "{:.2f}"),
    )
    for number, (name, values, form) in enumerate(panels):
        left = 40.0 + number * 234
        picture.heading(left + 88, 34, name)
        for row in range(4):
            for column in range(4):
                hidden = number > 0 and not visible[row, column]
                tone: Tone = "ghost" if hidden else ("plain", "blue", "green")[number]
                text = "" if hidden else form.format(values[row, column])
                picture.cell(left + column * 44, 60 + row * 44, text, tone, width=44, height=44)
    picture.arrow((222, 148), (266, 148))
    picture.arrow((456, 148), (500, 148))
    picture.note(128, 258, "row: the position that attends")
    picture.note(594, 258, "each row has the sum 1")
    picture.note(360, 258, "later positions: hidden")
    return picture


def projection_picture() -> Picture:
    """LayerNorm's gradient: an upstream gradient less its shares in two directions."""
    picture = Picture(
        "The gradient of LayerNorm for a row of four elements: the upstream gradient, less its "
        "mean, less its share along the normalised row. The rest has the sum 0 and is orthogonal "
        "to the row.",
        330,
    )
    x = np.array([1.0, 2.0, 4.0, 5.0])
    g = np.array([2.0, 1.0, 0.0, 3.0])
    normal = (x - x.mean()) / x.std()
    along = normal * (g * normal).mean()
    rest = g - g.mean() - along
    rows: tuple[tuple[str, np.ndarray[tuple[int], np.dtype[np.float64]], Tone], ...] = (
        ("upstream gradient g", g, "orange"),
        ("− mean of g", np.full(4, -g.mean()), "plain"),
        ("− share along the row", -along, "plain"),
        ("rest, sum 0", rest, "green"),
    )
    for number, (name, values, tone) in enumerate(rows):
        top = 40.0 + number * 58
        picture.text(300, top + 20, name, tone, anchor="end")
        for at, value in enumerate(values.tolist()):
            text = f"{value:.2f}".replace("-", "−")
            picture.cell(330 + at * 76, top, text, tone, width=72)
    picture.line([(330, 206), (634, 206)])
    picture.note(360, 300, "the gradient is this rest, divided by σ")
    return picture


def cache_picture() -> Picture:
    """The KV cache: products of one token over the length of the text."""
    picture = Picture(
        "Products of one token of a GPT with four blocks of width 128. Without a cache they grow "
        "with the length of the text to 50 million at 64 tokens, with a cache they stay near one "
        "million.",
        320,
    )
    axes = Axes(picture, 90, 40, 560, 210, (0, 64), (0, 55))
    axes.cross()
    axes.curve(lambda t: 4 * (12 * 128**2 * t + 128 * t**2) / 1e6, "orange")
    axes.curve(lambda t: 4 * (12 * 128**2 + 2 * 128 * t) / 1e6, "green")
    x, y = axes.at(44, 4 * (12 * 128**2 * 44 + 128 * 44**2) / 1e6)
    picture.text(x - 14, y - 6, "without a cache", "orange", anchor="end")
    x, y = axes.at(50, 1)
    picture.text(x, y - 16, "with a cache", "green", anchor="middle")
    for length in (16, 32, 48, 64):
        x, y = axes.at(length, 0)
        picture.text(x, y + 16, str(length), code=True, size=13)
    for millions in (25, 50):
        x, y = axes.at(0, millions)
        picture.text(x - 10, y, f"{millions}", code=True, size=13, anchor="end")
    picture.note(370, 290, "tokens of the text")
    picture.note(90, 22, "million products for the next token", anchor="start")
    return picture


PICTURES = {
    "why/attention-scale": scale_picture,
    "why/masks": mask_picture,
    "why/layer-norm": projection_picture,
    "why/key-value-cache": cache_picture,
}
