"""Compilation with numba: how functions are compiled, and where the results are kept."""
