"""Images for poolings."""

from hypothesis import strategies as st

from grading.checking.strategies import arrays, distinct
from grading.protocol.messages import Array

Case = tuple[Array, tuple[int, int], Array]


@st.composite
def images(draw: st.DrawFn, unequal: bool = False) -> Case:
    """Draw images, a kernel that divides them, and a gradient of the result; rarely square.

    The elements of the images may be demanded to be unequal.
    """
    batch, channels = (draw(st.integers(1, 2)) for _ in range(2))
    kernel = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    rows, columns = draw(st.integers(1, 3)), draw(st.integers(1, 2))
    shape = (batch, channels, rows * kernel[0], columns * kernel[1])
    x = draw(distinct(shape) if unequal else arrays(shape))
    return x, kernel, draw(arrays((batch, channels, rows, columns)))
