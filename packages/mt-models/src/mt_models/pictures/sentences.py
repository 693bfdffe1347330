"""Sentences that a sentiment classifier gets wrong."""

import textwrap
from collections.abc import Sequence

from matplotlib.figure import Figure

from mt_models.pictures.colours import BLUE, ORANGE
from mt_models.pictures.errors import worst_errors
from mt_models.pictures.style import new_figure, styled
from mt_models.problems import Evaluation


def worst_sentences(texts: Sequence[str], evaluation: Evaluation, count: int = 12) -> Figure:
    """Draw a bar for each of the most confident errors: the probability of positive."""
    chosen = worst_errors(evaluation, count)
    labels = [textwrap.fill(textwrap.shorten(texts[i], 150), 75) for i in chosen]
    positive = evaluation.probabilities[chosen, 1]
    colours = [ORANGE if evaluation.labels[i] else BLUE for i in chosen]
    with styled():
        figure = new_figure(9, 0.5 * max(1, len(chosen)) + 1.0)
        axes = figure.subplots()
        places = range(len(chosen))
        axes.barh(places, positive, color=colours, height=0.5)
        # Dollar signs in a sentence are text, not formulas.
        axes.set_yticks(places, labels, size=7.5, parse_math=False)
        axes.invert_yaxis()
        axes.set_xlim(0, 1)
        axes.set_xlabel("probability of positive; true class: orange positive, blue negative")
        axes.set_title("the most confident errors")
    return figure
