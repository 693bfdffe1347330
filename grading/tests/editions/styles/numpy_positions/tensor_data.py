def index_to_position(index, strides):
    return int((np.asarray(index) * np.asarray(strides)).sum())


def to_index(ordinal, shape, out_index):
    for dim, i in enumerate(np.unravel_index(ordinal, tuple(shape))):
        out_index[dim] = i


def broadcast_index(big_index, big_shape, shape, out_index):
    kept = np.asarray(big_index)[len(big_shape) - len(shape) :]
    out_index[:] = np.where(np.asarray(shape) > 1, kept, 0)


def shape_broadcast(shape1, shape2):
    if not shape1 or not shape2:
        return tuple(shape1) + tuple(shape2)
    *left1, a = shape1
    *left2, b = shape2
    if 1 not in (a, b) and a != b:
        raise IndexingError(shape1, shape2)
    return (*shape_broadcast(left1, left2), max(a, b))


class TensorData:
    def permute(self, *order):
        assert sorted(order) == list(range(self.dims))
        shape, strides = zip(*[(self.shape[dim], self.strides[dim]) for dim in order])
        return TensorData(self._storage, shape, strides)
