"""Realistic mistakes of learners, as small rewrites of the reference's sources."""
