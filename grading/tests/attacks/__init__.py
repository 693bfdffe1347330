"""Submissions that try to gain points or to stop the run: each is bounded, and none succeeds."""
