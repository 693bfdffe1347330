"""The processor's vectors as values inside of kernels."""
