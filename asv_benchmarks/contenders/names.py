"""What contenders are called on the command line and in tables."""

OURS = ("tuned", "fast")
"""Our backends in single precision, the default of training first."""

PEERS = ("numpy", "torch", "torch-compile", "jax", "tinygrad")
"""The others."""

NAMES = OURS + PEERS
