"""Loss and accuracy over the epochs."""

from collections.abc import Sequence

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from mt_models.pictures.colours import BLUE, GREY, ORANGE
from mt_models.pictures.style import new_figure, styled
from mt_models.training.records import EpochRecord

MARKED = 30
"""The largest number of epochs that are marked one by one; the markers of more would overlap."""
SPAN = 0.05
"""The smallest range of the accuracy axis, so that noise does not fill the picture."""


def curves(records: Sequence[EpochRecord]) -> Figure:
    """Draw loss and accuracy on training and validation examples, side by side."""
    epochs = [record.epoch for record in records]
    style = "o-" if len(records) <= MARKED else "-"
    with styled():
        figure = new_figure(8, 3.2)
        loss, accuracy = figure.subplots(1, 2)
        loss.set_title("mean loss")
        loss.plot(epochs, [r.train_loss for r in records], style, color=BLUE, label="training")
        loss.plot(
            epochs, [r.validation_loss for r in records], style, color=ORANGE, label="validation"
        )
        accuracy.set_title("accuracy")
        shares = [[r.train_accuracy for r in records], [r.validation_accuracy for r in records]]
        for values, colour in zip(shares, (BLUE, ORANGE), strict=True):
            accuracy.plot(epochs, values, style, color=colour)
        known = [value for values in shares for value in values if value == value]
        if known:
            middle = (min(known) + max(known)) / 2
            half = max(SPAN, 1.1 * (max(known) - min(known))) / 2
            accuracy.set_ylim(max(0.0, middle - half), min(1.0 + SPAN / 10, middle + half))
        accuracy.yaxis.set_major_formatter(PercentFormatter(1.0))
        losses = [value for r in records for value in (r.train_loss, r.validation_loss)]
        loss.set_ylim(0, 1.05 * max((value for value in losses if value == value), default=1.0))
        loss.legend(frameon=False)
        for axes in (loss, accuracy):
            axes.set_xlabel("epoch")
            axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
            # One epoch is in the middle of its axis; more fill it.
            pad = 0.02 * (max(epochs) - min(epochs)) or 1.0
            axes.set_xlim(min(epochs) - pad, max(epochs) + pad)
            axes.grid(color=GREY, alpha=0.25)
    return figure
