import numba


def tensor_map(fn):
    @njit(parallel=True)
    def _map(out, out_shape, out_strides, in_storage, in_shape, in_strides):
        if np.array_equal(out_strides, in_strides) and np.array_equal(out_shape, in_shape):
            for i in numba.prange(out.size):
                out[i] = fn(in_storage[i])
            return
        for i in numba.prange(out.size):
            out_index = np.zeros_like(out_shape)
            in_index = np.zeros_like(in_shape)
            to_index(i, out_shape, out_index)
            broadcast_index(out_index, out_shape, in_shape, in_index)
            value = in_storage[index_to_position(in_index, in_strides)]
            out[index_to_position(out_index, out_strides)] = fn(value)

    return _map


def tensor_reduce(fn):
    @numba.njit(parallel=True)
    def _reduce(out, out_shape, out_strides, a, a_shape, a_strides, dim):
        for i in numba.prange(len(out)):
            index = np.zeros(len(out_shape), np.int64)
            to_index(i, out_shape, index)
            to = index_to_position(index, out_strides)
            at = index_to_position(index, a_strides)
            end = at + a_shape[dim] * a_strides[dim]
            total = out[to]
            while at < end:
                total = fn(total, a[at])
                at += a_strides[dim]
            out[to] = total

    return _reduce


del _tensor_matrix_multiply


@njit(parallel=True, fastmath=True)
def tensor_matrix_multiply(
    out, out_shape, out_strides, a, a_shape, a_strides, b, b_shape, b_strides
):
    a_batch = a_strides[0] if a_shape[0] > 1 else 0
    b_batch = b_strides[0] if b_shape[0] > 1 else 0
    for row in numba.prange(out_shape[1]):
        for column in range(out_shape[2]):
            for n in range(out_shape[0]):
                x = n * a_batch + row * a_strides[1]
                y = n * b_batch + column * b_strides[2]
                total = 0.0
                for _ in range(a_shape[2]):
                    total += a[x] * b[y]
                    x += a_strides[2]
                    y += b_strides[1]
                out[n * out_strides[0] + row * out_strides[1] + column * out_strides[2]] = total
