"""The script that Streamlit runs: the list of pages, and the one that is open."""

import streamlit as st

from mt_models.app.pages import digits, grade, home, sentiment, speed


def main() -> None:
    """Show the page that is chosen at the side."""
    st.set_page_config(page_title="MiniTorch", page_icon=":material/neurology:", layout="wide")
    page = st.navigation(
        {
            "": [
                st.Page(home.render, title="Start", icon=":material/home:", default=True),
            ],
            "Networks": [
                st.Page(digits.render, title="Digits", icon=":material/draw:", url_path="digits"),
                st.Page(
                    sentiment.render,
                    title="Sentiment",
                    icon=":material/chat:",
                    url_path="sentiment",
                ),
            ],
            "Step by step": [],
            "Modules 0 – 3": [],
            "Workbench": [
                st.Page(speed.render, title="Speed", icon=":material/speed:", url_path="speed"),
                st.Page(grade.render, title="Grade", icon=":material/task_alt:", url_path="grade"),
            ],
        }
    )
    page.run()


main()
