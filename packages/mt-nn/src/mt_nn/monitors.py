"""Decisions from a metric of each epoch: a lower learning rate, or the end of training."""

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeAlias

from mt_autodiff.names import missing_member, renamed
from mt_nn._names import PLATEAU_MEMBERS, STOPPING_MEMBERS
from mt_nn._settings import as_number

Mode: TypeAlias = Literal["min", "max"]
"""The better direction of a metric: "min" for a loss, "max" for an accuracy."""


class _Monitor:
    """The base class: the best metric so far, and the number of calls without a better one.

    Attributes:
        best: The best metric so far.
        waited: The number of calls since then.
        improved: True if the last metric was the best so far.
    """

    _missing: ClassVar[Mapping[str, str]] = {}

    def __init__(self, patience: int, mode: Mode) -> None:
        name = type(self).__name__
        as_number(name, "patience", patience)
        if patience < 0:
            raise ValueError(f"{name}: patience {patience} must be 0 or more")
        if mode not in ("min", "max"):
            raise ValueError(f'{name}: mode {mode!r} does not exist; allowed: "min", "max"')
        self.patience = patience
        self.mode = mode
        self.best = math.inf if mode == "min" else -math.inf
        self.waited = 0
        self.improved = False

    if not TYPE_CHECKING:  # A type checker would accept every name.

        def __getattr__(self, name: str) -> Any:
            raise missing_member(self, name, self._missing)

    def _record(self, metric: float, bound: float) -> None:
        """Compare a metric with a bound that it must pass; NaN is never better."""
        self.improved = metric < bound if self.mode == "min" else metric > bound
        if self.improved:
            self.best = metric
            self.waited = 0
        else:
            self.waited += 1

    def state_dict(self) -> dict[str, Any]:
        """Return the settings and the state, as numbers and strings for JSON."""
        return dict(vars(self))

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore a state of `state_dict`.

        Raises:
            ValueError: The state belongs to another class.
        """
        if set(state) != set(vars(self)):
            raise ValueError(
                f"{type(self).__name__}.load_state_dict: the state has {sorted(state)}; expected "
                f"{sorted(vars(self))}"
            )
        vars(self).update(state)


class Plateau(_Monitor):
    """A learning rate that falls when a metric no longer improves.

    Call it with the metric of each epoch, and assign the result to the optimiser. The rule is that
    of PyTorch's `ReduceLROnPlateau`.

    Attributes:
        lr: The current rate.
        factor: The factor of each change, 0 to 1.
        patience: The number of epochs without a better metric that change nothing.
        threshold: The least relative improvement that counts.
        cooldown: The number of epochs after a change that do not count.
        minimum: The lowest rate.

    >>> plateau = Plateau(0.1, factor=0.5, patience=1)
    >>> [plateau(loss) for loss in (1.0, 0.5, 0.5, 0.5, 0.4)]
    [0.1, 0.1, 0.1, 0.05, 0.05]
    """

    _missing = PLATEAU_MEMBERS

    @renamed(
        optimizer="lr=optimizer.lr",
        min_lr="minimum",
        threshold_mode=None,
        eps=None,
        verbose=None,
    )
    def __init__(
        self,
        lr: float,
        *,
        factor: float = 0.1,
        patience: int = 10,
        threshold: float = 1e-4,
        cooldown: int = 0,
        minimum: float = 0.0,
        mode: Mode = "min",
    ) -> None:
        """Make a rate that starts at `lr`.

        Raises:
            TypeError: A setting is not a number, such as an optimiser in place of its rate.
            ValueError: A setting is out of range.
        """
        super().__init__(patience, mode)
        if not 0.0 <= as_number("Plateau", "factor", factor) < 1.0:
            raise ValueError(f"Plateau: factor {factor} must be 0 or more and less than 1")
        for name, value in (("lr", lr), ("threshold", threshold), ("minimum", minimum)):
            if not 0.0 <= as_number("Plateau", name, value) < math.inf:
                raise ValueError(f"Plateau: {name} {value} must be a finite number, 0 or more")
        if cooldown < 0:
            raise ValueError(f"Plateau: cooldown {cooldown} must be 0 or more")
        self.lr, self.factor, self.threshold = lr, factor, threshold
        self.cooldown, self.minimum = cooldown, minimum
        self.resting = 0

    def __call__(self, metric: float) -> float:
        """Return the rate after an epoch with a metric.

        Raises:
            TypeError: The metric is not a number.
        """
        metric = as_number("Plateau", "the metric", metric)
        direction = -1.0 if self.mode == "min" else 1.0
        finite = math.isfinite(self.best)
        self._record(metric, self.best * (1.0 + direction * self.threshold if finite else 1.0))
        if self.resting:
            self.resting -= 1
            self.waited = 0
        if self.waited > self.patience:
            self.lr = max(self.lr * self.factor, self.minimum)
            self.resting, self.waited = self.cooldown, 0
        return self.lr


class EarlyStopping(_Monitor):
    """The end of training when a metric no longer improves.

    Call it with the metric of each epoch; the result is True when training stops. Keep the state of
    the network whenever `improved` is True, and load the last one at the end (Prechelt 1998, "Early
    Stopping - But When?").

    Attributes:
        best: The best metric so far.
        improved: True if the last metric was the best so far.
        patience: The number of epochs without a better metric after which training stops.
        least: The least difference that counts as better.

    >>> stop = EarlyStopping(patience=2)
    >>> [stop(loss) for loss in (1.0, 0.5, 0.6, 0.5)], stop.best
    ([False, False, False, True], 0.5)
    """

    _missing = STOPPING_MEMBERS

    def __init__(self, patience: int, *, least: float = 0.0, mode: Mode = "min") -> None:
        """Make a monitor.

        Raises:
            ValueError: A setting is out of range.
        """
        super().__init__(patience, mode)
        if patience < 1:
            raise ValueError(f"EarlyStopping: patience {patience} must be 1 or more")
        if not 0.0 <= least < math.inf:
            raise ValueError(f"EarlyStopping: least {least} must be a finite number, 0 or more")
        self.least = least

    def __call__(self, metric: float) -> bool:
        """Return whether training stops after an epoch with a metric.

        Raises:
            TypeError: The metric is not a number.
        """
        metric = as_number("EarlyStopping", "the metric", metric)
        self._record(metric, self.best + (-self.least if self.mode == "min" else self.least))
        return self.waited >= self.patience
