"""`hatch run peers`: how fast we are beside NumPy, PyTorch, JAX and tinygrad, measured now."""
