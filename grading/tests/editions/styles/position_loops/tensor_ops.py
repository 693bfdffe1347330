import functools
import itertools


def _positions(out_shape, shape, strides):
    steps = [0] * (len(out_shape) - len(shape))
    steps += [0 if size == 1 else step for size, step in zip(shape, strides)]
    for index in itertools.product(*map(range, out_shape)):
        yield sum(i * step for i, step in zip(index, steps))


def tensor_map(fn):
    def _map(to, to_shape, to_strides, source, shape, strides):
        targets = _positions(to_shape, to_shape, to_strides)
        for o, i in zip(targets, _positions(to_shape, shape, strides)):
            to[o] = fn(source[i])

    return _map


def tensor_zip(fn):
    def _zip(out, out_shape, out_strides, *operands):
        triples = [operands[:3], operands[3:]]
        walks = [_positions(out_shape, shape, strides) for _, shape, strides in triples]
        for o, i, j in zip(_positions(out_shape, out_shape, out_strides), *walks):
            out[o] = fn(operands[0][i], operands[3][j])

    return _zip


def tensor_reduce(fn):
    def _reduce(out, out_shape, out_strides, a, a_shape, a_strides, dim):
        view = np.lib.stride_tricks.as_strided(a, a_shape, [8 * int(s) for s in a_strides])
        for index in np.ndindex(*out_shape):
            o = index_to_position(index, out_strides)
            row = view[index[:dim] + (slice(None),) + index[dim + 1 :]]
            out[o] = functools.reduce(lambda total, x: fn(x, total), row, out[o])

    return _reduce
