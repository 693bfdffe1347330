"""The judge: runs the checks of the chosen tasks, in this process, on code that is in another."""
