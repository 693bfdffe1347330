"""The table of fused forms: what the tuned backend computes in one piece."""

from mt_kernels_cpu.tuned.convolution_form import Convolution
from mt_kernels_cpu.tuned.dropout import Dropout
from mt_kernels_cpu.tuned.embedding import Take
from mt_kernels_cpu.tuned.linear import Linear
from mt_kernels_cpu.tuned.losses import (
    BinaryCrossEntropy,
    BinaryCrossEntropyWithLogits,
    CrossEntropy,
    NllLoss,
)
from mt_kernels_cpu.tuned.optimizer import Adam, Sgd, SgdWithoutMomentum
from mt_kernels_cpu.tuned.pooling import AvgPool2d, MaxPool2d
from mt_kernels_cpu.tuned.probabilities import LogSoftmax, Softmax
from mt_kernels_cpu.tuned.responses_form import StrongestResponse
from mt_tensor import FusedForm

FORMS: dict[str, type[FusedForm]] = {
    "avgpool2d": AvgPool2d,
    "adam": Adam,
    "binary_cross_entropy": BinaryCrossEntropy,
    "binary_cross_entropy_with_logits": BinaryCrossEntropyWithLogits,
    "convolve": Convolution,
    "strongest_response": StrongestResponse,
    "cross_entropy": CrossEntropy,
    "dropout": Dropout,
    "linear": Linear,
    "logsoftmax": LogSoftmax,
    "maxpool2d": MaxPool2d,
    "nll_loss": NllLoss,
    "sgd": SgdWithoutMomentum,
    "sgd_with_momentum": Sgd,
    "softmax": Softmax,
    "take": Take,
}
"""Each form by the name that its composed definition gives it."""
