"""Layouts as rows and columns."""

from mt_kernels_cpu.tuned.operations.broadcasting import rows_and_columns


def test_rows_and_columns_of_layouts() -> None:
    full = ((2, 3, 4), (12, 4, 1))
    assert rows_and_columns((2, 3, 4), full, full) == (1, 24, 0, 1, 0, 1)
    assert rows_and_columns((2, 3, 4), full, ((4,), (1,))) == (6, 4, 4, 1, 0, 1)
    assert rows_and_columns((2, 3, 4), full, ((2, 1, 1), (1, 1, 1))) == (2, 12, 12, 1, 1, 0)
    assert rows_and_columns((2, 3, 4), full, ((2, 1, 4), (4, 4, 1))) is None
    assert rows_and_columns((1, 1), ((1, 1), (1, 1))) == (1, 1, 0, 0)
