"""The table of operations that the tuned backend computes with fused kernels."""

from mt_kernels_cuda.tuned.convolution.form import Convolution
from mt_kernels_cuda.tuned.convolution.max_over_time import MaxOverTime
from mt_kernels_cuda.tuned.device import Device
from mt_kernels_cuda.tuned.layers.binary_losses import (
    BinaryCrossEntropy,
    BinaryCrossEntropyWithLogits,
)
from mt_kernels_cuda.tuned.layers.dropout import Dropout
from mt_kernels_cuda.tuned.layers.embedding import Take
from mt_kernels_cuda.tuned.layers.linear import Linear
from mt_kernels_cuda.tuned.layers.losses import CrossEntropy, NllLoss
from mt_kernels_cuda.tuned.layers.optimizer import Adam, Sgd, SgdMomentum
from mt_kernels_cuda.tuned.layers.pooling import AvgPool2d, MaxPool2d
from mt_kernels_cuda.tuned.layers.probabilities import LogSoftmax, Softmax
from mt_tensor import FusedForm, FusedOperation
from mt_tensor.fused import operations

FORMS: dict[FusedOperation, type[FusedForm[Device]]] = {
    operations.ADAM: Adam,
    operations.AVGPOOL2D: AvgPool2d,
    operations.BINARY_CROSS_ENTROPY: BinaryCrossEntropy,
    operations.BINARY_CROSS_ENTROPY_WITH_LOGITS: BinaryCrossEntropyWithLogits,
    operations.CONVOLUTION: Convolution,
    operations.CROSS_ENTROPY: CrossEntropy,
    operations.DROPOUT: Dropout,
    operations.LINEAR: Linear,
    operations.LOGSOFTMAX: LogSoftmax,
    operations.MAXPOOL2D: MaxPool2d,
    operations.NLL_LOSS: NllLoss,
    operations.SGD: Sgd,
    operations.SGD_MOMENTUM: SgdMomentum,
    operations.SOFTMAX: Softmax,
    operations.MAX_OVER_TIME: MaxOverTime,
    operations.TAKE: Take,
}
"""The fused form of each operation that has one."""
