def tensor_map(fn):
    @njit
    def element(i, out_shape, out_strides, in_storage, in_shape, in_strides):
        out_index = np.empty(len(out_shape), np.int64)
        in_index = np.empty(len(in_shape), np.int64)
        to_index(i, out_shape, out_index)
        broadcast_index(out_index, out_shape, in_shape, in_index)
        place = index_to_position(out_index, out_strides)
        return place, fn(in_storage[index_to_position(in_index, in_strides)])

    def _map(out, out_shape, out_strides, in_storage, in_shape, in_strides):
        for i in prange(len(out)):
            place, value = element(i, out_shape, out_strides, in_storage, in_shape, in_strides)
            out[place] = value

    return njit(_map, parallel=True)


def tensor_zip(fn):
    position = _njit(lambda i, shape, strides: _position(i, shape, strides))

    def _zip(out, out_shape, out_strides, a, a_shape, a_strides, b, b_shape, b_strides):
        rank = len(out_shape)
        a_steps = _steps(out_shape, a_shape, a_strides)
        b_steps = _steps(out_shape, b_shape, b_strides)
        for i in prange(len(out)):
            x = a[position(i, out_shape, a_steps)]
            y = b[position(i, out_shape, b_steps)]
            out[position(i, out_shape, out_strides[:rank])] = fn(x, y)

    return njit(_zip, parallel=True)


@_njit
def _steps(out_shape, shape, strides):
    steps = np.zeros(len(out_shape), np.int64)
    lost = len(out_shape) - len(shape)
    for dim in range(len(shape)):
        if shape[dim] > 1:
            steps[lost + dim] = strides[dim]
    return steps


@_njit
def _position(ordinal, shape, steps):
    at = 0
    left = np.int64(ordinal)
    for dim in range(len(shape) - 1, -1, -1):
        left, i = divmod(left, shape[dim])
        at += i * steps[dim]
    return at


def tensor_reduce(fn):
    def folded(numbers, start, first, step, length):
        result = start
        for k in range(length):
            result = fn(result, numbers[first + k * step])
        return result

    folded = _njit(folded)

    def _reduce(out, out_shape, out_strides, a_storage, a_shape, a_strides, reduce_dim):
        for i in prange(len(out)):
            to = _position(i, out_shape, out_strides)
            first = _position(i, out_shape, a_strides)
            out[to] = folded(a_storage, out[to], first, a_strides[reduce_dim], a_shape[reduce_dim])

    return njit(_reduce, parallel=True)


def _tensor_matrix_multiply(
    out, out_shape, out_strides, a, a_shape, a_strides, b, b_shape, b_strides
):
    rows, columns, inner = out_shape[-2], out_shape[-1], a_shape[-1]
    a_batch = 0 if a_shape[0] == 1 else a_strides[0]
    b_batch = 0 if b_shape[0] == 1 else b_strides[0]
    for line in prange(out_shape[0] * rows):
        n = line // rows
        i = line % rows
        sums = np.zeros(columns)
        for k in range(inner):
            factor = a[n * a_batch + i * a_strides[1] + k * a_strides[2]]
            start = n * b_batch + k * b_strides[1]
            for j in range(columns):
                sums[j] += factor * b[start]
                start += b_strides[2]
        for j in range(columns):
            out[n * out_strides[0] + i * out_strides[1] + j * out_strides[2]] = sums[j]
