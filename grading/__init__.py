"""Judging a submission: checks, their oracles, and the way to the code under test."""
