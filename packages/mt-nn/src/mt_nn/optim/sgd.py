"""Stochastic gradient descent."""

from mt_autodiff.names import renamed
from mt_nn._gradients import Number
from mt_nn.optim.base import FusedRule, Optimizer, Parameters, check_setting, decayed
from mt_tensor.fused import operations


class SGD(Optimizer):
    r"""Stochastic gradient descent, with optional momentum.

    With the gradient $g$, to which weight decay adds $\text{weight\_decay} \cdot \theta$:

    - plain: $\theta \leftarrow \theta - \text{lr}\, g$;
    - momentum: $v \leftarrow \text{momentum}\, v + g$ and
      $\theta \leftarrow \theta - \text{lr}\, v$;
    - Nesterov: $v$ as before and
      $\theta \leftarrow \theta - \text{lr}\, (g + \text{momentum}\, v)$.

    These are PyTorch's formulas. In Sutskever et al. 2013, "On the importance of initialization and
    momentum in deep learning", equations 1 to 4, the velocity contains the learning rate; both
    forms are equal as long as the learning rate is constant.

    Attributes:
        lr: The learning rate; assign it at any time, as a schedule does.
        momentum: The decay rate of the velocity.
        weight_decay: The coefficient of the L2 penalty.
        nesterov: True for Nesterov momentum.

    >>> from mt_autodiff import Scalar
    >>> from mt_nn import Parameter
    >>> w = Parameter(Scalar(3.0))
    >>> optimizer = SGD([w], lr=0.5)
    >>> (w.value * w.value).backward()
    >>> optimizer.step()
    >>> w.value, w.grad
    (Scalar(0.0), 6.0)
    >>> optimizer.zero_grad()
    """

    hyperparameters = ("lr", "momentum", "weight_decay", "nesterov")
    slots = ("velocity",)

    @renamed(params="parameters", dampening=None, maximize=None, foreach=None, fused=None)
    def __init__(
        self,
        parameters: Parameters,
        lr: float,
        momentum: float = 0.0,
        *,
        weight_decay: float = 0.0,
        nesterov: bool = False,
    ) -> None:
        """Make an optimiser of parameters.

        Args:
            parameters: The parameters to train, or parameter groups.
            lr: The learning rate, 0 or more.
            momentum: 0 or more and less than 1.
            weight_decay: 0 or more.
            nesterov: True for Nesterov momentum; `momentum` must be above 0.

        Raises:
            ValueError: There are no parameters, or a setting is out of range.
            TypeError: An item is not a `Parameter`.
        """
        super().__init__(parameters)
        self.lr, self.momentum, self.weight_decay = lr, momentum, weight_decay
        self.nesterov = bool(nesterov)
        self.check_groups()

    def check_settings(self) -> None:
        """Raise ValueError if a setting is out of range."""
        self.lr = check_setting("SGD", "lr", self.lr)
        self.momentum = check_setting("SGD", "momentum", self.momentum, below=1.0)
        self.weight_decay = check_setting("SGD", "weight_decay", self.weight_decay)
        if self.nesterov and not self.momentum:
            raise ValueError("SGD: nesterov needs momentum above 0, for example momentum=0.9")

    def rule(self, value: Number, grad: Number, memory: dict[str, Number], step: int) -> Number:
        """Return the new value of one parameter."""
        grad = decayed(grad, value, self.weight_decay)
        if self.momentum:
            velocity = self.momentum * memory.get("velocity", 0.0) + grad
            memory["velocity"] = velocity
            grad = grad + self.momentum * velocity if self.nesterov else velocity
        return value - self.lr * grad

    def fused_rule(self, step: int) -> FusedRule | None:
        """Return the operation that computes the rule for many tensors; None for other rules."""
        if type(self).rule is not SGD.rule:
            return super().fused_rule(step)
        if self.momentum == 0.0:
            return FusedRule(operations.SGD, (), (self.lr, self.weight_decay))
        nesterov = float(self.nesterov)
        settings = (self.lr, self.momentum, self.weight_decay, nesterov)
        return FusedRule(operations.SGD_MOMENTUM, ("velocity",), settings)
