"""Names of contenders on the command line and in tables.

A rival with settings is one word: ``torch+channels-last+fused`` (see `settings`).
"""

OURS = ("tuned", "fast")
"""Our backends in single precision; the first is the default of training."""

AS_INSTALLED = "tuned-as-installed"
"""`tuned` in a process without the environment variables of `hatch run`, as after `pip install`."""

ONE_THREAD = "tuned-one-thread"
"""`tuned` on one thread, beside which rows on several threads compare it."""

NAIVE = "naive"
"""The straightforward loops of `asv_benchmarks.naive`."""

PEERS = ("numpy", "torch", "torch-compile", "jax", "tinygrad")
"""The other frameworks."""

BEST = "best"
"""The fastest of the other frameworks, each in its fastest setting; no contender of its own."""

NAMES = (*OURS, AS_INSTALLED, ONE_THREAD, NAIVE, *PEERS)

TITLES = {
    BEST: "best of all",
    "numpy": "NumPy",
    "torch": "PyTorch",
    "torch-compile": "torch.compile",
    "jax": "JAX",
    "tinygrad": "tinygrad",
    "fast": "`fast`",
    "naive": "naive loops",
    "linear": "in proportion",
    AS_INSTALLED: "ours, as pip installs it",
    ONE_THREAD: "ours, one thread",
}
"""Names of contenders in the documents."""
