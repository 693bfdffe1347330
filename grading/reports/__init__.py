"""Formats of reports for people and programs, one module each.

All formats are written from the records of `grading.judge.records`, whose texts are printable.
"""
