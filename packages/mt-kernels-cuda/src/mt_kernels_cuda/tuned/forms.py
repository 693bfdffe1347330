"""The table of fused forms: what the tuned backend computes in one piece."""

from mt_kernels_cuda.tuned.binary_losses import BinaryCrossEntropy, BinaryCrossEntropyWithLogits
from mt_kernels_cuda.tuned.convolution import Convolution
from mt_kernels_cuda.tuned.dropout import Dropout
from mt_kernels_cuda.tuned.embedding import Take
from mt_kernels_cuda.tuned.linear import Linear
from mt_kernels_cuda.tuned.losses import CrossEntropy, NllLoss
from mt_kernels_cuda.tuned.optimizer import Adam, Sgd, SgdWithoutMomentum
from mt_kernels_cuda.tuned.pooling import AvgPool2d, MaxPool2d
from mt_kernels_cuda.tuned.probabilities import LogSoftmax, Softmax
from mt_kernels_cuda.tuned.responses import StrongestResponse
from mt_tensor import FusedForm

FORMS: dict[str, type[FusedForm]] = {
    "adam": Adam,
    "avgpool2d": AvgPool2d,
    "binary_cross_entropy": BinaryCrossEntropy,
    "binary_cross_entropy_with_logits": BinaryCrossEntropyWithLogits,
    "convolve": Convolution,
    "cross_entropy": CrossEntropy,
    "dropout": Dropout,
    "linear": Linear,
    "logsoftmax": LogSoftmax,
    "maxpool2d": MaxPool2d,
    "nll_loss": NllLoss,
    "sgd": SgdWithoutMomentum,
    "sgd_with_momentum": Sgd,
    "softmax": Softmax,
    "strongest_response": StrongestResponse,
    "take": Take,
}
"""Each form by the name that its composed definition gives it."""
