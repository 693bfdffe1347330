"""Compilation with numba: the compilers of functions, and the cache of their results."""
