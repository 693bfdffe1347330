"""Task 0.4: modules."""

from typing import Any, TypeAlias

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from grading.checking.compare import expect_plain, expect_refusal
from grading.checking.textbook import numbers
from grading.protocol.messages import Plain, Subject

pytestmark = pytest.mark.task0_4

names = st.sampled_from(["alpha", "beta", "gamma"])
values = numbers(st.integers(-9, 9).map(float))


def _named(tree: Plain, prefix: str = "") -> dict[str, float]:
    """Return the parameters of a tree by their dotted names."""
    found = {prefix + k: v for k, v in (tree["parameters"] | tree["added"]).items()}
    for name, child in tree["children"].items():
        found |= _named(child, f"{prefix}{name}.")
    return found


def _paths(tree: Plain, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """Return the paths of all modules of a tree."""
    below = [_paths(child, (*path, name)) for name, child in tree["children"].items()]
    return [path, *(each for paths in below for each in paths)]


@st.composite
def trees(draw: st.DrawFn, depth: int = 3) -> Plain:
    """Draw a tree with parameters set as attributes, parameters added by name, and children."""
    children: dict[str, Any] = {}
    if depth:
        for name in draw(st.lists(names, max_size=3, unique=True)):
            children["m_" + name] = draw(trees(depth - 1))
    return {
        "parameters": {"p_" + n: v for n, v in draw(st.dictionaries(names, values)).items()},
        "added": {"a_" + n: v for n, v in draw(st.dictionaries(names, values)).items()},
        "children": children,
    }


@given(tree=trees())
def test_parameters_of_the_whole_tree(subject: Subject, tree: Plain) -> None:
    response = subject.call("module.parameters", options={"tree": tree})
    named = _named(tree)
    expected = {
        "named": sorted([name, value] for name, value in named.items()),
        "values": sorted(named.values()),
        "children": len(tree["children"]),
    }
    expect_plain(response, expected, "the parameters of the tree")


@given(tree=trees(), value=st.integers(100, 109).map(float), data=st.data())
def test_updated_parameters(
    subject: Subject, tree: Plain, value: float, data: st.DataObject
) -> None:
    named = _named({**tree, "parameters": {**tree["parameters"], "p_more": 0.0}})
    tree = {**tree, "parameters": {**tree["parameters"], "p_more": 0.0}}
    name = data.draw(st.sampled_from(sorted(named)))
    options = {"tree": tree, "updates": [[name.split("."), value]]}
    response = subject.call("module.parameters", options=options)
    named[name] = value
    expect_plain(
        response,
        {
            "named": sorted([k, v] for k, v in named.items()),
            "values": sorted(named.values()),
            "children": len(tree["children"]),
        },
        "the parameters of the tree after an update",
    )


Action: TypeAlias = tuple[tuple[str, ...], str]
"""The path of a module, and the method to call: "train" or "eval"."""


@st.composite
def switched(draw: st.DrawFn) -> tuple[Plain, list[Action]]:
    """Draw a tree and a list of calls of `train` and `eval` in it."""
    tree = draw(trees())
    action = st.tuples(st.sampled_from(_paths(tree)), st.sampled_from(["train", "eval"]))
    return tree, draw(st.lists(action, max_size=4))


LEAF: Plain = {"parameters": {}, "added": {}, "children": {}}
DEEP: Plain = {**LEAF, "children": {"m_a": {**LEAF, "children": {"m_b": LEAF}}}}
"""A module with a child and a grandchild."""


@given(switched=switched())
# Random trees seldom have both a grandchild and two calls that reach it.
@example(switched=(DEEP, [((), "eval")]))
@example(switched=(DEEP, [((), "eval"), ((), "train")]))
@example(switched=(DEEP, [((), "eval"), ((), "eval")]))
def test_training_mode_of_submodules(
    subject: Subject, switched: tuple[Plain, list[Action]]
) -> None:
    tree, actions = switched
    paths = _paths(tree)
    expected = {".".join(path): True for path in paths}
    for start, mode in actions:
        for path in paths:
            if path[: len(start)] == start:
                expected[".".join(path)] = mode == "train"
    options = {"tree": tree, "actions": [[list(path), mode] for path, mode in actions]}
    expect_plain(subject.call("module.modes", options=options), expected, "`training`")


@given(x=values, plus=values)
def test_call_of_a_module(subject: Subject, x: float, plus: float) -> None:
    response = subject.call("module.call", options={"x": x, "plus": plus})
    expect_plain(response, x + plus, "the result of forward")


def test_attributes_by_name(subject: Subject) -> None:
    expect_plain(subject.call("module.attribute", options={"name": "weight"}), 2.5)
    expect_plain(subject.call("module.attribute", options={"name": "ordinary"}), "no parameter")


def test_error_for_a_missing_attribute(subject: Subject) -> None:
    options = {"name": "wieght"}
    expect_refusal(subject, "module.attribute", options=options, kind="AttributeError")
