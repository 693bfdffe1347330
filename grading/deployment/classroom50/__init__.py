"""Autograder for Classroom 50: the script of the teacher's repository, and the run that it starts.

`autograder.py` needs the standard library only. It gets this repository at a tag and starts `run`.
"""
