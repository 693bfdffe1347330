"""What convolution layers compute, composed of padding, the backend's convolution and slicing.

A backend's convolution gives one output for each position at which a kernel's first cell stands,
and takes zeros from outside of the input. So zeros behind the input come for free, zeros before it
are added by `pad`, and a stride keeps every so many-th position.
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
    """Slide kernels over sequences or images, add a bias, and keep what is positive.

    Args:
        input: What the kernels slide over, zeros around it.
        weight: The kernels.
        bias: A number for each output channel, or None.
        before: How many zeros come before the input, in each dimension.
        positions: How many positions there are to begin with.
        stride: Every so many-th of them is kept.
        relu: Whether 0 takes the place of what is negative.

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
    # A bias for each channel, the same at all positions.
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
    """Return each kernel's largest response anywhere in a sequence, 0 if none is positive.

    The maximum over time of `convolve`, with ReLU, of which the arguments are explained there.

    Shape:
        (N, C, W), (O, C, K), (O,) → (N, O, 1).

    >>> from mt_autodiff import ones, tensor
    >>> max_over_time(tensor([[[1, 4, 3]]]), ones((1, 1, 2)), None, (0,), (3,), (1,))
    tensor([[[7.]]])
    """
    return max(convolve(input, weight, bias, before, positions, stride, relu=True), dim=2)
