"""The processor's vectors as values inside kernels."""
