"""`python -m grading COMMAND`: what `hatch run grade`, `status` and their like run."""

import sys

from grading.cli import main

if __name__ == "__main__":
    sys.exit(main())
