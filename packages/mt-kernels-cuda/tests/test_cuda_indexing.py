"""`position_of` agrees with the three functions of mt-tensor that define positions."""

from hypothesis import given
from hypothesis import strategies as st

from mt_kernels_cuda.indexing import position_of
from mt_tensor.layout import broadcast_index, index_to_position, to_index

shapes = st.lists(st.integers(1, 4), max_size=4).map(tuple)


@given(st.data(), shapes)
def test_position_of_agrees_with_its_definition(
    data: st.DataObject, big_shape: tuple[int, ...]
) -> None:
    kept = big_shape[data.draw(st.integers(0, len(big_shape))) :]
    shape = tuple(data.draw(st.sampled_from([1, size])) for size in kept)
    strides = tuple(data.draw(st.integers(0, 9)) for _ in shape)
    size = 1
    for each in big_shape:
        size *= each
    ordinal = data.draw(st.integers(0, size - 1))
    big_index, index = [0] * len(big_shape), [0] * len(shape)
    to_index(ordinal, big_shape, big_index)
    broadcast_index(big_index, big_shape, shape, index)
    source = getattr(position_of, "py_func", position_of)
    assert source(ordinal, big_shape, shape, strides) == index_to_position(index, strides)
