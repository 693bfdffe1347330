"""Records of a training run, one for every finished epoch."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from mt_models.problems import Metric


@dataclass(frozen=True, slots=True)
class EpochRecord:
    """The record of one epoch.

    Attributes:
        epoch: The number of the epoch, from 1.
        train_loss: The mean loss over the epoch's examples, each before the step of its batch.
        train_accuracy: The fraction of correct predictions in training, with dropout.
        validation_loss: The mean loss over the validation examples after the epoch.
        validation_right: The number of correct validation predictions.
        validation_total: The number of validation examples.
        first_right: The number of correct predictions of the first `first_total`, for the course's
            line.
        first_total: 16, or fewer if there are not as many.
        seconds: The training time in seconds, without validation.
        examples_per_second: Training examples per second.
    """

    epoch: int
    train_loss: float
    train_accuracy: float
    validation_loss: float
    validation_right: int
    validation_total: int
    first_right: int
    first_total: int
    seconds: float
    examples_per_second: float

    @property
    def validation_accuracy(self) -> float:
        """The validation accuracy after the epoch; NaN without validation examples."""
        if not self.validation_total:
            return float("nan")
        return self.validation_right / self.validation_total


def best_record(records: Sequence[EpochRecord], metric: Metric) -> EpochRecord | None:
    """Return the first record with the highest validation accuracy, or with the lowest loss."""
    if metric == "accuracy":
        return max(records, key=lambda record: record.validation_right, default=None)
    return min(records, key=lambda record: record.validation_loss, default=None)


@dataclass(slots=True)
class Progress:
    """The progress of a run, without weights and generators.

    Attributes:
        records: The finished epochs.
        examples_seen: The number of examples of the current epoch so far.
        loss_sum: The sum of their losses.
        right: The number of correct predictions among them; of texts the sum of the fractions of
            the examples' positions.
        seconds: The training time of these examples, in seconds.
        metric: The validation metric by which epochs are compared.
    """

    records: list[EpochRecord] = field(default_factory=list)
    examples_seen: int = 0
    loss_sum: float = 0.0
    right: float = 0.0
    seconds: float = 0.0
    metric: Metric = "accuracy"

    @property
    def epoch(self) -> int:
        """The number of the current epoch, from 1."""
        return len(self.records) + 1

    @property
    def best(self) -> EpochRecord | None:
        """The first epoch with the best validation metric; None before the first record."""
        return best_record(self.records, self.metric)

    def to_json(self) -> dict[str, Any]:
        """Return JSON values, from which `from_json` makes an equal object."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> "Progress":
        """Make an object from a result of `to_json`."""
        records = [EpochRecord(**record) for record in values["records"]]
        return cls(**{**values, "records": records})
