"""Fingerprints change with the meaning of a function, and with nothing else."""

import math
import types
from typing import Any, cast

import numba
import numpy as np
import pytest
from numba.extending import intrinsic

from mt_kernels_cpu.compiling.fingerprint import fingerprint
from mt_kernels_cpu.tuned.simd.blocks import add_outer_product, relu_block
from mt_kernels_cpu.tuned.simd.compare import select_argmax
from mt_kernels_cpu.tuned.simd.memory import deinterleave, load, splat_each, store


def defined(source: str, **names: Any) -> types.FunctionType:
    """Return the function f that Python source defines."""
    exec(source, names)
    result: types.FunctionType = names["f"]
    return result


def same(one: types.FunctionType, other: types.FunctionType) -> bool:
    assert fingerprint(one, {}) is not None
    return fingerprint(one, {}) == fingerprint(other, {})


PLAIN = "def f(x):\n    return x + 1.0\n"


@pytest.mark.parametrize(
    "source",
    [PLAIN, "\n\n# A comment.\n" + PLAIN, "def f(x):\n    # Another.\n    return (x + 1.0)\n"],
)
def test_equal_functions_have_equal_fingerprints(source: str) -> None:
    assert same(defined(PLAIN), defined(source))


@pytest.mark.parametrize(
    "source",
    [
        "def f(x):\n    return x - 1.0\n",
        "def f(x):\n    return x + 2.0\n",
        "def f(x):\n    return x + 1\n",
        "def f(x):\n    return x + True\n",
        "def f(x, y=2.0):\n    return x + 1.0\n",
        "def f(x, *, y=2.0):\n    return x + 1.0\n",
    ],
)
def test_different_functions_have_different_fingerprints(source: str) -> None:
    assert not same(defined(PLAIN), defined(source))


def test_sign_of_zero_is_part_of_the_fingerprint() -> None:
    assert not same(defined("def f(x):\n    return 0.0"), defined("def f(x):\n    return -0.0"))


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (1.0, 2.0),
        (1.0, np.float32(1.0)),
        ((1, 2), (2, 1)),
        (np.arange(3), np.arange(3.0)),
        (np.arange(4), np.arange(4).reshape(2, 2)),
        (np.arange(3), np.arange(1, 4)),
        (math.exp, math.log),
        (np.exp, np.log),
        (numba.njit(lambda x: x), numba.njit(lambda x: -x)),
        (numba.njit(lambda x: x), numba.njit(fastmath=True)(lambda x: x)),
    ],
)
def test_globals_are_part_of_the_fingerprint(first: object, second: object) -> None:
    source = "def f(x):\n    return (x, c)\n"
    assert same(defined(source, c=first), defined(source, c=first))
    assert not same(defined(source, c=first), defined(source, c=second))


def test_closure_variables_are_part_of_the_fingerprint() -> None:
    def scale(by: Any) -> Any:
        return lambda x: x * by

    assert same(scale(2.0), scale(2.0))
    assert not same(scale(2.0), scale(3.0))
    inner_two, inner_three = numba.njit(scale(2.0)), numba.njit(scale(3.0))
    assert not same(scale(inner_two), scale(inner_three))


def test_globals_of_inner_functions_are_part_of_the_fingerprint() -> None:
    source = "def f(x):\n    return (lambda y: y + c)(x)\n"
    assert not same(defined(source, c=1.0), defined(source, c=2.0))


def test_attributes_of_modules_are_part_of_the_fingerprint() -> None:
    def constants(c: float) -> types.ModuleType:
        outer, inner = types.ModuleType("outer"), types.ModuleType("inner")
        vars(inner)["c"] = c
        vars(outer)["inner"] = inner
        return outer

    source = "def f(x):\n    return x + constants.inner.c\n"
    assert same(
        defined(source, constants=constants(1.0)), defined(source, constants=constants(1.0))
    )
    assert not same(
        defined(source, constants=constants(1.0)), defined(source, constants=constants(2.0))
    )


def test_instructions_with_extended_arguments() -> None:
    module = types.ModuleType("c")
    vars(module).update({f"a{i}": float(i) for i in range(300)})
    sums = "".join(f"    x = x + c.a{i}\n" for i in range(300))
    fn = defined(f"def f(x):\n{sums}    return x\n", c=module)
    before = fingerprint(fn, {})
    vars(module)["a299"] = 0.5
    assert None not in (before, fingerprint(fn, {}))
    assert before != fingerprint(fn, {})


def test_fingerprint_of_a_recursive_function() -> None:
    source = "def f(n):\n    return n * g(n - 1) if n else {}\n"

    def recursive(end: str) -> types.FunctionType:
        names: dict[str, Any] = {}
        exec(source.format(end), names)
        names["g"] = numba.njit(names["f"])
        result: types.FunctionType = names["f"]
        return result

    assert same(recursive("1"), recursive("1"))
    assert not same(recursive("1"), recursive("2"))


def test_options_and_settings_are_part_of_the_fingerprint(monkeypatch: pytest.MonkeyPatch) -> None:
    fn = defined(PLAIN)
    found = {fingerprint(fn, {}), fingerprint(fn, {"fastmath": {"nsz", "contract"}})}
    found.add(fingerprint(fn, {"fastmath": {"nsz"}}))
    monkeypatch.setattr(numba.core.config, "BOUNDSCHECK", 1)
    found.add(fingerprint(fn, {}))
    assert len(found - {None}) == 4


def plain_python(x: float) -> float:
    return x


WITH_TYPES = numba.njit("float32(float32)")(plain_python)
WITH_LOCAL_TYPES = numba.njit(locals={"x": numba.float32})(plain_python)


@pytest.mark.parametrize(
    "unknown",
    [object(), plain_python, [1.0], math, types.SimpleNamespace, WITH_TYPES, WITH_LOCAL_TYPES],
)
def test_no_fingerprint_of_unknown_values(unknown: object) -> None:
    assert fingerprint(defined("def f(x):\n    return c\n", c=unknown), {}) is None


def test_no_fingerprint_of_a_variable_without_a_value() -> None:
    source = "def outer():\n    def f():\n        return c\n    return f\n    c = 1\nf = outer()\n"
    assert fingerprint(defined(source), {}) is None


@pytest.mark.parametrize(
    "used",
    [load, store, splat_each, add_outer_product, relu_block, select_argmax, deinterleave],
    ids=lambda used: used.__name__,
)
def test_intrinsics_have_fingerprints(used: Any) -> None:
    assert fingerprint(using(used), {}) is not None


def test_different_intrinsics_have_different_fingerprints() -> None:
    def made(step: int) -> Any:
        @intrinsic
        def shifted(typing, number):  # type: ignore[no-untyped-def]
            def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
                return builder.add(arguments[0], context.get_constant(numba.types.intp, step))

            return number(number), generate

        return shifted

    one, again, other = (fingerprint(using(made(step)), {}) for step in (1, 1, 2))
    assert one == again
    assert one != other


def test_callees_of_an_intrinsic_are_part_of_its_fingerprint() -> None:
    def made(step: int) -> Any:
        def further(context: Any, builder: Any, number: Any) -> Any:
            return builder.add(number, context.get_constant(numba.types.intp, step))

        @intrinsic
        def shifted(typing, number):  # type: ignore[no-untyped-def]
            def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
                return further(context, builder, arguments[0])

            return number(number), generate

        return shifted

    one, again, other = (fingerprint(using(made(step)), {}) for step in (1, 1, 2))
    assert one is not None
    assert one == again
    assert one != other


def using(function: Any) -> types.FunctionType:
    def use(x: Any) -> Any:
        return function(x)

    return cast(types.FunctionType, use)
