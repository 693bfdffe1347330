"""Slowdowns between commits, from the results of `bench-commits`: `hatch run regressions`."""
