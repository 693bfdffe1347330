"""Tables of marks: a plain CSV, and the files of Canvas and Moodle, filled in.

A platform's file is the export of the same course. Only cells with grades change, byte for byte.
A file beside it names the policy, the commit of the grader, the seed and the time.
"""
