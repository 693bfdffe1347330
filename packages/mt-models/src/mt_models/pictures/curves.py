"""Loss and accuracy over the epochs."""

from collections.abc import Sequence

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from mt_models.pictures.colours import BLUE, GREY, ORANGE
from mt_models.pictures.style import new_figure, styled
from mt_models.training.records import EpochRecord


def curves(records: Sequence[EpochRecord]) -> Figure:
    """Draw loss and accuracy on training and validation examples, side by side."""
    epochs = [record.epoch for record in records]
    with styled():
        figure = new_figure(8, 3.2)
        loss, accuracy = figure.subplots(1, 2)
        loss.set_title("mean loss")
        loss.plot(epochs, [r.train_loss for r in records], "o-", color=BLUE, label="training")
        loss.plot(
            epochs, [r.validation_loss for r in records], "o-", color=ORANGE, label="validation"
        )
        accuracy.set_title("accuracy")
        accuracy.plot(epochs, [r.train_accuracy for r in records], "o-", color=BLUE)
        accuracy.plot(epochs, [r.validation_accuracy for r in records], "o-", color=ORANGE)
        accuracy.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
        loss.set_ylim(bottom=0)
        loss.legend(frameon=False)
        for axes in (loss, accuracy):
            axes.set_xlabel("epoch")
            axes.xaxis.set_major_locator(MaxNLocator(integer=True))
            axes.grid(color=GREY, alpha=0.25)
    return figure
