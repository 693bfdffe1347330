"""Strong and weak scaling of data-parallel training, computed from measured steps.

``python -m asv_benchmarks.scaling --measure`` measures training steps on one thread, and the
latency and bandwidth between two processes if mpi4py and an MPI launcher are installed. Without the
option, the command computes tables and a picture from the last measurement.
"""
