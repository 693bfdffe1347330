"""The course's test cases."""

import minitorch

ONE, TWO, _ = minitorch.MathTestVariable._comp_testing()


def test_test_cases_are_the_courses() -> None:
    one, two, red = minitorch.MathTest._tests()
    names = """neg addConstant square cube subConstant multConstant div inv sig log relu exp explog
        complex"""
    assert {name for name, _ in one} == set(names.split())
    assert {name for name, _ in two} == {"add2", "mul2", "div2", "gt2", "lt2", "eq2"}
    assert {name for name, _ in red} == {"sum_red", "mean_red", "mean_full_red"}
    for plain, paired in zip(
        (one, two, red), minitorch.MathTestVariable._comp_testing(), strict=True
    ):
        assert [(name, fn) for name, fn, _ in paired] == plain
