"""What is known of a training run: one record for every finished epoch."""

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class EpochRecord:
    """One epoch.

    Attributes:
        epoch: Counted from 1.
        train_loss: The mean over the epoch's examples, each in its batch's turn.
        train_accuracy: The share of right answers while learning, dropout included.
        validation_loss: The mean over the validation examples after the epoch.
        validation_right: How many of them the network got right.
        validation_total: How many there are.
        first_right: How many of the first `first_total` it got right, as the course prints it.
        first_total: 16, or fewer if there are not as many.
        seconds: Time for learning, without validation.
        examples_per_second: Learnt examples per second.
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
        """The share of right answers after the epoch; NaN without validation examples."""
        if not self.validation_total:
            return float("nan")
        return self.validation_right / self.validation_total


@dataclass(slots=True)
class Progress:
    """Where a run stands: all that a checkpoint needs besides weights and generators.

    Attributes:
        records: The finished epochs.
        examples_seen: Examples of the current epoch that were learnt.
        loss_sum: The sum of their losses.
        right: How many of them were right.
        seconds: Time spent on them.
    """

    records: list[EpochRecord] = field(default_factory=list)
    examples_seen: int = 0
    loss_sum: float = 0.0
    right: int = 0
    seconds: float = 0.0

    @property
    def epoch(self) -> int:
        """The epoch that is being learnt, counted from 1."""
        return len(self.records) + 1

    @property
    def best(self) -> EpochRecord | None:
        """The first of the epochs with the highest validation accuracy."""
        return max(self.records, key=lambda record: record.validation_right, default=None)

    def to_json(self) -> dict[str, Any]:
        """Return plain values, from which `from_json` makes an equal object."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> "Progress":
        """Make an object of what `to_json` returned."""
        records = [EpochRecord(**record) for record in values["records"]]
        return cls(**{**values, "records": records})
