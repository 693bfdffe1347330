from functools import partial

from numba import jit

compiled = partial(jit, nopython=True, parallel=True)


def tensor_map(fn):
    def _map(out, out_shape, out_strides, in_storage, in_shape, in_strides):
        width = out_shape[-1]
        for line in prange(len(out) // width):
            for column in range(width):
                out_index = np.zeros(len(out_shape), np.int32)
                in_index = np.zeros(len(in_shape), np.int32)
                to_index(line * width + column, out_shape, out_index)
                broadcast_index(out_index, out_shape, in_shape, in_index)
                to = index_to_position(out_index, out_strides)
                out[to] = fn(in_storage[index_to_position(in_index, in_strides)])

    return compiled(_map)


def tensor_zip(fn):
    def _zip(
        out, out_shape, out_strides, a_storage, a_shape, a_strides, b_storage, b_shape, b_strides
    ):
        n = len(out)
        for backwards in prange(n):
            i = n - 1 - backwards
            indices = np.zeros((3, len(out_shape)), np.int32)
            to_index(i, out_shape, indices[0])
            broadcast_index(indices[0], out_shape, a_shape, indices[1])
            broadcast_index(indices[0], out_shape, b_shape, indices[2])
            x = a_storage[index_to_position(indices[1][: len(a_shape)], a_strides)]
            y = b_storage[index_to_position(indices[2][: len(b_shape)], b_strides)]
            out[index_to_position(indices[0], out_strides)] = fn(x, y)

    return compiled(_zip)


def tensor_reduce(fn):
    def _reduce(out, out_shape, out_strides, a_storage, a_shape, a_strides, reduce_dim):
        for i in prange(len(out)):
            index = np.zeros(len(out_shape), np.int32)
            to_index(i, out_shape, index)
            place = index_to_position(index, out_strides)
            base = index_to_position(index, a_strides)
            last = base + (a_shape[reduce_dim] - 1) * a_strides[reduce_dim]
            answer = out[place]
            for at in range(base, last + 1, a_strides[reduce_dim]):
                answer = fn(answer, a_storage[at])
            out[place] = answer

    return compiled(_reduce)


def _tensor_matrix_multiply(
    out, out_shape, out_strides, a_storage, a_shape, a_strides, b_storage, b_shape, b_strides
):
    for ordinal in prange(len(out)):
        j = ordinal % out_shape[2]
        i = ordinal // out_shape[2] % out_shape[1]
        n = ordinal // (out_shape[2] * out_shape[1])
        at = (n % a_shape[0]) * a_strides[0] + i * a_strides[1]
        to = (n % b_shape[0]) * b_strides[0] + j * b_strides[2]
        acc = 0.0
        for k in range(b_shape[1]):
            acc += a_storage[at + k * a_strides[2]] * b_storage[to + k * b_strides[1]]
        out[n * out_strides[0] + i * out_strides[1] + j * out_strides[2]] = acc


tensor_matrix_multiply = compiled(_tensor_matrix_multiply)
