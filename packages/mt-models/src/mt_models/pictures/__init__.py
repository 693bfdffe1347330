"""The pictures of a training run."""

from mt_models.pictures.confusion import confusion, confusion_matrix
from mt_models.pictures.curves import curves
from mt_models.pictures.errors import worst_errors
from mt_models.pictures.images import filters, hidden_states, worst_digits
from mt_models.pictures.regions import regions
from mt_models.pictures.run import draw_run
from mt_models.pictures.sentences import worst_sentences
from mt_models.pictures.texts import attention_maps

__all__ = [
    "attention_maps",
    "confusion",
    "confusion_matrix",
    "curves",
    "draw_run",
    "filters",
    "hidden_states",
    "regions",
    "worst_digits",
    "worst_errors",
    "worst_sentences",
]
