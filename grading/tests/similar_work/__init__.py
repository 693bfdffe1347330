"""Planted copies among independent solutions: the measurement of `grade --similar`."""
