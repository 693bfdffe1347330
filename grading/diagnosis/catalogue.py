"""The list of all known mistakes."""

from grading.diagnosis import (
    convolution,
    derivatives,
    gradients,
    kernels,
    layout,
    loops,
    maxima,
    modules,
    operators,
    points,
    pooling,
    products,
    races,
    reductions,
    scalars,
    threads,
    transformer,
)

MISTAKES = [
    *operators.MISTAKES,
    *modules.MISTAKES,
    *points.MISTAKES,
    *derivatives.MISTAKES,
    *scalars.MISTAKES,
    *layout.MISTAKES,
    *loops.MISTAKES,
    *reductions.MISTAKES,
    *kernels.MISTAKES,
    *gradients.MISTAKES,
    *products.MISTAKES,
    *convolution.MISTAKES,
    *pooling.MISTAKES,
    *maxima.MISTAKES,
    *races.MISTAKES,
    *threads.MISTAKES,
    *transformer.MISTAKES,
]
"""All known mistakes; each file lists special mistakes before general ones."""
