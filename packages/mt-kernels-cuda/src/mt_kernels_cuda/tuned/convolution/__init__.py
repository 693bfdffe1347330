"""Convolutions as matrix products, and the maximum over time."""
