"""Names of contenders on the command line and in tables."""

OURS = ("tuned", "fast")
"""Our backends in single precision; the first is the default of training."""

AS_INSTALLED = "tuned-as-installed"
"""`tuned` in a process without the environment variables of `hatch run`, as after `pip install`."""

NAIVE = "naive"
"""The straightforward loops of `asv_benchmarks.naive`."""

PEERS = ("numpy", "torch", "torch-compile", "jax", "tinygrad")
"""The other frameworks."""

NAMES = (*OURS, AS_INSTALLED, NAIVE, *PEERS)
