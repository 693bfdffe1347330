"""The table of tasks: its records, its validation, and the documents that repeat it."""
