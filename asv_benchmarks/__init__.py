"""Benchmarks of the packages: workloads, contenders and the conditions of a measurement."""
