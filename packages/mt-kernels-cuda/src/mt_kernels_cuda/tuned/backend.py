"""The tuned backend of NVIDIA GPUs: the kernel of each operation."""

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
    """Kernels for memory as training lays it out, float32 unless another dtype is asked for.

    It gives the same answers as `Cuda`, in any layout; for layouts of many dimensions it uses the
    same kernels. What the forms of `mt_kernels_cuda.tuned.forms` know, it computes in one piece, so
    that a training step takes few launches and copies nothing to the host.

    >>> TunedCuda()
    TunedCuda(float32)
    """

    name = "cuda-tuned"

    def fused(self, operation: FusedOperation) -> type[FusedForm[Any]] | None:
        """Return the fused form of a composed function, if there is one."""
        return FORMS.get(operation)

    def reduce(self, fn: Zip, a: TensorData, dim: int, start: float) -> TensorData:
        """Fold one dimension; see `mt_tensor.Backend.reduce`."""
        if a.size == 0 or not -a.dims <= dim < a.dims:
            return super().reduce(fn, a, dim, start)
        dim %= a.dims
        # Every number of the result is written, so it need not hold the start before.
        out = self.empty((*a.shape[:dim], 1, *a.shape[dim + 1 :]))
        self._reduce(fn, out, a, dim, start)
        return out

    def _map(self, fn: Map, out: TensorData, a: TensorData) -> None:
        self.check_place("map", out, a)
        launch = map_launch(self, fn, out, a) if out.size else None
        if launch is None:
            super()._map(fn, out, a)
        else:
            self.run(launch)

    def _zip(self, fn: Zip, out: TensorData, a: TensorData, b: TensorData) -> None:
        self.check_place("zip", out, a, b)
        launch = zip_launch(self, fn, out, a, b) if out.size else None
        if launch is None:
            super()._zip(fn, out, a, b)
        else:
            self.run(launch)

    def _reduce(self, fn: Zip, out: TensorData, a: TensorData, dim: int, start: float) -> None:
        self.check_place("reduce", a)
        if a.size > 0:
            a = self.contiguous(a)
            fold(self, fn, out.storage, a.storage, as_3d(a.shape, dim), start)

    def _matmul(self, out: TensorData, a: TensorData, b: TensorData) -> None:
        self.check_place("matmul", a, b)
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
        self.check_place("convolution", input, weight)
        if out.dims == 3:
            out, input, weight = as_images(out), as_images(input), as_images(weight)
        correlate(self, out, input, weight, reverse=reverse)
