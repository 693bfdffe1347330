from itertools import zip_longest


def index_to_position(index, strides):
    position = 0
    for dim in range(len(strides) - 1, -1, -1):
        position += strides[dim] * index[dim]
    return position


def to_index(ordinal, shape, out_index):
    rest = ordinal + 0
    for dim in range(len(shape)):
        out_index[dim] = rest % shape[dim]
        rest = (rest - out_index[dim]) // shape[dim]
    return out_index


def broadcast_index(big_index, big_shape, shape, out_index):
    behind = 1
    while behind <= len(shape):
        out_index[-behind] = big_index[-behind] % shape[-behind]
        behind += 1
    return out_index


def shape_broadcast(*shapes):
    result = []
    for sizes in zip_longest(*map(reversed, shapes), fillvalue=1):
        others = set(sizes) - {1}
        if len(others) > 1:
            raise IndexingError(f"{shapes} do not go together")
        result.insert(0, others.pop() if others else 1)
    return tuple(result)
