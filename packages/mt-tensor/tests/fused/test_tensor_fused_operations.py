"""Fused operations: equality by identity, unique names."""

from mt_tensor import FusedOperation
from mt_tensor.fused import operations

ALL = [value for value in vars(operations).values() if isinstance(value, FusedOperation)]


def test_an_operation_equals_only_itself() -> None:
    assert FusedOperation("linear") != operations.LINEAR
    assert len(set(ALL)) == len(ALL)


def test_names_are_unique_and_in_repr() -> None:
    assert len({operation.name for operation in ALL}) == len(ALL)
    assert repr(operations.LINEAR) == "linear"
