"""Single operations: our backends, NumPy, PyTorch and JAX, and the naive loops."""

from asv_benchmarks.benchmarks.settings import Timed, keyed
from asv_benchmarks.peers.rows import kernel_rows, naive_rows

KERNELS = keyed(kernel_rows())
LOOPS = keyed(naive_rows())


class Kernels(Timed):
    """The kernels in the table of `hatch run peers`."""

    params = (list(KERNELS), ["tuned", "fast", "numpy", "torch", "jax"])
    param_names = ("kernel", "contender")

    def setup(self, kernel: str, contender: str) -> None:
        """Prepare one call of the operation."""
        self.prepare(contender, KERNELS[kernel])

    def time_kernel(self, kernel: str, contender: str) -> None:
        """Time one call."""
        self.call()


class CourseLoops(Timed):
    """The course's kernels, and the same loops with an index buffer for every element."""

    params = (list(LOOPS), ["fast", "naive"])
    param_names = ("loop", "contender")

    def setup(self, loop: str, contender: str) -> None:
        """Prepare one call of the operation."""
        self.prepare(contender, LOOPS[loop])

    def time_loop(self, loop: str, contender: str) -> None:
        """Time one call."""
        self.call()
