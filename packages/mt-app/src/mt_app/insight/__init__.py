"""Intermediate results of networks as arrays, without Streamlit."""
