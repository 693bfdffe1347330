"""The workloads that the grader times: those of the kernels, and those of the layers of module 5."""

from collections.abc import Mapping

from asv_benchmarks.workloads import BY_NAME as KERNELS
from asv_benchmarks.workloads import Workload

LAYERS: tuple[Workload, ...] = (
    # Task 5.1: the scores of a batch of tokens.
    Workload("logsumexp", "logsumexp", ((256, 512),), {"dim": 1}, domain=(-4.0, 4.0)),
    # Task 5.3: the vectors of a batch of tokens.
    Workload("layer_norm", "layer_norm", ((256, 256),)),
    # Task 5.4: queries, transposed keys and values of four heads.
    Workload(
        "attention",
        "self_attention",
        ((2, 4, 64, 16), (2, 4, 16, 64), (2, 4, 64, 16)),
        domain=(-2.0, 2.0),
    ),
)
"""The workloads of module 5. They run on the grader's loops, so that they compare the layers."""

OF_LAYERS = frozenset(workload.name for workload in LAYERS)
"""The names of `LAYERS`."""

BY_NAME: Mapping[str, Workload] = {**KERNELS, **{workload.name: workload for workload in LAYERS}}
"""All workloads by their names."""
