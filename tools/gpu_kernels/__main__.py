"""``python -m tools.gpu_kernels`` writes the table of docs/guides/cuda.md anew."""

from tools.gpu_kernels.page import write

if __name__ == "__main__":
    write()
