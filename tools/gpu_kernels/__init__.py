"""Resources and memory traffic of kernels, without a GPU: `python -m tools.gpu_kernels`.

The command compiles and assembles every kernel of `tools.gpu_kernels.catalog` for GPUs of three
generations. Registers and shared memory determine the occupancy. The simulator counts accesses to
global memory. The command writes a table to docs/guides/cuda.md.
"""
