"""The computations of the lesson pages, without a page.

Each module computes with the library and returns the intermediate steps. The package does not use
Streamlit and does not draw.
"""
