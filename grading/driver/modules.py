"""Operations on trees of modules, which are described as plain values."""

from collections.abc import Mapping
from typing import Any

from grading.driver.family import Family
from grading.driver.results import text, truth
from grading.protocol.messages import Plain, Request, Response
from minitorch.module import Module, Parameter

family = Family()


class Node(Module):
    """A module with the parameters and children of a description; calling it adds two numbers."""

    def __init__(self, tree: Plain) -> None:
        super().__init__()
        for name, value in tree.get("parameters", {}).items():
            setattr(self, name, Parameter(value))
        for name, value in tree.get("added", {}).items():
            self.add_parameter(name, value)
        for name, child in tree.get("children", {}).items():
            setattr(self, name, Node(child))
        self.ordinary = "no parameter"

    def forward(self, x: float, plus: float = 0.0) -> float:
        """Add two numbers."""
        return x + plus


def below(module: Any, path: list[str]) -> Any:
    """Return the module at a path of attribute names."""
    for name in path:
        module = getattr(module, name)
    return module


def training(module: Any, tree: Plain, path: tuple[str, ...] = ()) -> dict[str, bool]:
    """Return the training flag of every module by its dotted path."""
    flags = {".".join(path): truth(module.training, "`training`")}
    for name, child in tree.get("children", {}).items():
        flags |= training(getattr(module, name), child, (*path, name))
    return flags


@family.operation
def parameters(request: Request) -> Response:
    """Build a tree, update some parameters, and return the parameters that it lists."""
    root = Node(request.options["tree"])
    for path, value in request.options.get("updates", []):
        below(root, path).update(value)
    named = root.named_parameters()
    # The course's text mentions a dictionary, and its example shows pairs.
    pairs = named.items() if isinstance(named, Mapping) else named
    return Response(
        request,
        plain={
            "named": sorted([text(name, "a name"), p.value] for name, p in pairs),
            "values": sorted(p.value for p in root.parameters()),
            "children": len(list(root.modules())),
        },
    )


@family.operation
def modes(request: Request) -> Response:
    """Build a tree, set some modules to training or evaluation, and return all flags."""
    tree = request.options["tree"]
    root = Node(tree)
    for path, mode in request.options["actions"]:
        module = below(root, path)
        if mode == "train":
            module.train()
        else:
            module.eval()
    return Response(request, plain=training(root, tree))


@family.operation
def call(request: Request) -> Response:
    """Call a module."""
    root = Node({})
    return Response(request, plain=root(request.options["x"], plus=request.options["plus"]))


@family.operation
def attribute(request: Request) -> Response:
    """Read an attribute of a module: a parameter, an ordinary attribute, or a missing one."""
    root = Node({"parameters": {"weight": 2.5}})
    value = getattr(root, request.options["name"])
    return Response(request, plain=getattr(value, "value", value))
