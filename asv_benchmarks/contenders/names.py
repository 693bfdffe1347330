"""What contenders are called on the command line and in tables."""

OURS = ("tuned", "fast")
"""Our backends in single precision, the default of training first."""

AS_INSTALLED = "tuned-as-installed"
"""`tuned` in a process without the settings of our commands, as after `pip install`."""

NAIVE = "naive"
"""The loops as one writes them first (see `asv_benchmarks.naive`)."""

PEERS = ("numpy", "torch", "torch-compile", "jax", "tinygrad")
"""The others."""

NAMES = (*OURS, AS_INSTALLED, NAIVE, *PEERS)
