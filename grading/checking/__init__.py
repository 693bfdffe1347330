"""Inputs, oracles and comparisons that the checks of the tasks share."""
