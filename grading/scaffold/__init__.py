"""Trees for learners: the packages with holes where the solutions were, and the way onwards.

`write_tree` makes the tree of a module, `sync` carries finished work from an earlier one.
"""

from grading.scaffold.left_out import CannotLeaveOutError
from grading.scaffold.manifest import Manifest, NotATreeError
from grading.scaffold.stripping import ScaffoldError
from grading.scaffold.sync import Carried, SyncError, sync
from grading.scaffold.tree import write_tree

__all__ = [
    "CannotLeaveOutError",
    "Carried",
    "Manifest",
    "NotATreeError",
    "ScaffoldError",
    "SyncError",
    "sync",
    "write_tree",
]
