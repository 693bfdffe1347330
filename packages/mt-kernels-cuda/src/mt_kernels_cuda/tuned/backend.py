"""The tuned backend for NVIDIA GPUs, which selects the kernel of each operation."""

from typing import Any

from mt_kernels_cuda.tuned.convolution.form import correlate
from mt_kernels_cuda.tuned.device import Device
from mt_kernels_cuda.tuned.forms import FORMS
from mt_kernels_cuda.tuned.gemm.products import multiply
from mt_kernels_cuda.tuned.operations.elementwise import map_launch, zip_launch
from mt_kernels_cuda.tuned.operations.reductions import as_3d, fold
from mt_tensor import FusedForm, FusedOperation, Map, TensorData, Zip, operators
from mt_tensor.tensor_data import as_images


class TunedCuda(Device):
    """Tuned kernels for the memory layouts of training, float32 by default.

    Results equal those of `Cuda` up to rounding, in any layout. For layouts that do not merge into
    few dimensions, it launches the kernels of `Cuda`. The fused forms of
    `mt_kernels_cuda.tuned.forms` keep the number of launches in a training step small; a training
    step copies nothing to the host.

    >>> TunedCuda()
    TunedCuda(float32)
    """

    name = "cuda-tuned"

    def fused(self, operation: FusedOperation) -> type[FusedForm[Any]] | None:
        """Return the fused form of an operation; None if there is none."""
        return FORMS.get(operation)

    def reduce(self, fn: Zip, a: TensorData, dim: int, start: float) -> TensorData:
        """Reduce one dimension; see `mt_tensor.Backend.reduce`."""
        if a.size == 0 or not -a.dims <= dim < a.dims:
            return super().reduce(fn, a, dim, start)
        dim %= a.dims
        # The kernels write every element, so that the result need not hold the start value.
        out = self.empty((*a.shape[:dim], 1, *a.shape[dim + 1 :]))
        self._reduce(fn, out, a, dim, start)
        return out

    def _map(self, fn: Map, out: TensorData, a: TensorData) -> None:
        self.check_on_device("map", out, a)
        launch = map_launch(self, fn, out, a) if out.size else None
        if launch is None:
            super()._map(fn, out, a)
        else:
            self.run(launch)

    def _zip(self, fn: Zip, out: TensorData, a: TensorData, b: TensorData) -> None:
        self.check_on_device("zip", out, a, b)
        launch = zip_launch(self, fn, out, a, b) if out.size else None
        if launch is None:
            super()._zip(fn, out, a, b)
        else:
            self.run(launch)

    def _reduce(self, fn: Zip, out: TensorData, a: TensorData, dim: int, start: float) -> None:
        self.check_on_device("reduce", a)
        if a.size > 0:
            a = self.contiguous(a)
            fold(self, fn, out.storage, a.storage, as_3d(a.shape, dim), start)

    def _matmul(self, out: TensorData, a: TensorData, b: TensorData) -> None:
        self.check_on_device("matmul", a, b)
        if out.size == 0:
            return
        if a.shape[-1] == 0:
            self.map(operators.id, self.full((1,) * out.dims, 0.0), out)
        elif not multiply(self, out, a, b):
            super()._matmul(out, a, b)

    def _convolve(
        self, out: TensorData, input: TensorData, weight: TensorData, reverse: bool
    ) -> None:
        if out.dims > 4:
            super()._convolve(out, input, weight, reverse)
            return
        self.check_on_device("convolution", input, weight)
        if out.dims == 3:
            out, input, weight = as_images(out), as_images(input), as_images(weight)
        correlate(self, out, input, weight, reverse=reverse)
