"""Task 5.2: embeddings, dropout with scaling, and linear maps."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grading.checking import layers
from grading.checking.compare import expect
from grading.checking.layers import Case, expect_parameters
from grading.checking.oracles import transformer
from grading.checking.strategies import arrays, shapes
from grading.protocol.messages import Array, Response, Subject

pytestmark = pytest.mark.task5_2

seeds = st.integers(0, 999)


# Embeddings


@st.composite
def embeddings(draw: st.DrawFn) -> Case:
    """Draw a table and tokens, most of which occur several times."""
    rows, size = draw(st.integers(1, 5)), draw(st.integers(1, 4))
    shape = (draw(st.integers(1, 3)), draw(st.integers(1, 5)))
    rng = np.random.default_rng(draw(seeds))
    tokens = draw(arrays(shape, [float(i) for i in range(rows)], permuted=False))
    sizes = {"num_embeddings": rows, "embedding_dim": size}
    table = layers.numbers(rng, (rows, size))
    return Case("Embedding", sizes, tokens, {"weights": table}, layers.numbers(rng, (*shape, size)))


@given(case=embeddings())
def test_vectors_of_tokens_and_the_tables_gradient(subject: Subject, case: Case) -> None:
    table, upstream = case.parameters["weights"], case.upstream
    assert upstream is not None
    grad = transformer.embedding_gradient(case.x, len(table), upstream)
    case.expect(case.call(subject), table[case.x.astype(int)], None, {"weights": grad})


def test_gradient_of_repeated_tokens(subject: Subject) -> None:
    tokens, table = np.array([[2.0, 0.0, 2.0, 2.0]]), np.arange(6.0).reshape(3, 2)
    upstream = np.array([[[1.0, 2.0], [3.0, 4.0], [10.0, 20.0], [100.0, 200.0]]])
    sizes = {"num_embeddings": 3, "embedding_dim": 2}
    case = Case("Embedding", sizes, tokens, {"weights": table}, upstream)
    grad = np.array([[3.0, 4.0], [0.0, 0.0], [111.0, 222.0]])
    case.expect(case.call(subject), table[tokens.astype(int)], None, {"weights": grad})


def _new(subject: Subject, layer: str, sizes: dict[str, int | bool], seed: int = 0) -> Response:
    options = {"layer": layer, "sizes": sizes, "seed": seed}
    response = subject.call("transformer.parameters", [], options)
    filled = bool(response.arrays) and all(array.size for array in response.arrays)
    expect(filled, "the layer has no parameters, or one without elements", response)
    return response


def test_parameters_of_an_embedding(subject: Subject) -> None:
    response = _new(subject, "Embedding", {"num_embeddings": 5, "embedding_dim": 3})
    expect_parameters(response, {"weights": (5, 3)})


def test_random_table(subject: Subject) -> None:
    """Check mean, deviation and the shares beyond one and two deviations."""
    sizes: dict[str, int | bool] = {"num_embeddings": 60, "embedding_dim": 50}
    response = _new(subject, "Embedding", sizes)
    values = response.arrays[0].reshape(-1)
    # Six standard deviations of each statistic of 3000 numbers.
    near = bool(abs(values.mean()) < 0.11 and abs(values.std() - 1.0) < 0.08)
    inside, beyond = (np.abs(values) < 1.0).mean(), (np.abs(values) > 2.0).mean()
    shares = bool(abs(inside - 0.683) < 0.052 and abs(beyond - 0.0455) < 0.023)
    message = (
        f"the table has mean {values.mean():.2g} and standard deviation {values.std():.2g}, and "
        f"{inside:.0%} of its numbers are between -1 and 1; expected a standard normal distribution"
    )
    expect(near and shares, message, response)


# Linear maps


@st.composite
def linear_maps(draw: st.DrawFn) -> Case:
    """Draw a linear map with or without a bias."""
    rows, inputs, outputs = (draw(st.integers(1, 4)) for _ in range(3))
    bias = draw(st.booleans())
    rng = np.random.default_rng(draw(seeds))
    sizes = {"in_size": inputs, "out_size": outputs, "bias": bias}
    parameters = layers.parameters(rng, layers.linear(inputs, outputs, bias))
    x, upstream = layers.numbers(rng, (rows, inputs)), layers.numbers(rng, (rows, outputs))
    return Case("Linear", sizes, x, parameters, upstream)


@given(case=linear_maps())
def test_linear_map_and_gradients(subject: Subject, case: Case) -> None:
    out, back = transformer.linear(case.x, case.parameters)
    assert case.upstream is not None
    case.expect(case.call(subject), out, *back(case.upstream))


@pytest.mark.parametrize("bias", [True, False])
def test_parameters_of_a_linear_map(subject: Subject, bias: bool) -> None:
    response = _new(subject, "Linear", {"in_size": 3, "out_size": 2, "bias": bias})
    expect_parameters(response, layers.linear(3, 2, bias))


def test_random_weights(subject: Subject) -> None:
    sizes: dict[str, int | bool] = {"in_size": 16, "out_size": 150, "bias": True}
    response = _new(subject, "Linear", sizes)
    for array in response.arrays:
        largest = float(np.abs(array).max())
        # See the allowance `range_of_linear_weights`.
        bound = min((0.25, 4.0), key=lambda b: abs(np.log(max(largest, 1e-9) / b)))
        spread = float(array.std() / (bound / 3**0.5))
        message = (
            f"the largest number is {largest:.3g}, and the standard deviation {array.std():.3g}; "
            "expected a uniform distribution from -0.25 to 0.25 for 16 inputs"
        )
        # The bias has 150 numbers: the largest exceeds 0.9 times the bound except in 1 of 7e6.
        uniform = 0.9 * bound < largest <= 1.001 * bound and abs(spread - 1.0) < 0.22
        expect(bool(uniform and abs(array.mean()) < 0.3 * bound), message, response)


# Dropout


def _dropout(p: float, x: Array, upstream: Array | None = None) -> Case:
    return Case("Dropout", {"p_dropout": p}, x, {}, upstream)


@given(x=shapes().flatmap(arrays), p=st.sampled_from([0.1, 0.5, 0.9]))
def test_dropout_in_evaluation(subject: Subject, x: Array, p: float) -> None:
    case = _dropout(p, x)
    case.expect(case.call(subject), x)


@given(x=shapes().flatmap(arrays))
def test_dropout_of_nothing(subject: Subject, x: Array) -> None:
    case = _dropout(0.0, x)
    case.expect(case.call(subject, train=True), x)


@pytest.mark.parametrize("p", [0.1, 0.25, 0.5, 0.8])
def test_rate_and_scale_of_dropout(subject: Subject, p: float) -> None:
    response = _dropout(p, np.ones((40, 50))).call(subject, train=True)
    dropped = int((response.array == 0).sum())
    # Six standard deviations of the binomial distribution: one false alarm in 500 million.
    bound = 6 * np.sqrt(2000 * p * (1 - p))
    message = f"{dropped} of 2000 elements were dropped with a probability of {p}"
    expect(abs(dropped - 2000 * p) <= bound, message, response)
    kept = response.array[response.array != 0]
    message = f"a kept element was multiplied by {kept[0]:.4g}, expected 1 / (1 - {p})"
    expect(bool(np.allclose(kept, 1 / (1 - p), rtol=1e-5)), message, response)


def test_randomness_of_dropout(subject: Subject) -> None:
    response = _dropout(0.5, np.ones((20, 20))).call(subject, train=True, calls=2)
    first, second = response.arrays
    expect(not np.array_equal(first, second), "two calls dropped the same elements", response)
    rows, columns = {row.tobytes() for row in first}, {column.tobytes() for column in first.T}
    expect(len(rows) > 1 and len(columns) > 1, "all rows or columns are alike", response)


def test_gradient_of_dropout(subject: Subject) -> None:
    upstream = np.arange(1.0, 401.0).reshape(20, 20)
    case = _dropout(0.5, np.ones((20, 20)), upstream)
    response = case.call(subject, train=True)
    expect(response.array.shape == (20, 20), "expected the shape (20, 20)", response)
    # The input is all ones, so the result contains the factor of each element.
    case.expect(response, response.array, response.array * upstream, {})
