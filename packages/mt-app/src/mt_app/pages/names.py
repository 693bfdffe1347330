"""The page on the smallest GPT: names, attention step by step, one step on four engines."""

import numpy as np
import streamlit as st

from mt_app.figures.attention import draw_attention
from mt_app.insight.texts import visible
from mt_app.lessons.names import (
    Array,
    Head,
    Learnt,
    Timed,
    attention,
    learn,
    next_letters,
    on_four_engines,
)
from mt_app.stepper import stepper
from mt_app.style import figure, page_head, wide_table_hint
from mt_app.tiles import bars
from mt_models.datasets import load_names
from mt_models.names.model import CONTEXT, HEADS, LETTERS, tokens_of

END = "end"
CANDIDATES = 6


def render() -> None:
    """Draw the page."""
    page_head(
        "Names",
        "The smallest GPT has one layer, four heads and 4,192 weights. It reads first names letter "
        "by letter and invents new ones. The same program runs on Scalars and on tensors of three "
        "backends.",
        (
            "Set the number of learnt names to 0: every letter is about equally probable.",
            "Step through the name, and look for a head that finds the last vowel.",
            "Compare the engines: equal losses, very different times.",
        ),
    )
    left, right = st.columns(2)
    steps = left.select_slider(
        "Learnt names", [0, 10, 100, 300, 1000, 3000], 300, key="names.steps", bind="query-params"
    )
    name = right.text_input("Name", "emma", key="names.name", bind="query-params").strip().lower()
    learnt = _learnt(int(steps))
    st.markdown(f"It invents: *{', '.join(visible(each) or '–' for each in learnt.invented)}*")
    if learnt.losses:
        last = learnt.losses[-100:]
        st.caption(
            f"The loss of the last {len(last)} names was {np.mean(last):.2f} a letter. A model "
            f"that knows nothing has {np.log(len(LETTERS) + 1):.2f}."
        )
    try:
        tokens_of(name)
    except ValueError as error:
        st.error(f"{error}.")
        return
    if len(name) >= CONTEXT or not name:
        st.error(f"The name has {len(name)} letters; allowed are 1 to {CONTEXT - 1}.")
        return
    _steps(learnt, name)
    _engines(int(steps), name)


@st.cache_resource(show_spinner="Learning names …", max_entries=6)
def _learnt(steps: int) -> Learnt:
    return learn(load_names(), steps)


def _steps(learnt: Learnt, name: str) -> None:
    """Show the attention and the next letter for each position of a name."""
    st.header("Letter by letter")
    head = st.segmented_control(
        "Head",
        list(range(1, HEADS + 1)),
        default=1,
        key="names.head",
        bind="query-params",
        required=True,
    )
    heads = attention(learnt.weights, name)
    shares = next_letters(learnt.weights, name)
    chosen = heads[int(head or 1) - 1]
    stepper("names", len(name) + 1, lambda at: _show(chosen, shares[at], name, at), name="position")


def _show(head: Head, shares: Array, name: str, at: int) -> None:
    """Show what a head computes for a position, and the letters that can follow."""
    read = f".{name}"
    scores, weights, output = draw_attention(head, read, at)
    following = name[at] if at < len(name) else END
    left, right = st.columns([3, 2])
    with left:
        figure(scores.svg(), f"The query of {read[at]} and its scores with all keys")
        st.caption(
            "A score is the product of query and key, divided by √4. Later positions are hidden."
        )
    with right:
        figure(weights.svg(), f"The weights of all positions up to {read[at]}")
        st.caption("The softmax turns the scores of a row into weights with the sum 1.")
    left, right = st.columns([3, 2])
    with left:
        figure(output.svg(), f"The weighted sum of the values for {read[at]}")
        st.caption("The output of the head is the sum of the weighted values.")
    with right:
        order = np.argsort(-shares, kind="stable")[:CANDIDATES].tolist()
        st.html(
            bars([(LETTERS[each] if each < len(LETTERS) else END, shares[each]) for each in order])
        )
        right_share = shares[LETTERS.index(following) if following != END else len(LETTERS)]
        st.caption(f"After {read[: at + 1]} comes {following}, with probability {right_share:.1%}.")


@st.cache_resource(show_spinner="Computing on four engines …", max_entries=20)
def _timed(steps: int, name: str) -> list[Timed]:
    # The choice of another head computes nothing again.
    return on_four_engines(_learnt(steps).weights, name)


def _engines(steps: int, name: str) -> None:
    """Show the same step on four engines.

    Args:
        steps: The number of learnt names.
        name: The name.
    """
    st.header("One step on four engines")
    results = _timed(steps, name)
    st.table(
        {
            "engine": [each.engine for each in results],
            "loss": [f"{each.loss:.12f}" for each in results],
            "norm of the gradient": [f"{each.gradient:.10f}" for each in results],
            "time": [f"{1000 * each.seconds:.2f} ms" for each in results],
        },
        hide_index=True,
    )
    wide_table_hint()
    st.caption(
        f"The loss of {name} and its gradient, forward and backward, in double precision. The "
        "engines add the same products in a different order."
    )
