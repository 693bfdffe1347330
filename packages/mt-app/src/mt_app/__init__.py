"""The app: `python -m mt_app` shows the computations of networks, step by step.

`mt_app.lessons`, `mt_app.insight` and `mt_app.figures` compute and draw, `mt_app.jobs` runs
training in processes; none of them imports Streamlit. `mt_app.pages` shows the results.
"""

__version__ = "0.1.0"
