"""Right answers, worked out with NumPy and plain Python, independently of every package.

The oracles are as naive as can be: loops over every output position where that is the definition.
"""
