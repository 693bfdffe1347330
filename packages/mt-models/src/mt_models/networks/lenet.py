"""Two convolutional networks that classify digits."""

import numpy as np

from mt_autodiff import Tensor
from mt_nn import AvgPool2d, Conv2d, Dropout, Linear, MaxPool2d, Module, logsoftmax
from mt_tensor import REFERENCE, Backend


class CourseLeNet(Module):
    """The course's digit classifier: two small convolutions, one pooling, two linear layers.

    Attributes:
        mid: The output of the first convolution for the last batch, (N, 4, 28, 28).
        out: The output of the second convolution, (N, 8, 28, 28).
    """

    def __init__(
        self, rng: np.random.Generator, backend: Backend = REFERENCE, *, classes: int = 10
    ) -> None:
        """Build the network with random weights.

        Args:
            rng: The generator of the weights and of dropout.
            backend: The backend of the parameters.
            classes: The number of classes.
        """
        super().__init__()
        self.conv1 = Conv2d(
            1, 4, 3, padding="trailing", activation="relu", rng=rng, backend=backend
        )
        self.conv2 = Conv2d(
            4, 8, 3, padding="trailing", activation="relu", rng=rng, backend=backend
        )
        self.pool = AvgPool2d(4)
        self.hidden = Linear(392, 64, activation="relu", rng=rng, backend=backend)
        self.dropout = Dropout(0.25, rng=rng)
        self.output = Linear(64, classes, rng=rng, backend=backend)
        self.mid: Tensor | None = None
        self.out: Tensor | None = None

    def forward(self, images: Tensor) -> Tensor:
        """Return the log-probability of each class.

        Shape:
            (N, 1, 28, 28) → (N, classes).
        """
        mid = self.conv1(images)  # (N, 4, 28, 28)
        out = self.conv2(mid)  # (N, 8, 28, 28)
        # Detached: for display only, so that they do not keep the graph in memory.
        self.mid, self.out = mid.detach(), out.detach()
        x = self.pool(out).view(-1, 392)
        x = self.dropout(self.hidden(x))
        return logsoftmax(self.output(x), dim=1)


class LeNet5(Module):
    """LeNet-5 with ReLU and max pooling in place of the activations and pooling of 1998.

    Y. LeCun, L. Bottou, Y. Bengio, P. Haffner: Gradient-based learning applied to document
    recognition, Proceedings of the IEEE 86 (1998), section II.B.

    Attributes:
        mid: The output of the first convolution for the last batch, (N, 6, 28, 28).
        out: The output of the second convolution, (N, 16, 10, 10).
    """

    def __init__(
        self, rng: np.random.Generator, backend: Backend = REFERENCE, *, classes: int = 10
    ) -> None:
        """Build the network with random weights.

        Args:
            rng: The generator of the weights.
            backend: The backend of the parameters.
            classes: The number of classes.
        """
        super().__init__()
        self.conv1 = Conv2d(1, 6, 5, padding=2, activation="relu", rng=rng, backend=backend)
        self.conv2 = Conv2d(6, 16, 5, activation="relu", rng=rng, backend=backend)
        self.pool = MaxPool2d(2)
        self.hidden1 = Linear(400, 120, activation="relu", rng=rng, backend=backend)
        self.hidden2 = Linear(120, 84, activation="relu", rng=rng, backend=backend)
        self.output = Linear(84, classes, rng=rng, backend=backend)
        self.mid: Tensor | None = None
        self.out: Tensor | None = None

    def forward(self, images: Tensor) -> Tensor:
        """Return the log-probability of each class.

        Shape:
            (N, 1, 28, 28) → (N, classes).
        """
        mid = self.conv1(images)  # (N, 6, 28, 28)
        out = self.conv2(self.pool(mid))  # (N, 16, 10, 10)
        self.mid, self.out = mid.detach(), out.detach()
        x = self.pool(out).view(-1, 400)
        x = self.hidden2(self.hidden1(x))
        return logsoftmax(self.output(x), dim=1)
