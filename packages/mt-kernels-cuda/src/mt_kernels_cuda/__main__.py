"""Diagnosis of this machine: ``python -m mt_kernels_cuda``; it exits with 0 if kernels can run."""

import sys

from mt_kernels_cuda.gpu import diagnosis, is_usable

if __name__ == "__main__":
    print(diagnosis())
    sys.exit(0 if is_usable() else 1)
