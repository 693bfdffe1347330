"""Expected results, computed with NumPy and plain Python, independently of every package.

The oracles follow the definitions: loops over every output position where the definition has one.
"""
