"""``hatch run gpu-check``: everything that only a GPU can tell, in one command and one report.

Results are compared with the processor's, the networks are trained to the processor's accuracy,
and the time of every kernel is held against the card's limits, PyTorch, and our own kernels on the
processor. With ``--simulate`` the comparison runs in numba's simulator, with tiny sizes: that shows
that the command works, and nothing about a GPU.
"""
