"""Mistakes in trees of modules: task 0.4."""

from collections.abc import Callable

from grading.diagnosis.mistakes import Mistake, modelled, plain, raising
from grading.protocol.messages import Plain, Request, Response

TASKS = ("0.4",)
Named = dict[str, float]
Reach = Callable[[list[str], list[str]], bool]
"""Returns whether a call on the module at one path reaches the module at another path."""


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


def mode(
    cause: str,
    reach: Reach,
    of: str = "train eval",
    flag: Callable[[bool, bool], bool] = lambda before, right: right,
) -> Mistake:
    """Return a mistake in `train` or `eval`.

    Args:
        cause: The likely cause, see `Mistake`.
        reach: Returns whether a call on the module at one path changes the module at another path.
        of: The functions with the mistake; the others change the module and all below it.
        flag: Returns the flag that a call sets, from the flag before and the right one.
    """

    def model(request: Request) -> Response:
        flags = dict.fromkeys(_paths(request.options["tree"]), True)
        for start, word in request.options["actions"]:
            right, wrong = word == "train", word in of.split()
            for path, before in flags.items():
                if (reach if wrong else _below)(start, path.split(".") if path else []):
                    flags[path] = flag(before, right) if wrong else right
        return plain(request, flags)

    return modelled(TASKS, cause, r"module\.modes", model)


def _opposite(before: bool, right: bool) -> bool:
    return not right


def _inverted(before: bool, right: bool) -> bool:
    return not before


def _paths(tree: Plain, path: tuple[str, ...] = ()) -> list[str]:
    below = [_paths(child, (*path, name)) for name, child in tree["children"].items()]
    return [".".join(path), *(each for paths in below for each in paths)]


def _below(start: list[str], path: list[str]) -> bool:
    return path[: len(start)] == start


WORDS = (
    ("train eval", "`train` and `eval`", "set"),
    ("eval", "`eval`", "sets"),
    ("train", "`train`", "sets"),
)
"""Functions with a mistake, their names in a sentence, and the verb."""

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
    *(
        mode(f"{words} {sets} only the module itself.", lambda start, path: path == start, of)
        for of, words, sets in WORDS
    ),
    *(
        mode(
            f"{words} {stops} at the children. Each child has to call {it} for its own children.",
            lambda start, path: _below(start, path) and len(path) <= len(start) + 1,
            of,
        )
        for (of, words, _), stops, it in zip(
            WORDS, ("stop", "stops", "stops"), ("them", "it", "it"), strict=True
        )
    ),
    *(
        mode(
            f"{words} {sets} the modules below, but not the module itself.",
            lambda start, path: _below(start, path) and path != start,
            of,
        )
        for of, words, sets in WORDS
    ),
    *(
        mode(f"{words} {sets} all modules, not only those below.", lambda start, path: True, of)
        for of, words, sets in WORDS
    ),
    mode("`eval` changes nothing.", lambda start, path: False, "eval"),
    mode("`train` changes nothing.", lambda start, path: False, "train"),
    mode("`train` sets the evaluation mode.", _below, "train", _opposite),
    mode("`eval` sets the training mode.", _below, "eval", _opposite),
    mode("`eval` inverts the mode. Set it.", _below, "eval", _inverted),
    mode("`train` inverts the mode. Set it.", _below, "train", _inverted),
    raising(
        TASKS,
        "`parameters` returns the values of the parameters. Return the parameters.",
        r"module\.parameters",
        "AttributeError",
        message="'float' object has no attribute 'value'",
    ),
]
