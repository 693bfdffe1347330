"""The app: `python -m mt_app` shows what the networks see while they work and learn.

`mt_app.lessons`, `mt_app.insight` and `mt_app.figures` compute and draw, `mt_app.jobs` trains in
processes; none of them imports Streamlit. `mt_app.pages` shows the results.
"""
