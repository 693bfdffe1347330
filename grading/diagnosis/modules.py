"""Mistakes in trees of modules: task 0.4."""

from collections.abc import Callable

from grading.diagnosis.mistakes import Mistake, modelled, plain
from grading.protocol.messages import Plain, Request, Response

TASKS = ("0.4",)
Named = dict[str, float]


def own(tree: Plain) -> Named:
    """Return the parameters of a module without those of its children."""
    return {**tree["parameters"], **tree["added"]}


def named(
    tree: Plain, depth: int = 99, prefix: str = "", own: Callable[[Plain], Named] = own
) -> Named:
    """Return the parameters by their dotted names, down to a depth."""
    found = {prefix + name: value for name, value in own(tree).items()}
    if depth:
        for name, child in tree["children"].items():
            found |= named(child, depth - 1, f"{prefix}{name}.", own)
    return found


def finding(cause: str, find: Callable[[Plain], list[tuple[str, float]]]) -> Mistake:
    """Return a mistake in the collection of parameters; `find` returns the wrong pairs."""

    def model(request: Request) -> Response | None:
        if request.options.get("updates"):
            return None
        tree = request.options["tree"]
        pairs = find(tree)
        return plain(
            request,
            {
                "named": sorted([name, value] for name, value in pairs),
                "values": sorted(value for _, value in pairs),
                "children": len(tree["children"]),
            },
        )

    return modelled(TASKS, cause, r"module\.parameters", model)


def _with_names(change: Callable[[str], str]) -> Callable[[Plain], list[tuple[str, float]]]:
    return lambda tree: [(change(name), value) for name, value in named(tree).items()]


def mode(cause: str, reach: Callable[[list[str], list[str], str], bool]) -> Mistake:
    """Return a mistake in the set of modules that `train` and `eval` change.

    Args:
        cause: The likely cause, see `Mistake`.
        reach: Returns whether a call on the module at one path changes the module at another path;
            the third argument is "train" or "eval".
    """

    def model(request: Request) -> Response:
        flags = dict.fromkeys(_paths(request.options["tree"]), True)
        for start, word in request.options["actions"]:
            for path in flags:
                if reach(start, path.split(".") if path else [], word):
                    flags[path] = word == "train"
        return plain(request, flags)

    return modelled(TASKS, cause, r"module\.modes", model)


def _paths(tree: Plain, path: tuple[str, ...] = ()) -> list[str]:
    below = [_paths(child, (*path, name)) for name, child in tree["children"].items()]
    return [".".join(path), *(each for paths in below for each in paths)]


def _below(start: list[str], path: list[str]) -> bool:
    return path[: len(start)] == start


MISTAKES = [
    finding(
        "You return only the module's own parameters. Include those of all modules below it.",
        lambda tree: list(named(tree, 0).items()),
    ),
    finding(
        "You return the parameters of children, but not those of grandchildren.",
        lambda tree: list(named(tree, 1).items()),
    ),
    finding(
        "The names of parameters of child modules lack the name of the module.",
        _with_names(lambda name: name.split(".")[-1]),
    ),
    finding(
        "You keep only the last two parts of a dotted name.",
        _with_names(lambda name: ".".join(name.split(".")[-2:])),
    ),
    finding(
        "You do not return parameters that `add_parameter` adds.",
        lambda tree: list(named(tree, own=lambda node: node["parameters"]).items()),
    ),
    finding(
        "You return only parameters that `add_parameter` adds.",
        lambda tree: list(named(tree, own=lambda node: node["added"]).items()),
    ),
    finding(
        "The parameters of the module itself are missing.",
        lambda tree: [(name, value) for name, value in named(tree).items() if "." in name],
    ),
    mode(
        "`train` and `eval` set only the module itself.",
        lambda start, path, word: path == start,
    ),
    mode(
        "`eval` sets only the module itself.",
        lambda start, path, word: path == start if word == "eval" else _below(start, path),
    ),
    mode(
        "`train` sets only the module itself.",
        lambda start, path, word: path == start if word == "train" else _below(start, path),
    ),
    mode(
        "`train` and `eval` stop at the children. Each child has to call them for its own "
        "children.",
        lambda start, path, word: _below(start, path) and len(path) <= len(start) + 1,
    ),
    mode(
        "`eval` stops at the children. Each child has to call it for its own children.",
        lambda start, path, word: (
            _below(start, path) and (word == "train" or len(path) <= len(start) + 1)
        ),
    ),
    mode(
        "`train` stops at the children. Each child has to call it for its own children.",
        lambda start, path, word: (
            _below(start, path) and (word == "eval" or len(path) <= len(start) + 1)
        ),
    ),
    mode("`eval` changes nothing.", lambda start, path, word: False),
    mode(
        "`train` and `eval` set the modules below, but not the module itself.",
        lambda start, path, word: _below(start, path) and path != start,
    ),
]
