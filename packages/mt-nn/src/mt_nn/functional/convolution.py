"""The functions of convolution layers, composed of padding, the backend's convolution and slicing.

A backend's convolution computes one output for each position of a kernel's first element, and
elements outside of the input are zero. Zeros after the input therefore need no padding, zeros
before it are added by `pad`, and a stride is a strided slice of the output.
"""

from mt_autodiff import Tensor, conv1d, conv2d, fused, pad
from mt_nn.functional.maximum import max
from mt_tensor.fused import operations


@fused(operations.CONVOLUTION)
def convolve(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    before: tuple[int, ...],
    positions: tuple[int, ...],
    stride: tuple[int, ...],
    relu: bool,
) -> Tensor:
    """Convolve sequences or images with kernels, add a bias, and apply ReLU.

    Args:
        input: The sequences or images; elements outside are zero.
        weight: The kernels.
        bias: A number for each output channel, or None.
        before: The number of zeros before the input, in each spatial dimension.
        positions: The number of kernel positions before the stride, in each spatial dimension.
        stride: The step between the positions that are kept, in each spatial dimension.
        relu: True applies ReLU.

    Shape:
        (N, C, *sizes), (O, C, *kernel), (O,) → (N, O, *counts),
        counts = (positions - 1) // stride + 1.

    >>> from mt_autodiff import ones, tensor
    >>> convolve(tensor([[[1, 2, 3]]]), ones((1, 1, 2)), tensor([-5]), (1,), (4,), (1,), relu=True)
    tensor([[[0., 0., 0., 0.]]])
    """
    if any(before):
        input = pad(input, [(0, 0), (0, 0), *((zeros, 0) for zeros in before)])
    if len(positions) == 1:
        out = conv1d(input, weight, size=positions[0])
    else:
        out = conv2d(input, weight, size=(positions[0], positions[1]))
    if any(step != 1 for step in stride):
        out = out[(..., *(slice(None, None, step) for step in stride))]
    # The bias of a channel is the same at all positions.
    ones = (1,) * len(positions)
    out = out.contiguous() if bias is None else out + bias.contiguous().view(-1, *ones)
    return out.relu() if relu else out


@fused(operations.MAX_OVER_TIME)
def max_over_time(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    before: tuple[int, ...],
    positions: tuple[int, ...],
    stride: tuple[int, ...],
) -> Tensor:
    """Return the maximum over time of ``convolve(…, relu=True)``.

    See `convolve` for the arguments.

    Shape:
        (N, C, W), (O, C, K), (O,) → (N, O, 1).

    >>> from mt_autodiff import ones, tensor
    >>> max_over_time(tensor([[[1, 4, 3]]]), ones((1, 1, 2)), None, (0,), (3,), (1,))
    tensor([[[7.]]])
    """
    return max(convolve(input, weight, bias, before, positions, stride, relu=True), dim=2)
