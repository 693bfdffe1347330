"""A run of the grader as a person or a program wants to read it: one file a format.

All of them write the same records (`grading.judge.records`), whose texts are printable already.
"""
