"""The process that runs the code under test: receives requests, calls the driver, sends replies.

This code runs in the same process as the code under test, so the judge does not trust its replies.
It contains no oracles, checks or marks. `grading.isolation.worker_files` copies it to the folder of
the process, with the driver.
"""
