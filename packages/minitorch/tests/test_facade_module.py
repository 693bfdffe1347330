"""Modules and parameters, under the course's names."""

import minitorch
import mt_nn


class Leaf(minitorch.Module):
    def __init__(self) -> None:
        super().__init__()
        self.p = minitorch.Parameter(15)


class Root(minitorch.Module):
    def __init__(self) -> None:
        super().__init__()
        self.p = minitorch.Parameter(5)
        self.not_a_parameter = 10
        self.leaf = Leaf()
        self.same_leaf = self.leaf

    def forward(self, x: float) -> float:
        return x + float(self.p.value)


def test_modules_find_members_by_assignment() -> None:
    root = Root()
    assert {name: p.value for name, p in root.named_parameters()} == {"p": 5, "leaf.p": 15}
    assert [p.value for p in root.parameters()] == [5, 15]
    assert list(root.modules()) == [root.leaf]
    assert Root.mro()[1].mro()[1] is mt_nn.Module
    assert list(mt_nn.Module.modules(root)) == [root, root.leaf]
    assert root(2.0) == 7.0
    added = root.add_parameter("late", 1)
    assert added.value == 1 and root.late is added
    assert "leaf" in repr(root)


def test_modules_switch_between_training_and_evaluation() -> None:
    root = Root()
    assert root.training and root.leaf.training and root.mode == "train"
    root.eval()
    assert not root.training and not root.leaf.training
    root.train()
    assert root.training and root.leaf.training


class WithFlag:
    flag_received = False

    def requires_grad_(self, flag: bool) -> None:
        self.flag_received = flag


def test_parameter_calls_requires_grad_of_any_value() -> None:
    first, second = WithFlag(), WithFlag()
    parameter = minitorch.Parameter(first, name="p")
    parameter.update(second)
    assert first.flag_received and second.flag_received
    assert parameter.value is second and parameter.name == "p"
