"""Measurement of the likely causes that reports name: right, wrong and unnamed."""
