"""Table of the fused forms of the tuned backend."""

from mt_kernels_cpu.compiling.jit import JIT_IS_DISABLED
from mt_kernels_cpu.tuned.attention.form import Attention, SelfAttention
from mt_kernels_cpu.tuned.convolution.form import Convolution
from mt_kernels_cpu.tuned.convolution.max_over_time import MaxOverTime
from mt_kernels_cpu.tuned.decoder.form import Decoder
from mt_kernels_cpu.tuned.layers.clipping import ClipGradNorm
from mt_kernels_cpu.tuned.layers.dropout import Dropout
from mt_kernels_cpu.tuned.layers.embedding import Take
from mt_kernels_cpu.tuned.layers.linear import Linear
from mt_kernels_cpu.tuned.layers.losses import (
    BinaryCrossEntropy,
    BinaryCrossEntropyWithLogits,
    CrossEntropy,
    NllLoss,
)
from mt_kernels_cpu.tuned.layers.normalization import LayerNorm, RmsNorm
from mt_kernels_cpu.tuned.layers.optimizer import Adam, Sgd, SgdMomentum
from mt_kernels_cpu.tuned.layers.pooling import AvgPool2d, MaxPool2d
from mt_kernels_cpu.tuned.layers.probabilities import LogSoftmax, Softmax
from mt_kernels_cpu.tuned.memory import Memory
from mt_tensor import FusedForm, FusedOperation
from mt_tensor.fused import operations

FORMS: dict[FusedOperation, type[FusedForm[Memory]]] = {
    operations.ADAM: Adam,
    operations.ATTENTION: Attention,
    operations.AVGPOOL2D: AvgPool2d,
    operations.BINARY_CROSS_ENTROPY: BinaryCrossEntropy,
    operations.BINARY_CROSS_ENTROPY_WITH_LOGITS: BinaryCrossEntropyWithLogits,
    operations.CLIP_GRAD_NORM: ClipGradNorm,
    operations.CONVOLUTION: Convolution,
    operations.CROSS_ENTROPY: CrossEntropy,
    operations.DECODER: Decoder,
    operations.DROPOUT: Dropout,
    operations.TAKE: Take,
    operations.LAYER_NORM: LayerNorm,
    operations.LINEAR: Linear,
    operations.LOGSOFTMAX: LogSoftmax,
    operations.MAXPOOL2D: MaxPool2d,
    operations.MAX_OVER_TIME: MaxOverTime,
    operations.NLL_LOSS: NllLoss,
    operations.RMS_NORM: RmsNorm,
    operations.SELF_ATTENTION: SelfAttention,
    operations.SGD: Sgd,
    operations.SGD_MOMENTUM: SgdMomentum,
    operations.SOFTMAX: Softmax,
}
"""Fused form of each operation that has one."""

if JIT_IS_DISABLED:
    # Vector instructions and addresses do not run as Python.
    for operation in (
        operations.ATTENTION,
        operations.CONVOLUTION,
        operations.DECODER,
        operations.MAXPOOL2D,
        operations.MAX_OVER_TIME,
        operations.SELF_ATTENTION,
    ):
        del FORMS[operation]
