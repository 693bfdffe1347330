"""Random operations on random numbers and layouts, compared with PyTorch."""
