"""The optimisers Adam and AdamW."""

import math

from mt_autodiff.names import renamed
from mt_nn._gradients import Number
from mt_nn.optim.base import FusedRule, Optimizer, Parameters, check_setting, decayed
from mt_tensor.fused import operations


class Adam(Optimizer):
    r"""Adam: steps scaled by running means of the gradient and of its square.

    Algorithm 1 of Kingma & Ba 2015, "Adam: A Method for Stochastic Optimization". With the gradient
    $g$, to which weight decay adds $\text{weight\_decay} \cdot \theta$, at step $t$ from 1:

    - $m \leftarrow \beta_1 m + (1 - \beta_1)\, g$ and
      $v \leftarrow \beta_2 v + (1 - \beta_2)\, g^2$, both 0 at first;
    - $\hat m = m / (1 - \beta_1^t)$ and $\hat v = v / (1 - \beta_2^t)$ correct the bias to 0;
    - $\theta \leftarrow \theta - \text{lr}\, \hat m / (\sqrt{\hat v} + \epsilon)$.

    Attributes:
        lr: The learning rate; assign it at any time, as a schedule does.
        betas: The decay rates of the two running means.
        eps: The term that keeps the quotient finite where gradients are zero.
        weight_decay: The coefficient of the L2 penalty, whose gradient is scaled like any other
            (not the decoupled decay of `AdamW`).

    >>> from mt_autodiff import tensor
    >>> from mt_nn import Parameter
    >>> w = Parameter(tensor([3.0, -200.0]))
    >>> optimizer = Adam([w], lr=0.1)
    >>> (w.value * w.value).sum().backward()
    >>> optimizer.step()  # The first step equals the learning rate for every gradient.
    >>> w.value
    tensor([   2.9, -199.9], requires_grad=True)
    """

    hyperparameters = ("lr", "betas", "eps", "weight_decay")
    slots = ("mean", "square")

    @renamed(params="parameters", amsgrad=None, maximize=None, foreach=None, fused=None)
    def __init__(
        self,
        parameters: Parameters,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        """Make an optimiser of parameters.

        Args:
            parameters: The parameters to train, or parameter groups.
            lr: The learning rate, 0 or more.
            betas: The two decay rates, each 0 or more and less than 1.
            eps: Above 0.
            weight_decay: 0 or more.

        Raises:
            ValueError: There are no parameters, or a setting is out of range.
            TypeError: An item is not a `Parameter`.
        """
        super().__init__(parameters)
        self.lr, self.betas, self.eps, self.weight_decay = lr, betas, eps, weight_decay
        self.check_groups()

    def check_settings(self) -> None:
        """Raise ValueError if a setting is out of range."""
        name = type(self).__name__
        self.lr = check_setting(name, "lr", self.lr)
        if len(self.betas) != 2:
            raise ValueError(f"{name}: betas {self.betas} must be two numbers, one for each mean")
        self.betas = (
            check_setting(name, "betas[0]", self.betas[0], below=1.0),
            check_setting(name, "betas[1]", self.betas[1], below=1.0),
        )
        self.eps = check_setting(name, "eps", self.eps, positive=True)
        self.weight_decay = check_setting(name, "weight_decay", self.weight_decay)

    def rule(self, value: Number, grad: Number, memory: dict[str, Number], step: int) -> Number:
        """Return the new value of one parameter."""
        grad = decayed(grad, value, self._penalty())
        settings = self._settings(step)
        step_size, beta1, beta2, one_minus_beta1, one_minus_beta2, root_factor, eps, *_ = settings
        mean = beta1 * memory.get("mean", 0.0) + one_minus_beta1 * grad
        square = beta2 * memory.get("square", 0.0) + one_minus_beta2 * (grad * grad)
        memory["mean"], memory["square"] = mean, square
        root: Number = square**0.5
        return value - step_size * mean / (root * root_factor + eps)

    def _penalty(self) -> float:
        """Return the coefficient of the penalty whose gradient the rule adds."""
        return self.weight_decay

    def _shrink(self) -> float:
        """Return the factor by which the fused step multiplies the value first."""
        return 1.0

    def _settings(self, step: int) -> tuple[float, ...]:
        """Return the settings of the fused step, see `mt_tensor.fused.operations.ADAM`."""
        beta1, beta2 = self.betas
        # The bias corrections are the same for all elements: two factors replace two tensors.
        step_size = self.lr / (1.0 - beta1**step)
        root_factor = 1.0 / math.sqrt(1.0 - beta2**step)
        coefficients = (beta1, beta2, 1.0 - beta1, 1.0 - beta2)
        decay = self._penalty(), self._shrink()
        return (step_size, *coefficients, root_factor, self.eps, *decay)

    def fused_rule(self, step: int) -> FusedRule | None:
        """Return the operation that computes the rule for many tensors; None for other rules."""
        if type(self).rule is not Adam.rule:
            return super().fused_rule(step)
        return FusedRule(operations.ADAM, self.slots, self._settings(step))


class AdamW(Adam):
    r"""Adam with decoupled weight decay.

    First $\theta \leftarrow (1 - \text{lr} \cdot \text{weight\_decay})\, \theta$, then the step of
    `Adam` without a penalty. This is algorithm 2 of Loshchilov & Hutter 2019, "Decoupled Weight
    Decay Regularization", in the form of PyTorch: the decay is proportional to the learning rate.

    Attributes:
        weight_decay: The coefficient of the decay. Further attributes are those of `Adam`.

    >>> from mt_autodiff import tensor
    >>> from mt_nn import Parameter
    >>> w = Parameter(tensor([3.0]))
    >>> optimizer = AdamW([w], lr=0.1, weight_decay=0.5)
    >>> (w.value * w.value).sum().backward()
    >>> optimizer.step()  # 3 · (1 - 0.1 · 0.5) - 0.1
    >>> w.value
    tensor([2.75], requires_grad=True)
    """

    @renamed(params="parameters", amsgrad=None, maximize=None, foreach=None, fused=None)
    def __init__(
        self,
        parameters: Parameters,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.01,
    ) -> None:
        """Make an optimiser of parameters; see `Adam` for the arguments."""
        super().__init__(parameters, lr, betas, eps, weight_decay)

    def rule(self, value: Number, grad: Number, memory: dict[str, Number], step: int) -> Number:
        """Return the new value of one parameter."""
        return super().rule(value * self._shrink(), grad, memory, step)

    def _penalty(self) -> float:
        return 0.0

    def _shrink(self) -> float:
        return 1.0 - self.lr * self.weight_decay

    def fused_rule(self, step: int) -> FusedRule | None:
        """Return the operation of Adam; None for other rules."""
        if type(self).rule is not AdamW.rule:
            return Optimizer.fused_rule(self, step)
        return FusedRule(operations.ADAM, self.slots, self._settings(step))
