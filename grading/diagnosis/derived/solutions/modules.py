"""Right trees of modules: task 0.4."""

from typing import TypeAlias

from grading.diagnosis.derived.solution import Solution
from grading.diagnosis.mistakes import plain
from grading.protocol.messages import Plain, Request, Response

Tree: TypeAlias = Plain
Named: TypeAlias = dict[str, float]


def dotted(prefix: str, name: str) -> str:
    """Return a name below another one."""
    return f"{prefix}.{name}" if prefix else name


def named_parameters(tree: Tree, prefix: str, found: Named) -> None:
    """Add the parameters of a module and of all below it."""
    own = {**tree.get("parameters", {}), **tree.get("added", {})}
    for name in own:  # the parameters of a module itself
        full = dotted(prefix, name)  # the name of a parameter
        found.update({full: own[name]})  # the step that adds a parameter with its name
    children = tree.get("children", {})
    for name in children:  # the loop over the modules below
        below = dotted(prefix, name)  # the name of a module below
        named_parameters(children[name], below, found)  # the parameters of modules below


def set_mode(tree: Tree, path: str, mode: bool, flags: dict[str, bool]) -> None:
    """Set the flag of a module and of all below it."""
    flags.update({path: mode})  # the step that sets the flag of a module
    children = tree.get("children", {})
    for name in children:  # the loop over the modules below
        set_mode(children[name], dotted(path, name), mode, flags)  # the modules below


def respond_to_parameters(request: Request) -> Response | None:
    """Return the parameters of a tree."""
    tree = request.options["tree"]
    if request.options.get("updates"):
        return None
    found: Named = {}
    named_parameters(tree, "", found)
    values = {
        "named": sorted([name, value] for name, value in found.items()),
        "values": sorted(found.values()),
        "children": len(tree.get("children", {})),
    }
    return plain(request, values)


def respond_to_modes(request: Request) -> Response | None:
    """Return the flags of all modules after some calls."""
    tree = request.options["tree"]
    flags: dict[str, bool] = {}
    set_mode(tree, "", True, flags)
    for path, mode in request.options["actions"]:
        below = tree
        for name in path:
            below = below["children"][name]
        set_mode(below, ".".join(path), mode == "train", flags)
    return plain(request, flags)


SOLUTIONS = (
    Solution(("0.4",), r"module\.parameters", respond_to_parameters, (named_parameters,)),
    Solution(("0.4",), r"module\.modes", respond_to_modes, (set_mode,)),
)
"""Right solutions of the functions of modules."""
