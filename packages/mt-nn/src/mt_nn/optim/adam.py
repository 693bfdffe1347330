"""Adam: steps scaled by running moments of the gradient."""

import math
from collections.abc import Iterable

from mt_nn._gradients import Number
from mt_nn.module import Parameter
from mt_nn.optim.base import FusedRule, Optimizer, check_setting, decayed
from mt_tensor.fused import operations


class Adam(Optimizer):
    r"""Divides a running mean of the gradient by the root of a running mean of its square.

    Algorithm 1 of Kingma & Ba 2015, "Adam: A Method for Stochastic Optimization". With the gradient
    $g$, to which weight decay adds $\text{weight\_decay} \cdot \theta$, at step $t$ from 1:

    - $m \leftarrow \beta_1 m + (1 - \beta_1)\, g$ and
      $v \leftarrow \beta_2 v + (1 - \beta_2)\, g^2$, both 0 at first;
    - $\hat m = m / (1 - \beta_1^t)$ and $\hat v = v / (1 - \beta_2^t)$ undo the pull to 0;
    - $\theta \leftarrow \theta - \text{lr}\, \hat m / (\sqrt{\hat v} + \epsilon)$.

    Attributes:
        lr: The learning rate; assign it at any time, as a schedule does.
        betas: How much of the two running means survives a step.
        eps: Keeps the quotient finite where gradients vanish.
        weight_decay: How strongly parameters are pulled to zero: an L2 penalty's gradient, which is
            scaled like any other (not the decoupled decay of AdamW).

    >>> from mt_autodiff import tensor
    >>> w = Parameter(tensor([3.0, -200.0]))
    >>> optimizer = Adam([w], lr=0.1)
    >>> (w.value * w.value).sum().backward()
    >>> optimizer.step()  # The first step is as long as the learning rate, whatever the gradient.
    >>> w.value
    tensor([   2.9, -199.9], requires_grad=True)
    """

    hyperparameters = ("lr", "betas", "eps", "weight_decay")
    slots = ("mean", "square")

    def __init__(
        self,
        parameters: Iterable[Parameter],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        """Take charge of parameters.

        Args:
            parameters: What to improve.
            lr: 0 or more.
            betas: Each 0 up to, but not including, 1.
            eps: Above 0.
            weight_decay: 0 or more.

        Raises:
            ValueError: There are no parameters, or a setting is out of its range.
            TypeError: There is something else than parameters.
        """
        super().__init__(parameters)
        self.lr = check_setting("Adam", "lr", lr)
        if len(betas) != 2:
            raise ValueError(f"Adam: betas {betas} must be two numbers, one for each mean")
        self.betas = (
            check_setting("Adam", "betas[0]", betas[0], below=1.0),
            check_setting("Adam", "betas[1]", betas[1], below=1.0),
        )
        self.eps = check_setting("Adam", "eps", eps, positive=True)
        self.weight_decay = check_setting("Adam", "weight_decay", weight_decay)

    def rule(self, value: Number, grad: Number, memory: dict[str, Number], step: int) -> Number:
        """Return the new value of one parameter."""
        grad = decayed(grad, value, self.weight_decay)
        size, beta1, beta2, rest1, rest2, factor, eps, _ = self._settings(step)
        mean = beta1 * memory.get("mean", 0.0) + rest1 * grad
        square = beta2 * memory.get("square", 0.0) + rest2 * (grad * grad)
        memory["mean"], memory["square"] = mean, square
        root: Number = square**0.5
        return value - size * mean / (root * factor + eps)

    def _settings(self, step: int) -> tuple[float, ...]:
        """Return the numbers of the rule at a step."""
        beta1, beta2 = self.betas
        # Two numbers instead of two more tensors: the corrections are the same for all elements.
        size = self.lr / (1.0 - beta1**step)
        factor = 1.0 / math.sqrt(1.0 - beta2**step)
        return (size, beta1, beta2, 1.0 - beta1, 1.0 - beta2, factor, self.eps, self.weight_decay)

    def fused_rule(self, step: int) -> FusedRule | None:
        """Return the operation that computes the rule for many tensors; None for other rules."""
        if type(self).rule is not Adam.rule:
            return super().fused_rule(step)
        return FusedRule(operations.ADAM, self.slots, self._settings(step))
