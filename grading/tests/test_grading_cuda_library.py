"""The kernels in NumPy that replace the compiled library of a tree."""

import ctypes
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.lib.stride_tricks import as_strided

from grading.driver.cuda_library import KernelArgumentError, Library, defined_numbers
from grading.protocol.messages import Array

FLOATS: Any = np.ctypeslib.ndpointer(dtype=np.float32, ndim=1, flags="C_CONTIGUOUS")
INTS: Any = np.ctypeslib.ndpointer(dtype=np.int32, ndim=1, flags="C_CONTIGUOUS")
ARRAY, INT = [FLOATS, INTS, INTS], ctypes.c_int

SOURCE = """
#define THREADS 32
#define ADD_FUNC 1 // x + y
#define MUL_FUNC       2
  # define NEG_FUNC 4
#define MAX 16
#define TANH 18
#define EPS 1e-6
"""


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Library:
    """A library with declared arguments, as the file of a tree declares them."""
    root = tmp_path_factory.mktemp("tree")
    (root / "src").mkdir()
    (root / "src" / "combine.cu").write_text(SOURCE, encoding="utf-8")
    made = Library(root)
    made.tensorMap.argtypes = [*ARRAY, INT, *ARRAY, INT, INT, INT]
    made.tensorZip.argtypes = [*ARRAY, INT, INT, *ARRAY, INT, INT, *ARRAY, INT, INT, INT]
    made.tensorReduce.argtypes = [*ARRAY, INT, *ARRAY, INT, ctypes.c_double, INT, INT]
    made.MatrixMultiply.argtypes = [*ARRAY, *ARRAY, *ARRAY, INT, INT, INT]
    return made


Stored = tuple[Array, Array, Array]


def stored(array: Array, order: tuple[int, ...]) -> Stored:
    """Return storage, shape and strides of an array whose dimensions lie in memory in an order."""
    storage = np.ascontiguousarray(array.transpose(order), np.float32)
    view = storage.transpose(np.argsort(order))
    strides = np.array([step // 4 for step in view.strides], np.int32)
    return storage.reshape(-1), np.array(array.shape, np.int32), strides


def read(tensor: Stored) -> Array:
    storage, shape, strides = tensor
    return as_strided(storage, tuple(shape), [4 * int(step) for step in strides]).copy()


@st.composite
def layouts(draw: st.DrawFn, dims: int | None = None) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Draw a shape and the order of its dimensions in memory."""
    count = draw(st.integers(1, 4)) if dims is None else dims
    shape = tuple(draw(st.lists(st.integers(1, 4), min_size=count, max_size=count)))
    return shape, tuple(draw(st.permutations(range(count))))


def numbers(shape: tuple[int, ...], seed: int = 0) -> Array:
    return np.random.default_rng(seed).integers(-8, 9, shape) / 4.0


@given(layout=layouts(), out_layout=st.data())
def test_map_in_every_layout(
    library: Library, layout: tuple[tuple[int, ...], tuple[int, ...]], out_layout: st.DataObject
) -> None:
    shape, order = layout
    x = numbers(shape)
    other = tuple(out_layout.draw(st.permutations(range(len(shape)))))
    a, out = stored(x, order), stored(np.zeros(shape), other)
    library.tensorMap(*out, x.size, *a, x.size, x.ndim, 4)
    np.testing.assert_array_equal(read(out), -x)


@given(layout=layouts(), data=st.data())
def test_zip_broadcasts(
    library: Library, layout: tuple[tuple[int, ...], tuple[int, ...]], data: st.DataObject
) -> None:
    shape, order = layout
    kept = data.draw(st.integers(1, len(shape)))
    second = tuple(data.draw(st.sampled_from([1, size])) for size in shape[-kept:])
    x, y = numbers(shape), numbers(second, 1)
    a, b = stored(x, order), stored(y, tuple(range(kept)))
    out = stored(np.zeros(shape), tuple(range(x.ndim)))
    library.tensorZip(*out, x.size, x.ndim, *a, x.size, x.ndim, *b, y.size, y.ndim, 1)
    np.testing.assert_array_equal(read(out), x + y)


@given(layout=layouts(), data=st.data())
def test_reduce_of_each_dimension(
    library: Library, layout: tuple[tuple[int, ...], tuple[int, ...]], data: st.DataObject
) -> None:
    shape, order = layout
    x, dim = numbers(shape), data.draw(st.integers(0, len(shape) - 1))
    number, start, right = data.draw(
        st.sampled_from([(1, 0.5, x.sum(dim, keepdims=True) + 0.5), (16, -1e9, None)])
    )
    expected = x.max(dim, keepdims=True) if right is None else right
    out = stored(np.zeros(expected.shape), tuple(range(x.ndim)))
    library.tensorReduce(*out, expected.size, *stored(x, order), dim, start, x.ndim, number)
    np.testing.assert_array_equal(read(out), expected)


@given(sizes=st.tuples(*[st.integers(1, 4)] * 4), data=st.data())
def test_product_in_every_layout(
    library: Library, sizes: tuple[int, int, int, int], data: st.DataObject
) -> None:
    batch, rows, inner, columns = sizes
    x, y = numbers((batch, rows, inner)), numbers((batch, inner, columns), 1)
    orders = [tuple(data.draw(st.permutations(range(3)))) for _ in range(2)]
    out = stored(np.zeros((batch, rows, columns)), (0, 1, 2))
    library.MatrixMultiply(*out, *stored(x, orders[0]), *stored(y, orders[1]), batch, rows, columns)
    np.testing.assert_array_equal(read(out), x @ y)


def call_map(library: Library, **changed: Any) -> None:
    """Call the kernel on a matrix of shape (2, 3), with some arguments changed."""
    right: dict[str, Any] = {
        "out": np.zeros(6, np.float32),
        "out_shape": np.array([2, 3], np.int32),
        "out_strides": np.array([3, 1], np.int32),
        "out_size": 6,
        "a": np.arange(6, dtype=np.float32),
        "a_shape": np.array([2, 3], np.int32),
        "a_strides": np.array([3, 1], np.int32),
        "a_size": 6,
        "dims": 2,
        "number": 4,
    }
    library.tensorMap(*{**right, **changed}.values())


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"a_strides": np.array([3, 2], np.int32)}, r"input .* reach beyond its first 6 elements"),
        ({"out_strides": np.array([6, 1], np.int32)}, r"output .* reach beyond"),
        ({"a_strides": np.array([-3, 1], np.int32)}, r"input .* reach beyond"),
        ({"a_shape": np.array([3, 1], np.int32)}, "the size 6"),
        ({"out_size": 5}, "output .* the size 5"),
        ({"a": np.zeros(5, np.float32)}, "beyond its first 5"),
        ({"dims": 3}, "names 3 dimensions"),
        ({"number": 3}, "no function has the number 3; known are 1 .add., 2 .mul., 4 .neg."),
        ({"number": 1}, "add of number 1 has 2 operands"),
    ],
)
def test_contradictory_arguments_are_errors(
    library: Library, changed: dict[str, Any], message: str
) -> None:
    with pytest.raises(KernelArgumentError, match=rf"tensorMap: .*{message}"):
        call_map(library, **changed)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"a": np.arange(6.0)}, "argument 5: .*float32"),
        ({"a_shape": np.array([2, 3])}, "argument 6: .*int32"),
        ({"a": np.zeros(12, np.float32)[::2]}, "argument 5: .*C_CONTIGUOUS"),
        ({"a_size": 6.0}, "argument 8: .*"),
        ({"a": [0.0] * 6}, "argument 5: .*"),
        ({"a": np.array([2, 3], np.int32), "a_shape": np.zeros(6, np.float32)}, "argument 5"),
    ],
)
def test_arguments_of_other_types_are_errors_of_ctypes(
    library: Library, changed: dict[str, Any], message: str
) -> None:
    with pytest.raises(ctypes.ArgumentError, match=message):
        call_map(library, **changed)


def test_arguments_without_a_declaration_are_errors(tmp_path: Path) -> None:
    with pytest.raises(ctypes.ArgumentError, match=r"argument 1: .*ndpointer"):
        call_map(Library(tmp_path))


def test_a_wrong_number_of_arguments_is_an_error(library: Library) -> None:
    with pytest.raises(TypeError, match=r"takes 10 arguments \(2 given\)"):
        library.tensorMap(np.zeros(1, np.float32), 1)


def test_pointers_of_numpy_are_arrays(library: Library) -> None:
    out, a = np.zeros(2, np.float32), np.array([1.0, -2.0], np.float32)
    one, size = np.array([1], np.int32), np.array([2], np.int32)
    declared = library.tensorMap.argtypes
    floats, ints = (ctypes.POINTER(each) for each in (ctypes.c_float, ctypes.c_int))
    array = [floats, ints, ints]
    library.tensorMap.argtypes = [*array, INT, *array, INT, INT, INT]
    pointers = [
        each.ctypes.data_as(kind)
        for each, kind in ((out, floats), (size, ints), (one, ints), (a, floats))
    ]
    library.tensorMap(*pointers[:3], 2, pointers[3], *pointers[1:3], 2, 1, 4)
    library.tensorMap.argtypes = declared
    np.testing.assert_array_equal(out, -a)


@pytest.mark.parametrize(
    ("shapes", "message"),
    [
        ([(2, 3, 2), (2, 3, 4), (1, 4, 2)], "names 2 products"),
        ([(2, 3, 2), (2, 3, 4), (2, 3, 2)], "with 3 rows and 2 columns"),
        ([(2, 2, 3), (2, 3, 4), (2, 4, 2)], "is written to the shape"),
    ],
)
def test_products_of_other_shapes_are_errors(
    library: Library, shapes: list[tuple[int, int, int]], message: str
) -> None:
    tensors = [stored(np.zeros(shape), (0, 1, 2)) for shape in shapes]
    with pytest.raises(KernelArgumentError, match=message):
        library.MatrixMultiply(*(part for each in tensors for part in each), 2, 3, 2)


def test_inputs_that_do_not_broadcast_are_an_error(library: Library) -> None:
    tensors = [stored(np.zeros(shape), (0, 1)) for shape in ((2, 3), (2, 3), (2, 2))]
    out, a, b = ((*each, each[0].size, 2) for each in tensors)
    with pytest.raises(KernelArgumentError, match=r"\(2, 3\) and \(2, 2\), which do not broadcast"):
        library.tensorZip(*out, *a, *b, 1)


def test_a_reduction_to_another_shape_is_an_error(library: Library) -> None:
    out, a = stored(np.zeros((2, 1)), (0, 1)), stored(np.zeros((2, 3)), (0, 1))
    with pytest.raises(KernelArgumentError, match="dimension 0 of an input of shape"):
        library.tensorReduce(*out, 2, *a, 0, 0.0, 2, 1)
    with pytest.raises(KernelArgumentError, match="dimension 2 of 2"):
        library.tensorReduce(*out, 2, *a, 2, 0.0, 2, 1)


def test_numbers_of_functions_come_from_the_cuda_source(tmp_path: Path) -> None:
    (tmp_path / "combine.cu").write_text(SOURCE, encoding="utf-8")
    found = defined_numbers(tmp_path)
    assert found == {1: "add", 2: "mul", 4: "neg", 16: "max", 18: "tanh"}


def test_an_unknown_function_is_an_attribute_error(library: Library) -> None:
    with pytest.raises(AttributeError, match="no function 'launch_softmax'"):
        library["launch_softmax"]
