"""Module trees: parameters, modes, depths."""

import pytest

from mt_app.lessons.modules import NETWORKS, tree
from mt_nn import Module


def build(name: str) -> Module:
    import numpy as np

    return NETWORKS[name](np.random.default_rng(0))


@pytest.mark.parametrize("name", NETWORKS)
def test_every_parameter_is_listed_once_under_its_full_name(name: str) -> None:
    network = build(name)
    branches = tree(network)
    listed = [
        f"{branch.name}.{members.name}".lstrip(".")
        for branch in branches
        for members in branch.parameters
    ]
    assert sorted(listed) == sorted(name for name, _ in network.named_parameters())
    total = sum(array.size for array in network.state_dict().values())
    assert sum(branch.count for branch in branches) == total
    assert branches[0].name == "" and branches[0].depth == 0
    assert all(branch.depth == 1 for branch in branches[1:])


def test_training_is_a_flag_of_every_branch() -> None:
    network = build("CourseLeNet")
    assert all(branch.training for branch in tree(network))
    network.eval()
    assert not any(branch.training for branch in tree(network))


def test_frozen_parameters_are_marked() -> None:
    members = [members for branch in tree(build("KimCNN")) for members in branch.parameters]
    assert {one.learnt for one in members} == {True, False}
