import numba


def _tensor_conv1d(
    out,
    out_shape,
    out_strides,
    out_size,
    image,
    image_shape,
    image_strides,
    taps,
    taps_shape,
    taps_strides,
    reverse,
):
    sign = -1 if reverse else 1
    for oc in numba.prange(taps_shape[0]):
        for n in range(out_shape[0]):
            for w in range(out_shape[2]):
                total, ic = 0.0, 0
                while ic < taps_shape[1]:
                    k = 0
                    while k < taps_shape[2]:
                        at = w + sign * k
                        if at >= 0 and at < image_shape[2]:
                            x = n * image_strides[0] + ic * image_strides[1] + at * image_strides[2]
                            y = oc * taps_strides[0] + ic * taps_strides[1] + k * taps_strides[2]
                            total += image[x] * taps[y]
                        k += 1
                    ic += 1
                out[n * out_strides[0] + oc * out_strides[1] + w * out_strides[2]] = total


@njit(inline="always")
def _inside(y, x, shape):
    return 0 <= y < shape[2] and 0 <= x < shape[3]


@njit
def _at(n, c, y, x, strides):
    return n * strides[0] + c * strides[1] + y * strides[2] + x * strides[3]


@njit
def _sum(n, oc, h, w, image, shape, strides, kernel, k_shape, k_strides, step):
    total = 0.0
    for ic in range(shape[1]):
        for i in range(k_shape[2]):
            for j in range(k_shape[3]):
                if _inside(h + step * i, w + step * j, shape):
                    pixel = image[_at(n, ic, h + step * i, w + step * j, strides)]
                    total += pixel * kernel[_at(oc, ic, i, j, k_strides)]
    return total


def _tensor_conv2d(
    out, out_shape, out_strides, _, image, shape, strides, kernel, k_shape, k_strides, reverse
):
    step = -1 if reverse else 1
    for h in prange(out_shape[2]):
        for n in range(out_shape[0]):
            for oc in range(out_shape[1]):
                for w in range(out_shape[3]):
                    out[_at(n, oc, h, w, out_strides)] = _sum(
                        n, oc, h, w, image, shape, strides, kernel, k_shape, k_strides, step
                    )
