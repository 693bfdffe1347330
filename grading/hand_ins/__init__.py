"""Hand-ins as platforms deliver them: archives, downloads, and several homeworks in one hand-in.

- `names`: learners and ids in the file names of downloads from Moodle, Canvas and Blackboard.
- `archives`: unpacking of an archive, in a process with limits.
- `unpacker`: the program of this process.
- `contents`: a description of a folder without a submission.
- `opening`: the submission in a hand-in.
- `choosing`: the homework that tasks belong to, of several in one hand-in.
"""
