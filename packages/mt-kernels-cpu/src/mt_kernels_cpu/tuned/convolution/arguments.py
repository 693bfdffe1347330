"""Arguments of the convolution kernels, in groups; see `mt_kernels_cpu.compiling.arguments`."""

from typing import Any, NamedTuple

import numpy.typing as npt

from mt_kernels_cpu.tuned.convolution.tiling import Positions, TileStrides
from mt_tensor.layout import Storage


class Images(NamedTuple):
    """Images in any layout.

    Attributes:
        storage: The elements.
        strides: The strides of images, channels, rows and columns.
    """

    storage: Storage
    strides: tuple[int, int, int, int]


class Weights(NamedTuple):
    """Weights in any layout, and what else a sum of products depends on.

    Attributes:
        storage: The weights.
        step: The stride of output channels.
        taps: The position of each tap in the kernel of the first output channel.
        offsets: The offset of each tap in a tile.
        bias: The initial values of the sums.
        bias_step: The stride of output channels in them; 0 for one value for all.
        relu: True to replace negative sums by 0.
    """

    storage: Storage
    step: int
    taps: Positions
    offsets: Positions
    bias: Storage
    bias_step: int
    relu: bool


class Outputs(NamedTuple):
    """Contiguous result.

    Attributes:
        storage: The elements.
        channels: The number of channels.
        length: The number of elements of one channel.
    """

    storage: Storage
    channels: int
    length: int


class Maxima(NamedTuple):
    """Results of a convolution of which the maximum over all positions is kept.

    Attributes:
        values: The maxima, (N, O), contiguous.
        argmax: Their positions, (N, O), contiguous.
        channels: The number of output channels.
    """

    values: Storage
    argmax: Positions
    channels: int


class MaximaGradient(NamedTuple):
    """Gradient of the maxima over all positions.

    Attributes:
        storage: The gradient, (N, O).
        image_step: The stride of images.
        channel_step: The stride of output channels.
        argmax: The positions of the maxima, (N, O), contiguous.
    """

    storage: Storage
    image_step: int
    channel_step: int
    argmax: Positions


class SequenceSizes(NamedTuple):
    """Sizes of a convolution of sequences.

    Attributes:
        sequences: The number N of sequences.
        width: The length W of a sequence.
        channels: The number C of channels.
        outputs: The number O of output channels.
        taps: The width K of a kernel.
        before: The number of zeros before a sequence.
    """

    sequences: int
    width: int
    channels: int
    outputs: int
    taps: int
    before: int


class Upstream(NamedTuple):
    """Gradient of the result, in any layout.

    Attributes:
        images: The gradient.
        is_masked: True if it counts only where the mask is positive.
        mask: The result after ReLU.
    """

    images: Images
    is_masked: bool
    mask: Images


class InputGradient(NamedTuple):
    """Gradient of the images.

    Attributes:
        is_wanted: False if it is not requested; the other groups are empty then.
        outputs: The result.
        weights: The flipped weights.
    """

    is_wanted: bool
    outputs: Outputs
    weights: Weights


class WeightGradient(NamedTuple):
    """Operands of the gradients of weight and bias.

    Attributes:
        images: The images.
        strides: The layout of images in their tile.
        offsets: The offset of each tap in that tile.
        output_span: The number of elements from the first gradient in a plane to the last.
        contiguous_rows: True if the planes of one channel follow one another and form one row.
    """

    images: Images
    strides: TileStrides
    offsets: Positions
    output_span: int
    contiguous_rows: bool


class Lines(NamedTuple):
    """Lines of positions whose products are added: the rows of an output channel.

    Attributes:
        gradients: The start of each line of all images in the gradient of the first output channel.
        images: The start of the window of each line's first position, for the images of a tile.
        per_image: The number of lines of an image.
        positions: The number of positions in a line.
        at_once: The number of lines whose windows stay in the first cache.
    """

    gradients: Positions
    images: Positions
    per_image: int
    positions: int
    at_once: int


class Kernel(NamedTuple):
    """Rows of a kernel in a tile of windows.

    Attributes:
        rows: The number of rows.
        step: The distance of rows in the tile.
        length: The length of a window: columns times channels.
    """

    rows: int
    step: int
    length: int


class WindowLayout(NamedTuple):
    """Layout of a tile in which the channels of a position are contiguous.

    Attributes:
        strides: The layout of images in the tile. The stride of channels is their number: the
            distance of neighbouring columns.
        lines: The lines of positions.
        kernel: The rows of a kernel.
        tile_size: The length of a tile.
        images_per_tile: The number of images in a tile.
        images: The number of images.
    """

    strides: TileStrides
    lines: Lines
    kernel: Kernel
    tile_size: int
    images_per_tile: int
    images: int


class ScratchEnds(NamedTuple):
    """Ends of the parts of a row of scratch, in elements.

    Attributes:
        gradients: The end of the tile of gradients.
        images: The end of the tile of images.
        sums: The end of the sums of the weights.
    """

    gradients: int
    images: int
    sums: int


class BackwardScratch(NamedTuple):
    """Memory of one thread for the backward pass.

    Attributes:
        row: The tile of gradients, the tile of images, the sums of the weights (for each tap a row
            of outputs, in whole blocks), and the staging buffer.
        ends: The end of each part but the last. Parts of gradients that are not requested are
            empty.
        bias_sums: Zeros for the sums of the bias, in double precision. Empty if they are not
            requested.
    """

    row: Storage
    ends: ScratchEnds
    bias_sums: npt.NDArray[Any]
