"""Sentences that a sentiment classifier gets wrong."""

import textwrap
from collections.abc import Sequence

from matplotlib.figure import Figure

from mt_models.pictures.colours import BLUE, ORANGE
from mt_models.pictures.errors import worst_errors
from mt_models.pictures.style import new_figure, styled
from mt_models.problems import Evaluation


def worst_sentences(
    texts: Sequence[str],
    evaluation: Evaluation,
    names: Sequence[str] = ("negative", "positive"),
    count: int = 12,
) -> Figure:
    """Draw a bar for each of the most confident errors.

    Its length is the probability of the second of two classes. With more classes it is that of the
    predicted class, and the text begins with the true and the predicted class.
    """
    chosen = worst_errors(evaluation, count)
    labels = [textwrap.shorten(texts[i], 150) for i in chosen]
    if len(names) == 2:
        shares = evaluation.probabilities[chosen, 1]
        colours = [ORANGE if evaluation.labels[i] else BLUE for i in chosen]
        caption = f"probability of {names[1]}; true class: orange {names[1]}, blue {names[0]}"
    else:
        said = evaluation.predictions[chosen]
        shares = evaluation.probabilities[chosen, said]
        colours = [BLUE] * len(chosen)
        caption = "probability of the predicted class"
        labels = [
            f"{names[evaluation.labels[i]]} as {names[p]}: {label}"
            for i, p, label in zip(chosen, said, labels, strict=True)
        ]
    with styled():
        figure = new_figure(9, 0.5 * max(1, len(chosen)) + 1.0)
        axes = figure.subplots()
        places = range(len(chosen))
        axes.barh(places, shares, color=colours, height=0.5)
        # Dollar signs in a sentence are text, not formulas.
        filled = [textwrap.fill(label, 75) for label in labels]
        axes.set_yticks(places, filled, size=7.5, parse_math=False)
        axes.invert_yaxis()
        axes.set_xlim(0, 1)
        axes.set_xlabel(caption, parse_math=False)
        axes.set_title("the most confident errors")
    return figure
