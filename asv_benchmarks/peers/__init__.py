"""Comparison of our speed with NumPy, PyTorch, JAX and tinygrad: `hatch run peers`."""
