"""What contenders are called on the command line and in tables."""

OURS = ("tuned", "fast")
"""Our backends in single precision, the default of training first."""

NAIVE = "naive"
"""The loops as one writes them first (see `asv_benchmarks.naive`)."""

PEERS = ("numpy", "torch", "torch-compile", "jax", "tinygrad")
"""The others."""

NAMES = (*OURS, NAIVE, *PEERS)
