"""Classification of digits and other symbols: MNIST or own images, and the LeNets."""

from typing import Literal

import numpy as np
import numpy.typing as npt

from mt_autodiff import Tensor, tensor
from mt_models.datasets import Mnist
from mt_models.networks import CourseLeNet, LeNet5
from mt_models.problems.problem import Examples, Problem, first_examples
from mt_nn import nll_loss
from mt_tensor import Backend

DigitNetwork = Literal["course", "lenet5"]
NETWORKS: dict[DigitNetwork, type[CourseLeNet | LeNet5]] = {
    "course": CourseLeNet,
    "lenet5": LeNet5,
}


class Digits(Problem):
    """MNIST or other images. As in the course, the test images are the validation set."""

    name = "mnist"
    classes = tuple("0123456789")
    network: CourseLeNet | LeNet5

    def __init__(
        self,
        mnist: Mnist,
        backend: Backend,
        *,
        network: DigitNetwork = "course",
        seed: int = 0,
        train_size: int | None = None,
        validation_size: int | None = None,
    ) -> None:
        """Choose the examples and build the network.

        Args:
            mnist: The images and their classes.
            backend: The backend of the parameters.
            network: The name of the network.
            seed: The seed of the weights and of dropout.
            train_size: The number of training images, from the first; by default all.
            validation_size: The number of test images, from the first; by default all.

        Raises:
            ValueError: There are fewer images than a size.
        """
        self.rng = np.random.default_rng(seed)
        self.backend = backend
        self.classes = mnist.classes
        self.network = NETWORKS[network](self.rng, backend, classes=len(self.classes))
        train = Examples(mnist.train_images, mnist.train_labels)
        test = Examples(mnist.test_images, mnist.test_labels)
        self.train = first_examples(train, train_size, "train")
        self.validation = first_examples(test, validation_size, "validation")
        self.test = None
        if self.classes != Digits.classes:
            self.notes = (f"classes: {', '.join(self.classes)}",)

    def inputs(self, batch: Examples) -> Tensor:
        """Return the images as a tensor, (N, 1, H, W)."""
        return image_batch(batch.inputs, self.backend)

    def compute(self, inputs: Tensor, labels: npt.NDArray[np.integer]) -> tuple[Tensor, Tensor]:
        """Return the loss, and the log-probability of each class."""
        log_probabilities = self.network(inputs)
        return nll_loss(log_probabilities, labels), log_probabilities

    def probabilities_of(self, output: Tensor) -> npt.NDArray[np.floating]:
        """Return the probability of each class, (N, classes)."""
        values: npt.NDArray[np.floating] = np.exp(output.to_numpy())
        return values


def image_batch(images: npt.NDArray[np.uint8], backend: Backend) -> Tensor:
    """Return grey values from 0 to 1 with a channel dimension.

    Shape:
        (N, H, W) → (N, 1, H, W).
    """
    return tensor(images[:, None] / backend.dtype.type(255), backend)
