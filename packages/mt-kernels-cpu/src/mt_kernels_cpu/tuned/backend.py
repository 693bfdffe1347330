"""The tuned backend, assembled from its operations and fused forms."""

from mt_kernels_cpu.compiling.jit import JIT_IS_DISABLED
from mt_kernels_cpu.tuned.convolution.launch import correlate
from mt_kernels_cpu.tuned.forms import FORMS
from mt_kernels_cpu.tuned.memory import Memory
from mt_kernels_cpu.tuned.operations.elementwise import Elementwise
from mt_kernels_cpu.tuned.operations.products import Products
from mt_kernels_cpu.tuned.operations.reductions import Reductions
from mt_kernels_cpu.tuned.replaying import segments as segments
from mt_tensor import FusedForm, FusedOperation, TensorData
from mt_tensor.tensor_data import as_images


class Tuned(Elementwise, Reductions, Products):
    """Backend with kernels for contiguous memory; float32 unless `dtype` says otherwise.

    >>> import numpy as np
    >>> from mt_tensor import operators
    >>> backend = Tuned()
    >>> a = backend.from_numpy(np.array([1.0, 2.0], np.float32))
    >>> backend.to_numpy(backend.map(operators.neg, a)).tolist()
    [-1.0, -2.0]
    """

    name = "tuned"
    is_recordable = not JIT_IS_DISABLED

    def fused(self, operation: FusedOperation) -> type[FusedForm[Memory]] | None:
        """Return the fused form of a composed function, None if there is none."""
        return FORMS.get(operation)

    def _convolve(
        self, out: TensorData, input: TensorData, weight: TensorData, reverse: bool
    ) -> None:
        operands = (out, input, weight)
        if out.dims == 3:
            operands = (as_images(out), as_images(input), as_images(weight))
        if out.dims > 4 or JIT_IS_DISABLED or not correlate(self, *operands, reverse):
            self._strided._convolve(out, input, weight, reverse)
