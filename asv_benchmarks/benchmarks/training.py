"""Time and memory of training steps: forward pass, backward pass, optimiser step."""

from asv_benchmarks.benchmarks.settings import Timed, call_of, keyed
from asv_benchmarks.peers.rows import chain_row, text_rows, training_rows

STEPS = keyed((*training_rows(), *text_rows()))
CONTENDERS = ["tuned", "fast", "torch", "jax"]


class Steps(Timed):
    """One step of each network in the table of `hatch run peers`, and generation of a text."""

    params = (list(STEPS), CONTENDERS)
    param_names = ("step", "contender")

    def setup(self, step: str, contender: str) -> None:
        """Build the network and train one step, so that the kernels are compiled."""
        self.prepare(contender, STEPS[step])

    def time_step(self, step: str, contender: str) -> None:
        """Time one step."""
        self.call()


class Memory:
    """Peak memory of a process that trains."""

    params = (list(STEPS), CONTENDERS)
    param_names = ("step", "contender")
    timeout = 300.0

    def setup(self, step: str, contender: str) -> None:
        """Build the network."""
        self.call = call_of(contender, STEPS[step])

    def peakmem_steps(self, step: str, contender: str) -> None:
        """Train three steps."""
        for _ in range(3):
            self.call()


class Engine(Timed):
    """Overhead of recording the graph and of backpropagation: many operations on few numbers."""

    params = (["tuned", "fast", "torch"],)
    param_names = ("contender",)

    def setup(self, contender: str) -> None:
        """Prepare the chain of multiplications."""
        self.prepare(contender, chain_row().workload)

    def time_chain(self, contender: str) -> None:
        """Time 50 multiplications, forward and backward."""
        self.call()
