"""Counts of what the tests of the grader hold: mutants, attacks, right styles, known verdicts."""
