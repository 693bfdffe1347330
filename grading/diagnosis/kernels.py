"""Mistakes in what a kernel writes to its output, in all modules with kernels."""

import numpy as np

from grading.checking.finding import Finding
from grading.diagnosis.memory import in_memory_order
from grading.diagnosis.mistakes import Mistake
from grading.protocol.messages import Array

LOOPS = ("2.3", "3.1", "3.3")
"""Tasks with map, zip and reduce."""


def writes_in_order(finding: Finding) -> bool | None:
    """Return whether a kernel wrote the right results to an output as if it were contiguous."""
    request, response = finding.request, finding.response
    if request.operation != "kernel.run" or response is None or not response.arrays:
        return None
    out = request.arrays[0]
    if (
        out.flags.c_contiguous
        or finding.expected is None
        or np.shape(finding.expected) != out.shape
    ):
        return None
    written = np.asarray(finding.expected).reshape(-1)
    received = in_memory_order(_like(response.arrays[0], out))
    return bool(np.allclose(received, written, rtol=1e-6, atol=1e-8))


def _like(array: Array, layout: Array) -> Array:
    """Return an array in the memory layout of another one."""
    copy = np.empty_like(layout, dtype=array.dtype)
    copy[...] = array
    return copy


def writes_part(finding: Finding) -> bool | None:
    """Return whether a kernel wrote as many elements of the output as the operand has."""
    request, response = finding.request, finding.response
    if request.operation != "kernel.run" or response is None or finding.expected is None:
        return None
    out, *operands = request.arrays
    if len(operands) != 1 or request.options["kernel"] != "tensor_map":
        return None
    written = response.arrays[0].reshape(-1) != out.reshape(-1)
    size = operands[0].size
    right = np.asarray(finding.expected).reshape(-1)
    if size >= out.size or right.size != out.size:
        return None
    done = np.allclose(response.arrays[0].reshape(-1)[:size], right[:size])
    return bool(done and not written[size:].any())


def writes_out_of_bounds(finding: Finding) -> bool | None:
    """Return whether a kernel wrote to elements around its output."""
    if finding.request.operation != "kernel.run" or finding.response is None:
        return None
    return "outside its output" in finding.sentence or None


MISTAKES = [
    Mistake(
        (*LOOPS, "3.2", "4.1", "4.2"),
        "The strides of the output are ignored: you write the results in row-major order.",
        writes_in_order,
    ),
    Mistake(
        LOOPS,
        "The loop covers the elements of the operand. Cover those of the output.",
        writes_part,
    ),
    Mistake(
        (*LOOPS, "3.2", "4.1", "4.2"),
        "The kernel writes outside its output. Check the bounds of the loop "
        "and the indices of the output.",
        writes_out_of_bounds,
    ),
]
