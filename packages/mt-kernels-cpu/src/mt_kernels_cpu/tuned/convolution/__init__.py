"""Convolution over zero-padded tiles, and the maximum over time of its results."""
