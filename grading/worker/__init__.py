"""The process that runs the code under test: takes requests, calls the driver, sends answers.

Everything here runs beside the code under test and is judged with it: nothing that arrives from
this process is believed. It holds no oracle, no check and no mark. It is copied with the driver to
where the process runs; `grading.isolation` says which files.
"""
