"""Trees for learners: the packages without their solutions.

`write_tree` writes the tree of a module; `sync` copies a learner's work from an earlier tree.
"""

from grading.scaffold.left_out import CannotLeaveOutError
from grading.scaffold.manifest import Manifest, NotATreeError
from grading.scaffold.stripping import ScaffoldError
from grading.scaffold.sync import SyncError, SyncResult, sync
from grading.scaffold.tree import write_tree

__all__ = [
    "CannotLeaveOutError",
    "Manifest",
    "NotATreeError",
    "ScaffoldError",
    "SyncError",
    "SyncResult",
    "sync",
    "write_tree",
]
