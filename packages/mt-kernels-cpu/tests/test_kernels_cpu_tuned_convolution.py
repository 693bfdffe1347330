"""Convolution and products of the tuned backend against the reference, in any layout."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mt_kernels_cpu import Tuned
from mt_kernels_cpu.tuned import threads
from mt_kernels_cpu.tuned.convolution_form import Convolution
from mt_kernels_cpu.tuned.pooling import MaxPool2d
from mt_kernels_cpu.tuned.responses_form import MaxOverTime
from mt_tensor import Reference, TensorData

SPECIALS = [np.nan, np.inf, -np.inf, 0.0, -0.0]

few = st.integers(0, 4)
reverses = st.booleans()
draws = st.data()


@pytest.fixture(params=["one thread", "several threads"])
def spread(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Everything on one thread, or everything on three if there are as many images."""
    several = 3 if request.param == "several threads" else 1
    monkeypatch.setattr(
        "mt_kernels_cpu.tuned.convolution.parts_of",
        lambda count, steps: equal_parts(count, min(several, count)),
    )
    yield


def equal_parts(count: int, several: int) -> list[threads.Part]:
    ends = [count * part // several for part in range(several + 1)]
    return list(pairwise(ends))


dtypes = pytest.mark.parametrize("dtype", [np.float32, np.float64])

# Each law is put to the test four times: for two dtypes, on one thread and on several.
quarter = settings(max_examples=15)


def operand(data: st.DataObject, dtype: Any, *shape: int) -> TensorData:
    """Numbers in a permuted layout with gaps and repetitions, NaN in the gaps."""
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    strides, reach = [0] * len(shape), 1
    for dim in data.draw(st.permutations(range(len(shape)))):
        if data.draw(st.integers(0, 9)) == 0:
            continue
        strides[dim] = reach * data.draw(st.integers(1, 2))
        reach = strides[dim] * max(1, shape[dim])
    storage = np.full(reach + 1, np.nan, dtype)
    result = TensorData(storage, shape, strides)
    for index in result.indices():
        storage[result.index(index)] = rng.normal()
    return result


def same(mine: TensorData, expected: TensorData, dtype: Any) -> None:
    tolerance = 1e-12 if dtype == np.float64 else 1e-5
    np.testing.assert_allclose(
        Tuned(dtype).to_numpy(mine),
        Reference(dtype).to_numpy(expected),
        rtol=tolerance,
        atol=tolerance,
        strict=True,
    )


@pytest.mark.usefixtures("spread")
@dtypes
@quarter
@given(st.tuples(few, few, few), st.integers(0, 36), st.integers(0, 9), reverses, draws)
def test_conv1d(
    dtype: Any,
    sizes: tuple[int, int, int],
    width: int,
    taps: int,
    reverse: bool,
    data: st.DataObject,
) -> None:
    count, channels, outputs = sizes
    size = data.draw(st.integers(0, 36))
    x = operand(data, dtype, count, channels, width)
    w = operand(data, dtype, outputs, channels, taps)
    same(
        Tuned(dtype).convolve(x, w, reverse, (size,)),
        Reference(dtype).convolve(x, w, reverse, (size,)),
        dtype,
    )


@pytest.mark.usefixtures("spread")
@dtypes
@quarter
@given(st.integers(1, 8), st.integers(1, 36), st.integers(1, 36), st.integers(1, 4), draws)
def test_sequences_of_vectors(
    dtype: Any, count: int, width: int, channels: int, taps: int, data: st.DataObject
) -> None:
    """Such as the vectors of words: the channels are neighbours in memory."""
    x = operand(data, dtype, count, width, channels).permute(0, 2, 1)
    w = operand(data, dtype, 2, channels, taps)
    size = (data.draw(st.integers(1, 36)),)
    same(
        Tuned(dtype).convolve(x, w, False, size),
        Reference(dtype).convolve(x, w, False, size),
        dtype,
    )


@pytest.mark.usefixtures("spread")
@dtypes
@quarter
@given(
    st.tuples(few, few, st.integers(0, 6)),
    st.tuples(st.integers(0, 4), st.integers(0, 20)),
    st.tuples(st.integers(0, 3), st.integers(0, 5)),
    reverses,
    draws,
)
def test_conv2d(
    dtype: Any,
    sizes: tuple[int, int, int],
    image: tuple[int, int],
    kernel: tuple[int, int],
    reverse: bool,
    data: st.DataObject,
) -> None:
    count, channels, outputs = sizes
    size = (data.draw(st.integers(0, 4)), data.draw(st.integers(0, 36)))
    x = operand(data, dtype, count, channels, *image)
    w = operand(data, dtype, outputs, channels, *kernel)
    same(
        Tuned(dtype).convolve(x, w, reverse, size),
        Reference(dtype).convolve(x, w, reverse, size),
        dtype,
    )


@pytest.mark.usefixtures("spread")
@dtypes
@quarter
@given(
    st.tuples(st.integers(1, 4), st.integers(1, 4), st.integers(1, 6)),
    st.tuples(st.integers(1, 4), st.integers(1, 12)),
    st.tuples(st.integers(1, 5), st.integers(1, 12)),
    draws,
)
def test_gradient_of_a_weight(
    dtype: Any,
    sizes: tuple[int, int, int],
    image: tuple[int, int],
    gradient: tuple[int, int],
    data: st.DataObject,
) -> None:
    """The kernel is as large as an image, and the output as small as a kernel."""
    channels, count, outputs = sizes
    size = (data.draw(st.integers(1, 3)), data.draw(st.integers(1, 3)))
    x = operand(data, dtype, channels, count, *image)
    g = operand(data, dtype, outputs, count, *gradient)
    same(
        Tuned(dtype).convolve(x, g, False, size),
        Reference(dtype).convolve(x, g, False, size),
        dtype,
    )


@pytest.mark.usefixtures("spread")
@dtypes
@given(st.integers(1, 200), st.integers(8, 24), st.integers(1, 8))
def test_gradient_of_a_weight_of_many_sequences(
    dtype: Any, count: int, width: int, taps: int
) -> None:
    """More than planes have room for, so that others have been where the last ones are."""
    rng = np.random.default_rng(count)
    x = rng.integers(-9, 9, (2, count, width + taps - 1)).astype(dtype)
    g = rng.integers(-9, 9, (3, count, width)).astype(dtype)
    backend = Tuned(dtype)
    received = backend.convolve(backend.from_numpy(x), backend.from_numpy(g), False, (taps,))
    windows = np.lib.stride_tricks.sliding_window_view(x, width, axis=2)
    expected = np.tensordot(windows, g, ((1, 3), (1, 2))).transpose(0, 2, 1)
    np.testing.assert_array_equal(backend.to_numpy(received), expected)


@dtypes
@pytest.mark.parametrize("kind", ["of the other dtype", "with gaps between cells"])
def test_storages_from_which_no_vector_can_be_loaded(dtype: Any, kind: str) -> None:
    backend, rng = Tuned(dtype), np.random.default_rng(0)
    other = np.float32 if dtype == np.float64 else np.float64

    def both(*shape: int) -> tuple[TensorData, TensorData]:
        numbers = rng.integers(-9, 9, shape)
        spread = np.repeat(numbers.reshape(-1), 2).astype(dtype)[::2]
        cells = spread if kind == "with gaps between cells" else numbers.astype(other).reshape(-1)
        return TensorData(cells, shape), backend.from_numpy(numbers)

    def every(x: TensorData, w: TensorData, b: TensorData, g: TensorData) -> Iterator[Any]:
        yield backend.convolve(x, w)
        out, call = cast(Any, Convolution.forward)(
            backend, (True, True, True), x, w, b, (0,), (40,), (1,), True
        )
        yield from (out, *Convolution.backward(backend, call, g))
        out, saved = cast(Any, MaxOverTime.forward)(
            backend, (True, True, True), x, w, b, (0,), (40,), (1,)
        )
        yield from (out, *MaxOverTime.backward(backend, saved, b.view(1, 3, 1)))
        images = TensorData(x.storage, (1, 2, 2, 20))
        yield cast(Any, MaxPool2d.forward)(backend, (True,), images, (2, 2))[0]

    given_so, usual = zip(both(1, 2, 40), both(3, 2, 3), both(3), both(1, 3, 40), strict=True)
    for received, expected in zip(every(*given_so), every(*usual), strict=True):
        np.testing.assert_array_equal(
            backend.to_numpy(received), backend.to_numpy(expected), strict=True
        )


@dtypes
@pytest.mark.parametrize("number", SPECIALS)
@pytest.mark.parametrize("place", ["image", "kernel"])
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("size", [(4, 9), (2, 3), (9, 12)])
@pytest.mark.parametrize("kernel", [(2, 3), (4, 8)])
def test_special_numbers_do_not_meet_the_zeros_around_an_image(
    dtype: Any,
    number: float,
    place: str,
    reverse: bool,
    size: tuple[int, int],
    kernel: tuple[int, int],
) -> None:
    rng = np.random.default_rng(0)
    image, weight = rng.normal(size=(2, 2, 4, 9)), rng.normal(size=(3, 2, *kernel))
    target = image if place == "image" else weight
    target[1, 0, 0, -1] = target[0, 1, -1, 0] = number
    tuned, reference = Tuned(dtype), Reference(dtype)
    x, w = tuned.from_numpy(image), tuned.from_numpy(weight)
    same(tuned.convolve(x, w, reverse, size), reference.convolve(x, w, reverse, size), dtype)


@dtypes
@pytest.mark.parametrize("number", SPECIALS)
@pytest.mark.parametrize("place", [(0, 0, 0, 0), (1, 0, 4, 19), (0, 1, 2, 18)])
def test_special_numbers_reach_only_the_weights_that_met_them(
    dtype: Any, number: float, place: tuple[int, ...]
) -> None:
    """Without zeros around the image, there still are some beside the gradient in its plane."""
    rng = np.random.default_rng(0)
    image, grad = rng.normal(size=(2, 2, 5, 20)), rng.normal(size=(2, 3, 3, 18))
    image[place] = number
    tuned, reference = Tuned(dtype), Reference(dtype)
    mine, expected = (
        each.convolve(
            each.from_numpy(image).permute(1, 0, 2, 3),
            each.from_numpy(grad).permute(1, 0, 2, 3),
            size=(3, 3),
        )
        for each in (tuned, reference)
    )
    same(mine, expected, dtype)


@dtypes
@given(
    st.lists(st.integers(0, 3), max_size=2),
    st.tuples(st.integers(0, 5), st.integers(0, 5), st.integers(0, 5)),
    draws,
)
def test_matmul(
    dtype: Any, batch: list[int], sizes: tuple[int, int, int], data: st.DataObject
) -> None:
    rows, inner, columns = sizes
    kept = data.draw(st.integers(0, len(batch)))
    some = [n if data.draw(st.booleans()) else 1 for n in batch[kept:]]
    left, right = data.draw(st.permutations([batch, some]))
    a = operand(data, dtype, *left, rows, inner)
    b = operand(data, dtype, *right, inner, columns)
    same(Tuned(dtype).matmul(a, b), Reference(dtype).matmul(a, b), dtype)


def test_the_gradient_of_a_large_batch_is_as_good_as_that_of_a_small_one() -> None:
    """Sums in float32 over a million products stay close to sums in float64."""
    rng = np.random.default_rng(0)
    x, g = rng.normal(size=(1, 512, 28, 28)), rng.normal(size=(4, 512, 28, 28))
    single, double = (
        Tuned(dtype)
        .convolve(Tuned(dtype).from_numpy(x), Tuned(dtype).from_numpy(g), size=(3, 3))
        .storage
        for dtype in (np.float32, np.float64)
    )
    assert np.abs(single - double).max() < 1e-2 * np.abs(double).mean()


@pytest.mark.parametrize("several", [1, 2, 5])
@given(st.integers(1, 50), st.integers(0, 10 * threads.PARALLEL_FROM))
def test_work_is_divided_without_gaps(several: int, count: int, steps: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(threads.settings, "NUMBA_NUM_THREADS", several)
        patch.setattr("numba.get_num_threads", lambda: several)
        parts = threads.parts_of(count, steps)
    lengths = [last - first for first, last in parts]
    assert len(parts) <= (several if steps >= threads.PARALLEL_FROM else 1)
    assert (parts[0][0], parts[-1][1]) == (0, count)
    assert [first for first, _ in parts[1:]] == [last for _, last in parts[:-1]]
    # Who must wake up first has less to do.
    assert min(lengths) > 0
    assert lengths[0] >= max(lengths) - 1


def test_much_work_is_divided_evenly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("numba.get_num_threads", lambda: 4)
    monkeypatch.setattr(threads.settings, "NUMBA_NUM_THREADS", 4)
    assert threads.parts_of(8, 2**40) == [(0, 2), (2, 4), (4, 6), (6, 8)]


def test_each_part_is_worked_through_once() -> None:
    done: list[tuple[int, int, int]] = []
    threads.divide([(0, 4), (4, 5), (5, 7)], lambda *part: done.append(part))
    assert sorted(done) == [(0, 0, 4), (1, 4, 5), (2, 5, 7)]


def test_an_error_in_a_part_is_raised() -> None:
    def work(part: int, first: int, last: int) -> None:
        if part == 1:
            raise ValueError("in a part")

    with pytest.raises(ValueError, match="in a part"):
        threads.divide([(0, 2), (2, 4)], work)
