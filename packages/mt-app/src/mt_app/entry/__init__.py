"""The script that Streamlit runs, in a folder of its own.

Streamlit takes every module of a folder `pages` beside its script for a page of an older kind.
"""
