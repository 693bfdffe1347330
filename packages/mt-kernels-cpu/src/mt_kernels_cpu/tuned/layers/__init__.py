"""Fused forms of layers, losses and optimisers."""
