"""Operations are keys: each is equal to itself alone, and shows its name."""

from mt_tensor import FusedOperation
from mt_tensor.fused import operations

ALL = [value for value in vars(operations).values() if isinstance(value, FusedOperation)]


def test_an_operation_is_equal_to_itself_alone() -> None:
    assert FusedOperation("linear") != operations.LINEAR
    assert len(set(ALL)) == len(ALL)


def test_names_are_unique_and_shown() -> None:
    assert len({operation.name for operation in ALL}) == len(ALL)
    assert repr(operations.LINEAR) == "linear"
