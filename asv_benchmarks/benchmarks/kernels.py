"""Single operations of the backends, beside NumPy, PyTorch and JAX; and the naive loops."""

from asv_benchmarks.benchmarks.settings import Timed, keyed
from asv_benchmarks.peers.rows import kernel_rows, naive_rows

KERNELS = keyed(kernel_rows())
LOOPS = keyed(naive_rows())


class Kernels(Timed):
    """The kernels of the table that `hatch run peers` prints."""

    params = (list(KERNELS), ["tuned", "fast", "numpy", "torch", "jax"])
    param_names = ("kernel", "contender")

    def setup(self, kernel: str, contender: str) -> None:
        """Prepare the call."""
        self.prepare(contender, KERNELS[kernel])

    def time_kernel(self, kernel: str, contender: str) -> None:
        """Time one call."""
        self.call()


class CourseLoops(Timed):
    """The course's kernels beside the same loops with an index buffer for every element."""

    params = (list(LOOPS), ["fast", "naive"])
    param_names = ("loop", "contender")

    def setup(self, loop: str, contender: str) -> None:
        """Prepare the call."""
        self.prepare(contender, LOOPS[loop])

    def time_loop(self, loop: str, contender: str) -> None:
        """Time one call."""
        self.call()
