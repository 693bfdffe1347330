"""The command ``python -m tools.gpu_kernels``, which updates the table of docs/guides/cuda.md."""

from tools.gpu_kernels.page import write

if __name__ == "__main__":
    write()
