"""The page on tensors in memory."""

import math

import streamlit as st

from mt_app.figures.memory import draw_tensor, draw_whole_storage
from mt_app.lessons.memory import (
    ALLOWED,
    ChainError,
    Link,
    add,
    broadcast_shape,
    follow,
    pair_elements,
    read_shape,
)
from mt_app.stepper import stepper
from mt_app.style import figure, page_head, wide_table_hint
from mt_tensor import to_index

EXAMPLES = (
    "permute(1, 0)",
    "[1:, ::2]",
    "permute(1, 0).contiguous()",
    "[:, None].expand(3, 2, 4)",
    "view(2, 6).permute(1, 0)",
)


def render() -> None:
    """Draw the page."""
    page_head(
        "Tensors in memory",
        "A tensor is a one-dimensional storage, a shape, and a stride for each dimension: the "
        "distance of neighbours in storage. The element at index i has the position Σ i·stride. "
        "Permuting, slicing and broadcasting change shape and strides, but not the storage.",
        (
            "Permute, then make it contiguous: only the second operation copies elements.",
            "Expand a dimension of size 1 and look at its stride.",
        ),
    )
    views, broadcasting = st.tabs(
        ["Views of one storage", "Broadcasting"], key="tensor.tab", bind="query-params"
    )
    with views:
        _views()
    with broadcasting:
        _broadcasting()


def _views() -> None:
    st.pills("Examples", EXAMPLES, key="tensor.example", on_change=_take_example)
    left, right = st.columns([1, 3])
    text = left.text_input("Shape", "3, 4", key="tensor.shape", bind="query-params")
    chain = right.text_input(
        "Operations on x",
        EXAMPLES[0],
        key="tensor.operations",
        bind="query-params",
        help=f"Known: {ALLOWED}.",
    )
    try:
        links = follow(read_shape(text), chain)
    except ChainError as error:
        st.error(str(error), icon=":material/edit:")
        return
    st.table(
        {
            "x": [link.code for link in links],
            "shape": [str(link.data.shape) for link in links],
            "strides": [str(link.data.strides) for link in links],
            "offset": [link.offset for link in links],
            "contiguous": ["yes" if link.contiguous else "no" for link in links],
            "elements copied": [link.data.size if link.moved else 0 for link in links],
        }
    )
    wide_table_hint()
    last = links[-1]
    if last.data.size == 0:
        st.info("This tensor has no elements, so there is nothing to draw.")
        return
    stepper("tensor", last.data.size, lambda at: _show_element(links[0], last, at), name="element")


def _take_example() -> None:
    """Copy the chosen example to the input."""
    if example := st.session_state["tensor.example"]:
        st.session_state["tensor.operations"] = example


def _show_element(first: Link, last: Link, at: int) -> None:
    """Draw the first and the last tensor of the chain, with one element framed in both."""
    index = list(last.data.indices())[at]
    position = last.positions[index]
    sums = " + ".join(f"{i}·{s}" for i, s in zip(index, last.data.strides, strict=True)) or "0"
    start = f"{last.offset} + " if last.offset else ""
    st.markdown(f"Element **{index}** is at position {start}{sums} = **{position}**.")
    same = not any(
        cells != value for cells, value in zip(first.storage, last.storage, strict=False)
    )
    shared = len(first.storage) == len(last.storage) and same
    left, right = st.columns(2)
    with left:
        origin = [i for i, p in first.positions.items() if shared and p == position]
        figure(
            draw_tensor(first, "x at the beginning", origin).svg(), "The tensor at the beginning"
        )
    with right:
        figure(draw_tensor(last, "after the operations", [index]).svg(), "The tensor afterwards")
    title = "storage: elements of the tensor are filled"
    figure(draw_whole_storage(last, title, [position]).svg(), "The storage of the tensor")


def _broadcasting() -> None:
    left, right = st.columns(2)
    first = left.text_input("Shape of a", "3, 1", key="cast.a", bind="query-params")
    second = right.text_input("Shape of b", "4", key="cast.b", bind="query-params")
    try:
        a, b = read_shape(first), read_shape(second)
        shape = broadcast_shape(a, b)
    except ChainError as error:
        st.error(str(error), icon=":material/edit:")
        return
    size = math.prod(shape)
    if size == 0:
        st.info(f"The result has shape {shape}: no elements, so there is nothing to draw.")
        return
    st.markdown(
        f"a {a} and b {b} give **{shape}**. As a view of that shape, a has strides "
        f"**{follow(a, f'expand({_listed(shape)})')[-1].data.strides}** and b "
        f"**{follow(b, f'expand({_listed(shape)})')[-1].data.strides}**: 0 where it repeats."
    )

    links = add(a, b)

    def show(at: int) -> None:
        index = [0] * len(shape)
        to_index(at, shape, index)
        found = pair_elements(a, b, index)
        indices = (found.left, found.right, tuple(index))
        for column, link, chosen in zip(st.columns(3), links, indices, strict=True):
            with column:
                title = f"{link.code}: element {chosen}"
                figure(draw_tensor(link, title, [chosen]).svg(220), title)

    stepper("cast", size, show, name="element")
    st.caption(f"The sum is a new tensor with strides {links[2].data.strides}.")


def _listed(shape: tuple[int, ...]) -> str:
    return ", ".join(map(str, shape))
