"""A course's own rules: points, deadlines, feedback, hand-ins and exports, in one TOML file.

- `model`: the records of the file; `load` reads and validates it; `show` prints all its rules.
- `apply`: decision of a stored report under a policy, without running anything.
- `hand_ins`: hand-ins, their times, learners and pairs; `deadlines`: late hand-ins and deductions.
- `overrides`: marks that an instructor sets by hand.
- `visibility`: the part of a report that a learner may see before the deadline.
- `pseudonyms`: reports without names.
- `marks`: the mark of each learner of a class; `regrade` writes them.
- `exports`: tables of marks for Canvas, Moodle and spreadsheets.
"""
