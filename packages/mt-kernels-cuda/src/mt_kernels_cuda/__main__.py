"""``python -m mt_kernels_cuda``: can kernels run here? The exit code is 0 if they can."""

import sys

from mt_kernels_cuda.gpu import diagnosis, is_usable

if __name__ == "__main__":
    print(diagnosis())
    sys.exit(0 if is_usable() else 1)
