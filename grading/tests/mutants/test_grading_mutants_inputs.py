"""The reported inputs of mutants, and their count by `python -m grading.tests.mutants`."""

import numpy as np
import pytest
from click.testing import CliRunner

from grading.protocol.messages import Array, Plain, Request
from grading.tests.mutants.__main__ import (
    LARGEST,
    has_distinct_sizes,
    is_small_distinct,
    main,
    numbers_of,
)


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        ([1, 2, 3], True),
        ([], True),
        ([-LARGEST, LARGEST], True),
        ([1, 0, 3], False),
        ([1, 2, 2], False),
        ([1, 2.5], False),
        ([1, LARGEST + 1], False),
        ([1, np.nan], False),
        ([1, np.inf], False),
    ],
)
def test_small_distinct_integers_are_recognised(numbers: list[float], expected: bool) -> None:
    assert is_small_distinct(np.array(numbers, np.float64)) == expected


def test_all_numbers_of_a_request_count_except_outputs_and_integers() -> None:
    x, out = np.array([[1.0, 2.0]]), np.full((2,), 99.0)
    options: dict[str, Plain] = {"dim": 1, "inputs": [3.0, (4.0,)], "epsilon": 0.01, "fn": "neg"}
    plain = Request("tensor.sum", (x,), options, np.array([5.0]))
    assert numbers_of(plain).tolist() == [1, 2, 5, 3, 4]
    for operation in ("kernel.run", "source.accesses"):
        assert numbers_of(Request(operation, (out, x))).tolist() == [1, 2]


@pytest.mark.parametrize(
    ("array", "expected"),
    [(np.ones((2, 1, 1, 3)), True), (np.ones((2, 3, 2)), False), (np.ones(()), True)],
)
def test_equal_sizes_other_than_1_are_recognised(array: Array, expected: bool) -> None:
    assert has_distinct_sizes(array) == expected


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("inv_back without its sign", ["[2.]", "[3.]"]),
        ("the maximum's gradient is zero", ["[1., 2., 3.]", "[4.]"]),
    ],
)
def test_the_command_counts_the_reported_inputs(name: str, shown: list[str]) -> None:
    result = CliRunner().invoke(main, ["-k", name, "--every", "1"])
    assert result.exit_code == 0, result.output
    assert all(text in result.output for text in shown)
    assert "1 input: 1 of small distinct integers without 0, 1 with different" in result.output
