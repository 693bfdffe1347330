"""``python -m mt_kernels_cpu``: diagnosis of the kernels, and the time of their first calls."""

import argparse

from mt_kernels_cpu.diagnostics import parallel_check, print_first_calls

parser = argparse.ArgumentParser(prog="python -m mt_kernels_cpu", description=__doc__)
parser.add_argument("--level", type=int, choices=(1, 2, 3, 4), default=1, help="amount of detail")
parser.add_argument(
    "--first-call",
    action="store_true",
    help="measure the first call of each kernel, without and with kernels on disk",
)
arguments = parser.parse_args()
if arguments.first_call:
    print_first_calls()
else:
    parallel_check(arguments.level)
