def _walk(shape, strides, dim=0, at=(0, 0, 0)):
    if dim == len(shape):
        yield at
        return
    for i in range(shape[dim]):
        yield from _walk(
            shape, strides, dim + 1, [a + i * steps[dim] for a, steps in zip(at, strides)]
        )


def _steps(out_shape, shape, strides):
    lost = len(out_shape) - len(shape)
    return [
        strides[d - lost] if d >= lost and shape[d - lost] > 1 else 0 for d in range(len(out_shape))
    ]


def tensor_map(fn):
    def _map(out, out_shape, out_strides, a, a_shape, a_strides):
        steps = [out_strides, _steps(out_shape, a_shape, a_strides)]
        for o, i in _walk(out_shape, steps, 0, (0, 0)):
            out[o] = fn(a[i])

    return _map


def tensor_zip(fn):
    def _zip(out, out_shape, out_strides, a, a_shape, a_strides, b, b_shape, b_strides):
        a_steps = _steps(out_shape, a_shape, a_strides)
        b_steps = _steps(out_shape, b_shape, b_strides)
        for o, i, j in _walk(out_shape, [out_strides, a_steps, b_steps]):
            out[o] = fn(a[i], b[j])

    return _zip


def tensor_reduce(fn):
    def fold(numbers, total):
        return total if not numbers else fold(numbers[1:], fn(numbers[0], total))

    def _reduce(out, out_shape, out_strides, a, a_shape, a_strides, reduce_dim):
        step, length = a_strides[reduce_dim], a_shape[reduce_dim]
        for o, i in _walk(out_shape, [out_strides, a_strides], 0, (0, 0)):
            out[o] = fold([a[i + k * step] for k in range(length)], out[o])

    return _reduce
