"""The script that Streamlit runs, in a separate folder.

Streamlit treats every module in a folder `pages` beside its script as a page of the old format.
"""
