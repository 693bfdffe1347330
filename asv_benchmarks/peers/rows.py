"""The rows of the table: workloads, rivals and targets.

A target is a ratio of times, the rival's divided by ours: `must` is required, `aim` is desired. A
row without targets is only reported.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from asv_benchmarks.contenders.names import AS_INSTALLED
from asv_benchmarks.workloads import Shape, Workload


@dataclass(frozen=True, slots=True)
class Target:
    """The target of a ratio to a rival.

    Attributes:
        must: The required ratio; None if there is none.
        aim: The desired ratio; None if there is none.
    """

    must: float | None = None
    aim: float | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """One workload, measured for several contenders in turn.

    Attributes:
        key: The name of the row on the command line.
        title: The name of the row in the table.
        group: The title above the rows of a group.
        workload: The workload of all contenders.
        targets: The target of each rival; all rivals are measured.
        slow: Rivals that are measured in few rounds, because they take much longer.
        ours: The backend of ours that the row is about; None for the one on the command line.
    """

    key: str
    title: str
    group: str
    workload: Workload
    targets: Mapping[str, Target]
    slow: tuple[str, ...] = ()
    ours: str | None = None
    unit: ClassVar[str] = "ms"


FASTER = Target(must=1.0)
REPORTED = Target()
_TRANSPOSED = {"transposed": True}


def rows(threads: int) -> tuple[Row, ...]:
    """Return all rows for a number of threads."""
    if threads == 1:
        return (*training_rows(), *text_rows(), *kernel_rows(), chain_row(), *naive_rows())
    return (*_training_on_two_threads(), next(text_rows(Target(1.0, 1.4))))


def kernel_rows() -> tuple[Row, ...]:
    """Return the rows about single operations of a backend."""
    return (*_convolutions(), *_pooling(), *_products(), *_elementwise())


# Training steps

_STEPS = (
    # network, batch, title, must and aim for PyTorch, must for JAX
    ("course", 16, "course LeNet, batch 16", Target(4.0, 8.0), REPORTED),
    ("course", 128, "course LeNet, batch 128", Target(2.8, 5.0), REPORTED),
    ("lenet5", 64, "LeNet-5, batch 64", Target(1.5, 3.0), REPORTED),
    ("kim", 10, "Kim CNN, batch 10", Target(3.3, 6.0), Target(1.6)),
    ("kim", 50, "Kim CNN, batch 50", Target(2.5, 4.0), Target(1.6)),
)


def training_rows() -> Iterator[Row]:
    """Return the rows about training steps."""
    for network, batch, title, torch, jax in _STEPS:
        yield Row(
            f"step-{network}-{batch}",
            title,
            "training step",
            _workload("train_step", options={"network": network, "batch": batch}),
            {
                "torch": torch,
                "jax": jax,
                "torch-compile": FASTER,
                "tinygrad": FASTER,
                "fast": Target(aim=100.0),
                AS_INSTALLED: REPORTED,
            },
            slow=("fast", "tinygrad"),
        )


def _training_on_two_threads() -> Iterator[Row]:
    for row in training_rows():
        network = row.workload.options["network"]
        must = {"course": 3.0, "kim": 2.0}.get(network)
        targets = {"torch": Target(must), "jax": REPORTED, AS_INSTALLED: REPORTED}
        yield replace(row, targets=targets, slow=())


def text_rows(step: Target = Target(1.1, 1.5)) -> Iterator[Row]:
    """Return the rows about the character transformer: a training step, and generation."""
    yield Row(
        "step-gpt",
        "character GPT, 12 × 64",
        "training step",
        _workload("train_step", options={"network": "gpt", "batch": 12}),
        {"torch": step, AS_INSTALLED: REPORTED},
    )
    yield Row(
        "generate",
        "63 characters after one, with a cache",
        "generation with the character GPT",
        _workload("generate", options={"length": 63}),
        {"torch": Target(3.0, 8.0)},
    )


# Kernels

_SMALL, _WIDE = Target(2.0, 4.0), Target(0.7, 1.0)


def _convolutions() -> Iterator[Row]:
    for input, weight, target in (
        ((16, 1, 28, 28), (4, 1, 3, 3), _SMALL),
        ((16, 4, 28, 28), (8, 4, 3, 3), _SMALL),
        ((64, 16, 14, 14), (32, 16, 3, 3), _WIDE),
        ((32, 64, 32, 32), (64, 64, 3, 3), _WIDE),
    ):
        for part in ("forward", "grad_input", "grad_weight"):
            yield Row(
                f"conv2d-{input[1]}to{weight[0]}-{part}",
                f"{_dims(input)} → {weight[0]}, {_part_title(part)}",
                "conv2d, kernels of 3 × 3",
                _workload(_operation_name("conv2d", part), input, weight),
                {"torch": target},
            )
    for kernel in (3, 4, 5):
        for part in ("forward", "grad_input", "grad_weight"):
            target = REPORTED if part == "grad_input" else Target(1.5, 2.0)
            yield Row(
                f"conv1d-{kernel}-{part}",
                f"width {kernel}, {_part_title(part)}",
                "conv1d, (10, 50, 52) → 100",
                _workload(_operation_name("conv1d", part), (10, 50, 52), (100, 50, kernel)),
                {"torch": target},
            )


def _pooling() -> Iterator[Row]:
    for kind, size, part, target in (
        ("avg", 4, "forward", Target(4.0)),
        ("avg", 4, "backward", Target(3.0)),
        ("max", 2, "forward", Target(4.0)),
        ("max", 4, "forward", Target(4.0)),
        ("max", 2, "backward", Target(1.0)),
        ("max", 4, "backward", Target(2.0)),
    ):
        yield Row(
            f"{kind}pool-{size}-{part}",
            f"{kind}pool2d {size} × {size}, {part}",
            "pooling of (16, 8, 28, 28)",
            _workload(
                _operation_name(f"{kind}pool2d", part),
                (16, 8, 28, 28),
                options={"kernel": (size, size)},
            ),
            {"torch": target},
        )


def _products() -> Iterator[Row]:
    for n in (16, 64, 128, 256, 512, 1024):
        yield Row(
            f"matmul-{n}",
            f"matmul {n} × {n} × {n}",
            "matmul",
            _workload("matmul", (n, n), (n, n)),
            {"torch": Target(1.0, 1.1) if n >= 64 else REPORTED, "numpy": REPORTED},
        )
    yield Row(
        "matmul-batched",
        "matmul 64 times 64 × 64 × 64",
        "matmul",
        _workload("matmul", (64, 64, 64), (64, 64, 64)),
        {"torch": Target(1.0, 1.1), "numpy": REPORTED},
    )


def _elementwise() -> Iterator[Row]:
    floor = {"numpy": Target(0.85), "torch": REPORTED}
    for n in (316, 1000):
        square = (n, n)
        for key, title, operation, shapes, options in (
            ("add", "a + b", "add", (square, square), {}),
            ("add-row", "a + row", "add", (square, (n,)), {}),
            ("add-column", "a + column", "add", (square, (n, 1)), {}),
            ("add-transposed", "a + b transposed", "add", (square, square), _TRANSPOSED),
            ("relu", "relu", "relu", (square,), {}),
            ("exp", "exp", "exp", (square,), {}),
            ("sum-rows", "sum over rows", "sum", (square,), {"dim": 0}),
            ("sum-columns", "sum over columns", "sum", (square,), {"dim": 1}),
        ):
            yield Row(
                f"{key}-{n}",
                f"{title}, {n} × {n}",
                "elementwise and reductions",
                _workload(operation, *shapes, options=options),
                floor,
            )


def _workload(operation: str, *shapes: Shape, options: Mapping[str, Any] | None = None) -> Workload:
    return Workload("", operation, shapes, options or {}, dtype="float32")


def _operation_name(operation: str, part: str) -> str:
    """Return the name of a part of an operation among `Contender.operations`."""
    return operation if part == "forward" else f"{operation}_{part}"


def _dims(shape: Shape) -> str:
    return f"({', '.join(map(str, shape))})"


def _part_title(part: str) -> str:
    return {"grad_input": "gradient of the input", "grad_weight": "gradient of the weight"}.get(
        part, part
    )


def naive_rows() -> Iterator[Row]:
    """Return the rows about the course's kernels and the same loops with index buffers."""
    square = (1000, 1000)
    for key, title, workload in (
        ("map", "map", _workload("sigmoid", square)),
        ("zip", "zip", _workload("mul", square, square)),
        ("zip-broadcast", "zip with a column", _workload("mul", square, (1000, 1))),
        ("zip-transposed", "zip, transposed", _workload("mul", *[square] * 2, options=_TRANSPOSED)),
        ("reduce", "reduce a row", _workload("sum", square, options={"dim": 1})),
        ("matmul", "matmul 128³", _workload("matmul", (128, 128), (128, 128))),
        ("conv1d", "conv1d", _workload("conv1d", (10, 50, 52), (100, 50, 3))),
        ("conv2d", "conv2d", _workload("conv2d", (16, 4, 28, 28), (8, 4, 3, 3))),
    ):
        yield Row(
            f"naive-{key}",
            f"the course's kernels, {title}",
            "the course's kernels beside the same loops with index buffers",
            workload,
            # In a plain sum each addition waits for the previous one, with or without index
            # buffers.
            {"naive": Target(2.0 if key == "reduce" else 3.0)},
            ours="fast",
        )


def chain_row() -> Row:
    """Return the row about the engine's overhead: many operations on few numbers."""
    return Row(
        "chain",
        "50 multiplications of 8 floats, forward and backward",
        "engine",
        _workload("chain", (8,), (8,), options={"length": 50}),
        # The required time is PyTorch's, the desired one 0.6 of it.
        {"torch": Target(1.0, 1 / 0.6)},
    )
