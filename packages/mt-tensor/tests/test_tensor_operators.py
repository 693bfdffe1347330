"""The scalar formulas, compared with NumPy in extended precision and with exact edge values."""

import functools
import math
import sys
from collections.abc import Callable
from fractions import Fraction
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mt_tensor import operators as op

any_float = st.floats()
"""Every double: NaN, infinities, subnormals and zeros of both signs included."""

moderate = st.floats(-700.0, 700.0)
INF, NAN = math.inf, math.nan
LARGEST = sys.float_info.max
TINY = sys.float_info.min
EDGES = [0.0, -0.0, math.inf, -math.inf, math.nan, 5e-324, -5e-324, TINY, LARGEST, -LARGEST]


def same(x: float, y: float) -> bool:
    """Return whether two doubles are equal, NaN counted as equal to NaN."""
    return x == y or (x != x and y != y)


def ulps(received: float, expected: np.longdouble) -> float:
    """Return the error in units of the last place of the expected double."""
    nearest = float(expected)
    if same(received, nearest):
        return 0.0
    return abs(float((np.longdouble(received) - expected) / np.spacing(abs(nearest))))


# Comparison with NumPy's functions, for all doubles

EXACT_UNARY: list[tuple[Callable[[float], float], Callable[[float], float]]] = [
    (op.id, np.positive),
    (op.neg, np.negative),
    (op.relu, lambda x: np.maximum(x, 0.0)),
    (op.sqrt, np.sqrt),
    (op.floor, np.floor),
]
EXACT_BINARY: list[tuple[Callable[[float, float], float], Callable[[float, float], float]]] = [
    (op.add, np.add),
    (op.mul, np.multiply),
    (op.lt, np.less),
    (op.eq, np.equal),
    (op.max, np.maximum),
    (op.is_close, lambda x, y: np.abs(np.subtract(x, y)) < 0.01),
]


@pytest.mark.parametrize(("fn", "oracle"), EXACT_UNARY, ids=lambda f: f.__name__)
@given(x=any_float)
def test_functions_of_one_number_are_exact(
    fn: Callable[[float], float], oracle: Callable[[float], float], x: float
) -> None:
    with np.errstate(all="ignore"):
        assert same(fn(x), float(oracle(np.float64(x))))


@pytest.mark.parametrize(("fn", "oracle"), EXACT_BINARY, ids=lambda f: f.__name__)
@given(x=any_float, y=any_float, equal=st.booleans())
@example(x=math.nan, y=1.0, equal=False)
@example(x=1.0, y=math.nan, equal=False)
@example(x=math.inf, y=math.inf, equal=False)
@example(x=1.0, y=1.01, equal=False)
def test_functions_of_two_numbers_are_exact(
    fn: Callable[[float, float], float],
    oracle: Callable[[float, float], float],
    x: float,
    y: float,
    equal: bool,
) -> None:
    y = x if equal else y
    with np.errstate(all="ignore"):
        assert same(fn(x, y), float(oracle(np.float64(x), np.float64(y))))


@given(x=any_float, y=any_float)
@example(x=5.0, y=0.0)
@example(x=-5.0, y=math.inf)
def test_mod(x: float, y: float) -> None:
    with np.errstate(all="ignore"):
        received = op.mod(np.float64(x), np.float64(y))
        assert same(float(received), float(np.remainder(np.float64(x), np.float64(y))))


@given(st.floats(-700.0, 700.0))
@example(1e-12)
@example(-1e-300)
def test_log1p_tanh_sin_and_cos(x: float) -> None:
    wide = np.longdouble(x)
    for fn, oracle in [(op.tanh, np.tanh), (op.sin, np.sin), (op.cos, np.cos)]:
        assert fn(x) == pytest.approx(float(oracle(wide)), rel=1e-15, abs=1e-300)
    if x > -1.0:
        assert op.log1p(x) == pytest.approx(float(np.log1p(wide)), rel=1e-15, abs=1e-300)


@given(st.floats(-30.0, 30.0))
@example(-1e-300)
def test_erf_and_gelu(x: float) -> None:
    normal = NormalDist()
    assert op.gelu(x) == pytest.approx(x * normal.cdf(x), rel=1e-14, abs=1e-15)
    assert op.gelu(x) - op.gelu(-x) == pytest.approx(x, rel=1e-14)
    assert op.erf(x) == -op.erf(-x)
    assert op.erf(x) == pytest.approx(2.0 * normal.cdf(x * math.sqrt(2.0)) - 1.0, abs=1e-15)


def test_gelu_keeps_the_digits_of_small_probabilities() -> None:
    # The cumulative distribution at -10 and -5 (Abramowitz & Stegun, table 26.2).
    assert op.gelu(-10.0) == pytest.approx(-10.0 * 7.61985302416e-24, rel=1e-11)
    assert op.gelu(-5.0) == pytest.approx(-5.0 * 2.866515719e-7, rel=1e-9)


@given(any_float.filter(bool))
def test_inv(x: float) -> None:
    with np.errstate(all="ignore"):
        assert same(op.inv(x), float(np.reciprocal(np.float64(x))))


def test_inv_of_zero_in_python_and_numpy() -> None:
    with pytest.raises(ZeroDivisionError):
        op.inv(0.0)
    with np.errstate(divide="ignore"):
        assert op.inv(np.float64(0.0)) == math.inf
        assert op.inv(np.float64(-0.0)) == -math.inf


@given(any_float, any_float.filter(bool))
@example(5.0, 49.0)
@example(5e-324, 3.0)
def test_div_is_the_rounded_quotient(x: float, y: float) -> None:
    with np.errstate(all="ignore"):
        assert same(op.div(x, y), float(np.float64(x) / np.float64(y)))


@given(st.integers(-(10**30), 10**30), st.integers(1, 10**30))
def test_div_is_nearest_to_the_fraction(x: int, y: int) -> None:
    exact = Fraction(float(x)) / Fraction(float(y))
    quotient = op.div(float(x), float(y))
    for other in (math.nextafter(quotient, -INF), math.nextafter(quotient, INF)):
        assert abs(Fraction(quotient) - exact) <= abs(Fraction(other) - exact)


@given(st.sampled_from(EDGES) | moderate, st.sampled_from(EDGES) | st.floats(-9.0, 9.0))
@example(-8.0, 1 / 3)
@example(-2.0, 3.0)
@example(-2.0, INF)
def test_power(x: float, p: float) -> None:
    with np.errstate(all="ignore"):
        expected = np.float64(x) ** np.float64(p)
        assert same(float(op.power(np.float64(x), np.float64(p))), float(expected))
    if math.isfinite(expected):
        assert op.power(x, p) == expected


def test_power_of_python_numbers_is_never_complex() -> None:
    assert math.isnan(op.power(-8.0, 0.5))
    assert math.isnan(op.power_back(-8.0, 0.5))
    with pytest.raises(ZeroDivisionError):
        op.power(0.0, -1.0)


@given(moderate)
def test_exp(x: float) -> None:
    assert ulps(op.exp(x), np.exp(np.longdouble(x))) <= 1.0


@given(st.floats(TINY, LARGEST))
def test_ln(x: float) -> None:
    # Near 1 the logarithm is near 0, where its spacing is tiny: the argument's spacing decides.
    assert op.ln(x) == pytest.approx(float(np.log(np.longdouble(x))), rel=1e-15, abs=1e-300)


@given(st.floats(0.0, 1e300))
def test_log_shifts_its_argument(x: float) -> None:
    exact = float(np.log(np.longdouble(x) + np.longdouble(1e-6)))
    # The shifted argument is rounded once: an error of half its spacing, relatively 1.1e-16.
    assert op.log(x) == pytest.approx(exact, rel=4e-16, abs=2e-16)


@given(moderate)
@example(-700.0)
@example(-37.0)
@example(37.0)
def test_sigmoid_keeps_full_precision_on_both_tails(x: float) -> None:
    one = np.longdouble(1)
    assert ulps(op.sigmoid(x), one / (one + np.exp(-np.longdouble(x)))) <= 2.0


@given(st.floats(-30.0, 30.0))
def test_sigmoid_is_symmetric(x: float) -> None:
    assert op.sigmoid(x) + op.sigmoid(-x) == pytest.approx(1.0, abs=2.3e-16)


@given(any_float, any_float)
def test_sigmoid_is_monotonic_from_0_to_1(x: float, y: float) -> None:
    assert 0.0 <= op.sigmoid(x) <= 1.0 or math.isnan(x)
    if x <= y:
        assert op.sigmoid(x) <= op.sigmoid(y)


# Arguments for which `math` raises


@pytest.mark.parametrize(
    ("fn", "cases"),
    [
        (op.sigmoid, {-INF: 0.0, -1e4: 0.0, 0.0: 0.5, 1e4: 1.0, INF: 1.0}),
        (op.exp, {-INF: 0.0, -1e4: 0.0, 0.0: 1.0, 710.0: INF, 1e4: INF, INF: INF}),
        (op.ln, {-INF: NAN, -1.0: NAN, -5e-324: NAN, 0.0: -INF, 1.0: 0.0, INF: INF}),
        (op.log, {-INF: NAN, -1.0: NAN, -1e-6: -INF, 0.0: math.log(1e-6), INF: INF}),
        (op.sqrt, {-INF: NAN, -1.0: NAN, -5e-324: NAN, 0.0: 0.0, 4.0: 2.0, INF: INF}),
        (op.relu, {-INF: 0.0, -1.0: 0.0, 0.0: 0.0, 5e-324: 5e-324, INF: INF}),
        (op.log1p, {-INF: NAN, -2.0: NAN, -1.0: -INF, 0.0: 0.0, INF: INF}),
        (op.tanh, {-INF: -1.0, 0.0: 0.0, INF: 1.0}),
        (op.erf, {-INF: -1.0, 0.0: 0.0, INF: 1.0}),
        (op.gelu, {-INF: NAN, 0.0: 0.0, INF: INF}),
        (op.sin, {-INF: NAN, 0.0: 0.0, INF: NAN}),
        (op.cos, {-INF: NAN, 0.0: 1.0, INF: NAN}),
    ],
    ids=lambda f: getattr(f, "__name__", ""),
)
def test_values_at_the_edges(fn: Callable[[float], float], cases: dict[float, float]) -> None:
    for x, expected in cases.items():
        assert same(fn(x), expected), x


def test_exp_overflows_above_the_largest_exponent() -> None:
    below = op.LARGEST_EXPONENT
    assert math.isfinite(op.exp(below))
    assert op.exp(math.nextafter(below, math.inf)) == math.inf
    with pytest.raises(OverflowError):
        math.exp(math.nextafter(below, math.inf))


@pytest.mark.parametrize(
    "fn",
    [
        *(op.id, op.neg, op.sigmoid, op.relu, op.log, op.ln, op.exp, op.inv, op.sqrt),
        *(op.log1p, op.tanh, op.erf, op.gelu, op.sin, op.cos, op.floor),
    ],
)
def test_nan_passes_through(fn: Callable[[float], float]) -> None:
    assert math.isnan(fn(math.nan))


def test_nan_in_pairs() -> None:
    for x, y in [(NAN, 1.0), (1.0, NAN), (NAN, NAN), (NAN, INF), (-INF, NAN)]:
        assert all(math.isnan(fn(x, y)) for fn in (op.add, op.mul, op.max))
        assert [fn(x, y) for fn in (op.lt, op.eq, op.is_close)] == [0.0, 0.0, 0.0]


def test_is_close_is_open_at_its_edge() -> None:
    assert op.is_close(0.0, op.CLOSE) == 0.0
    assert op.is_close(0.0, math.nextafter(op.CLOSE, 0.0)) == 1.0


@pytest.mark.parametrize("x", EDGES)
@pytest.mark.parametrize("fn", [op.lt, op.eq, op.is_close])
def test_comparisons_return_floats(fn: Callable[[float, float], float], x: float) -> None:
    for y in EDGES:
        assert type(fn(x, y)) is float
        assert fn(x, y) in (0.0, 1.0)


# Derivatives, compared with their closed forms in extended precision

nonzero = st.floats(1e-150, 1e150) | st.floats(-1e150, -1e-150)
upstream = st.floats(-1e10, 1e10)


@given(nonzero, upstream)
def test_inv_back(x: float, d: float) -> None:
    exact = -np.longdouble(d) / (np.longdouble(x) * np.longdouble(x))
    if abs(exact) < LARGEST:
        assert op.inv_back(x, d) == pytest.approx(float(exact), rel=1e-15, abs=TINY)


@given(nonzero, nonzero)
def test_div_back(x: float, y: float) -> None:
    exact = -np.longdouble(x) / (np.longdouble(y) * np.longdouble(y))
    if TINY < abs(exact) < LARGEST and TINY < abs(x / y) < LARGEST:
        assert op.div_back(x, y) == pytest.approx(float(exact), rel=1e-15)


@given(st.floats(1e-3, 1e3), st.floats(-9.0, 9.0))
def test_derivatives_of_power(x: float, p: float) -> None:
    a, q = np.longdouble(x), np.longdouble(p)
    assert op.power_back(x, p) == pytest.approx(float(q * a ** (q - 1)), rel=1e-14)
    assert op.power_log(x, p) == pytest.approx(float(a**q * np.log(a)), rel=1e-14)


def test_derivatives_of_power_at_zero() -> None:
    powers = [0.0, 0.5, 1.0, 1.5, 2.0]
    assert [op.power_back(np.float64(0), p) for p in (0.0, 1.0, 1.5, 2.0)] == [0.0, 1.0, 0.0, 0.0]
    assert [op.power_log(0.0, p) for p in powers] == [0.0] * len(powers)
    assert op.power_log(0.0, -1.0) == -math.inf
    assert math.isnan(op.power_log(0.0, NAN))
    assert math.isnan(op.power_log(-1.0, 2.0))


def test_inv_back_where_the_square_is_zero_or_infinite() -> None:
    assert op.inv_back(1e-170, 1e-100) == pytest.approx(-1e240)
    assert op.inv_back(1e-170, 1.0) == -math.inf
    assert op.inv_back(-1e170, 1e100) == pytest.approx(-1e-240)


@given(st.floats(1e-5, 1e300), upstream)
def test_log_back(x: float, d: float) -> None:
    exact = np.longdouble(d) / (np.longdouble(x) + np.longdouble(1e-6))
    assert op.log_back(x, d) == pytest.approx(float(exact), rel=1e-15, abs=TINY)


@given(nonzero, upstream)
def test_ln_back(x: float, d: float) -> None:
    assert op.ln_back(x, d) == d / x


@given(st.floats(0.0, 1e10).filter(bool), upstream)
def test_sqrt_back(x: float, d: float) -> None:
    exact = np.longdouble(d) / (2 * np.sqrt(np.longdouble(x)))
    if abs(exact) < LARGEST:
        assert op.sqrt_back(op.sqrt(x), d) == pytest.approx(float(exact), rel=1e-15, abs=TINY)


@given(moderate, upstream)
def test_sigmoid_back(x: float, d: float) -> None:
    z = np.exp(-abs(np.longdouble(x)))
    exact = np.longdouble(d) * z / (1 + z) ** 2
    # At the upper tail the error of 1 - s is half a unit in the last place of 1.
    assert op.sigmoid_back(op.sigmoid(x), d) == pytest.approx(
        float(exact), rel=1e-14, abs=2.3e-16 * abs(d)
    )


@given(st.floats(-20.0, 20.0), upstream)
def test_tanh_back(x: float, d: float) -> None:
    exact = np.longdouble(d) * (1 - np.tanh(np.longdouble(x)) ** 2)
    # At the tails the error of t is half a unit in the last place of 1.
    assert op.tanh_back(op.tanh(x), d) == pytest.approx(
        float(exact), rel=1e-14, abs=4.5e-16 * abs(d)
    )


@given(st.floats(-30.0, 30.0), upstream)
def test_erf_back_and_gelu_back(x: float, d: float) -> None:
    normal = NormalDist()
    slope = normal.cdf(x) + x * normal.pdf(x)
    assert op.gelu_back(x, d) == pytest.approx(d * slope, rel=1e-12, abs=4e-15 * abs(d))
    density = NormalDist(0.0, math.sqrt(0.5)).pdf(x)
    assert op.erf_back(x, d) == pytest.approx(2.0 * d * density, rel=1e-12, abs=1e-300)


@given(any_float, upstream)
def test_relu_back(x: float, d: float) -> None:
    assert op.relu_back(x, d) == (d if x > 0 else 0.0)


# NumPy scalars, the arguments that the reference backend passes


@pytest.mark.parametrize("kind", [np.float64, np.float32])
@pytest.mark.parametrize("fn", [op.sigmoid, op.relu, op.exp, op.log, op.ln, op.sqrt, op.neg, op.id])
@given(x=st.floats(-80.0, 80.0, width=32))
def test_numpy_scalars(
    fn: Callable[[float], float], kind: Callable[[float], float], x: float
) -> None:
    with np.errstate(all="ignore"):
        received = float(fn(kind(x)))
    precision = float(np.finfo(type(kind(x))).eps)
    assert received == pytest.approx(fn(x), rel=4 * precision, abs=2 * precision, nan_ok=True)


# Functions of functions

numbers = st.lists(st.floats(-1e6, 1e6), max_size=10)


@given(numbers)
def test_map(xs: list[float]) -> None:
    before = list(xs)
    assert op.map(math.floor)(xs) == [math.floor(x) for x in xs]
    assert op.map(op.neg)(iter(xs)) == op.negList(xs) == [-x for x in xs]
    assert xs == before


@given(numbers, numbers)
def test_zip_with_stops_at_the_shorter(xs: list[float], ys: list[float]) -> None:
    expected = [x - y for x, y in zip(xs, ys, strict=False)]
    assert op.zipWith(lambda x, y: x - y)(xs, iter(ys)) == expected
    assert op.addLists(xs, ys) == [x + y for x, y in zip(xs, ys, strict=False)]


@given(numbers, st.floats(-1e6, 1e6))
def test_reduce_folds_from_the_left(xs: list[float], start: float) -> None:
    def minus(x: float, y: float) -> float:
        return x - y

    folded = op.reduce(minus, start)
    assert folded(xs) == functools.reduce(minus, xs, start)
    assert folded(xs) == folded(iter(xs)), "a fold can be called twice"


@given(numbers)
def test_sum_and_prod(xs: list[float]) -> None:
    assert op.sum(xs) == pytest.approx(math.fsum(xs), abs=1e-8)
    assert op.prod(xs) == pytest.approx(math.prod(xs), rel=1e-14)


def test_sum_and_prod_of_empty_lists() -> None:
    assert (op.sum([]), op.prod([])) == (0.0, 1.0)
    assert (op.map(op.neg)([]), op.addLists([], [1.0])) == ([], [])
