"""Pictures of a language model: the attention of every head."""

from matplotlib.figure import Figure

from mt_models.pictures.style import new_figure, styled
from mt_models.problems import Text
from mt_models.tokenizers import shown_token


def attention_maps(problem: Text, length: int = 24) -> Figure:
    """Draw the weights of every head over the first tokens of the validation text.

    A row of a map is a position, a column an earlier position to which it attends.
    """
    ids = problem.validation_start(length)
    names = [shown_token(problem.tokenizer.tokens[number]) for number in ids]
    maps = problem.network.attention_maps(ids[None])[:, 0]  # (layers, heads, length, length)
    layers, heads = maps.shape[:2]
    with styled():
        figure = new_figure(2.1 * heads + 0.4, 2.2 * layers + 0.6)
        grid = figure.subplots(layers, heads, squeeze=False, sharex=True, sharey=True)
        for layer, row in enumerate(grid):
            for head, axes in enumerate(row):
                axes.imshow(maps[layer, head], cmap="Blues", vmin=0, vmax=1)
                axes.set_title(f"layer {layer + 1}, head {head + 1}", size=9)
                axes.tick_params(length=0)
                ticks = range(len(names))
                axes.set_xticks(ticks, names, size=6, parse_math=False)
                axes.set_yticks(ticks, names, size=6, parse_math=False)
        figure.suptitle("attention: rows attend to columns; white 0, blue 1", size=11)
    return figure
