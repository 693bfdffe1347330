"""A made-up course with 30 learners, for the guide of instructors and for tests."""
