"""A control for the steps of a page: two buttons, a slider and a switch for playing."""

import time
from collections.abc import Callable

import streamlit as st

PACE = 1.0
"""The time between steps while playing, in seconds."""


def stepper(key: str, count: int, draw: Callable[[int], None], *, name: str = "step") -> None:
    """Show the controls, and call `draw` with the selected step below them.

    Only this part of the page is drawn again when the step changes.

    Args:
        key: The unique key of the control on all pages.
        count: The number of steps, at least one.
        draw: A function that draws a step, called with its number from 0.
        name: The name of a step.
    """
    running = bool(st.session_state.get(f"{key}.running"))
    fragment = st.fragment(run_every=PACE if running and count > 1 else None)
    fragment(_steps)(key, count, draw, name, running)


def _steps(key: str, count: int, draw: Callable[[int], None], name: str, running: bool) -> None:
    if bool(st.session_state.get(f"{key}.running")) != running:
        st.rerun()  # The whole page: the fragment is created with or without a timer.
    state_key = f"{key}.at"
    # In the first run the address may contain the step.
    if state_key in st.session_state:
        at = min(int(st.session_state[state_key]), count)
        if running and time.monotonic() - st.session_state.get(f"{key}.since", 0.0) > 0.7 * PACE:
            at = at % count + 1
            st.session_state[f"{key}.since"] = time.monotonic()
        st.session_state[state_key] = at
    with st.container(horizontal=True, gap="small", vertical_alignment="bottom"):
        st.button("Back", key=f"{key}.back", on_click=_move, args=(key, -1, count))
        st.button("Next", key=f"{key}.next", on_click=_move, args=(key, 1, count))
        st.button(
            "Stop" if running else "Play",
            key=f"{key}.play",
            icon=":material/pause:" if running else ":material/play_arrow:",
            on_click=_set_running,
            args=(key, not running),
            disabled=count == 1,
        )
        at = 1
        if count > 1:
            at = st.slider(
                f"{name.capitalize()}, of {count}", 1, count, key=state_key, bind="query-params"
            )
    draw(at - 1)


def _move(key: str, by: int, count: int) -> None:
    """Go forward or back; the last step and the first are neighbours."""
    at = int(st.session_state.get(f"{key}.at", 1))
    st.session_state[f"{key}.at"] = (at - 1 + by) % count + 1
    st.session_state[f"{key}.since"] = time.monotonic()


def _set_running(key: str, running: bool) -> None:
    st.session_state[f"{key}.running"] = running
    st.session_state[f"{key}.since"] = time.monotonic()
