"""The tuned backend, assembled from its operations and fused forms."""

from collections.abc import Callable, Sequence
from functools import partial

from mt_kernels_cpu.compiling.jit import JIT_IS_DISABLED
from mt_kernels_cpu.tuned.convolution.launch import correlate
from mt_kernels_cpu.tuned.forms import FORMS
from mt_kernels_cpu.tuned.memory import Memory
from mt_kernels_cpu.tuned.operations.elementwise import Elementwise
from mt_kernels_cpu.tuned.operations.products import Products
from mt_kernels_cpu.tuned.operations.reductions import Reductions
from mt_kernels_cpu.tuned.operations.small_products import LARGEST
from mt_kernels_cpu.tuned.replaying import segments as segments
from mt_kernels_cpu.tuned.simd.vector import WIDTH
from mt_kernels_cpu.tuned.threads import Part, partition, run_side_by_side, undivided
from mt_tensor import FusedForm, FusedOperation, TensorData, recording
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
    unrecordable = "whose kernels run as plain Python; unset NUMBA_DISABLE_JIT"

    def parts(self, count: int, steps: int, largest: int) -> list[Part]:
        """Return the parts of a batch for `run_parts`, see `mt_tensor.Backend.parts`."""
        # BLAS, which multiplies larger matrices, has threads of its own.
        if WIDTH < 64 or largest > LARGEST:
            return [(0, count)]
        return partition(count, steps)

    def run_parts(self, works: Sequence[Callable[[], object]]) -> None:
        """Call a function for each part of a batch; in a captured step, each on its own thread.

        Other steps call them in turn: most of their time is that of Python, which runs one thread
        at a time, and their kernels divide their work themselves.
        """
        recorder = recording.recorder()
        if recorder is None:
            super().run_parts(works)
        else:
            recorder.side_by_side(run_side_by_side, [partial(undivided, each) for each in works])

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
