"""Measures what kernels need of a GPU, without one: `python -m tools.gpu_kernels`.

Every kernel of `tools.gpu_kernels.catalog` is compiled and assembled for GPUs of three generations;
its registers and shared memory say how many threads fit onto a multiprocessor at once. In the
simulator its accesses to global memory are counted. The table is in docs/guides/cuda.md.
"""
