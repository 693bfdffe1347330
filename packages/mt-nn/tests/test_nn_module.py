"""Modules: members, names, modes, saving and loading."""

import copy
import pickle
from collections import UserDict, UserList, deque
from types import MappingProxyType
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mt_autodiff import Scalar, rand, tensor
from mt_nn.module import Module
from mt_nn.parameter import Parameter
from mt_tensor import Reference


class Leaf(Module):
    """A module with two parameters and a number of further ones."""

    def __init__(self, extra: int = 0) -> None:
        super().__init__()
        self.weight = Parameter(50.0)
        self.bias = Parameter(60.0)
        self.not_a_parameter = extra
        for i in range(extra):
            self.add_parameter(f"extra_{i}", float(i))


KEPT = Leaf()
"""A module that a weak set does not lose."""


class Tree(Module):
    def __init__(self, left: int, right: int) -> None:
        super().__init__()
        self.left = Leaf(left)
        self.scale = Parameter(1.0)
        self.right = Leaf(right)

    def forward(self, x: float, *, twice: bool = False) -> float:
        return x * (2.0 if twice else 1.0)


class Box(Module):
    """A module with any attributes."""

    def __init__(self, **attributes: Any) -> None:
        for name, value in attributes.items():
            setattr(self, name, value)

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any: ...
        def __setattr__(self, name: str, value: Any) -> None: ...


def names(module: Module) -> list[str]:
    return [name for name, _ in module.named_parameters()]


# Members


@given(st.integers(0, 5), st.integers(0, 5))
def test_tree_of_modules(left: int, right: int) -> None:
    tree = Tree(left, right)
    expected = {"scale": 1.0}
    for side, extra in (("left", left), ("right", right)):
        expected |= {f"{side}.weight": 50.0, f"{side}.bias": 60.0}
        expected |= {f"{side}.extra_{i}": float(i) for i in range(extra)}
    assert {name: p.value for name, p in tree.named_parameters()} == expected
    assert len(tree.parameters()) == len(expected)
    assert all(isinstance(p, Parameter) for p in tree.parameters())
    assert tree.modules() == [tree, tree.left, tree.right]
    assert tree.children() == [tree.left, tree.right]


nested = st.recursive(
    st.sampled_from(["parameter", "module", 1.0, "text", None]),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.lists(inner, max_size=3).map(tuple),
        st.dictionaries(st.sampled_from(["a", "b", "c"]), inner, max_size=3),
    ),
    max_leaves=10,
)


@given(nested)
def test_lists_tuples_and_dicts(plan: Any) -> None:
    expected: dict[str, Parameter] = {}

    def build(name: str, plan: Any) -> Any:
        if isinstance(plan, list | tuple):
            return type(plan)(build(f"{name}.{i}", item) for i, item in enumerate(plan))
        if isinstance(plan, dict):
            return {key: build(f"{name}.{key}", item) for key, item in plan.items()}
        if plan == "parameter":
            expected[name] = Parameter(1.0)
            return expected[name]
        if plan == "module":
            leaf = Leaf()
            expected[f"{name}.weight"], expected[f"{name}.bias"] = leaf.weight, leaf.bias
            return leaf
        return plan

    box = Box(held=build("held", plan))
    assert dict(box.named_parameters()) == expected


def test_order_of_parameters_and_modules() -> None:
    box = Box(layers=[Leaf()], listed=[Parameter(1.0)], head=Leaf(), own=Parameter(2.0))
    assert names(box) == [
        "own",
        "listed.0",
        "layers.0.weight",
        "layers.0.bias",
        "head.weight",
        "head.bias",
    ]


def test_a_parameter_with_several_names_counts_once() -> None:
    shared = Parameter(1.0)
    assert names(Box(first=shared, second=shared)) == ["first"]
    assert names(Box(inner=Box(deep=shared), outer=shared)) == ["outer"]


@pytest.mark.parametrize("holder", [deque, UserList, tuple], ids=lambda holder: holder.__name__)
def test_other_sequences(holder: Any) -> None:
    box = Box()
    box.layers = holder([Leaf(), [Parameter(1.0)]])
    assert names(box) == ["layers.1.0", "layers.0.weight", "layers.0.bias"]
    box.eval()
    assert not box.layers[0].training


@pytest.mark.parametrize("holder", [UserDict, MappingProxyType], ids=lambda holder: holder.__name__)
def test_other_mappings(holder: Any) -> None:
    box = Box()
    box.layers = holder({"first": Leaf()})
    assert names(box) == ["layers.first.weight", "layers.first.bias"]


def objects(*items: Any) -> Any:
    """Return a column of objects."""
    array = np.empty((len(items), 1), object)
    for at, item in enumerate(items):
        array[at, 0] = item
    return array


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({Leaf(), Leaf()}, "'layers' is of type set and contains a Leaf, which would have no name"),
        (frozenset([Parameter(1.0)]), "of type frozenset and contains a Parameter"),
        (WeakSet([KEPT]), "of type WeakSet and contains a Leaf"),
        (objects(Parameter(1.0)), "of type ndarray and contains a Parameter, .*put .* into a list"),
        ({"a": [objects(2.0, [Leaf()])]}, r"'layers\.a\.0' is of type ndarray and contains a list"),
    ],
)
def test_holders_without_names_are_errors(value: Any, message: str) -> None:
    box = Box()
    box.layers = value
    for listing in (box.parameters, box.named_modules, box.state_dict, box.train, box.eval):
        with pytest.raises(TypeError, match=message):
            listing()


def test_sets_and_arrays_of_data_are_ignored() -> None:
    box = Box()
    box.words, box.sizes, box.names = {"a", "b"}, np.ones(3), objects("a", None)
    assert box.parameters() == []


def test_an_attribute_name_precedes_a_list_name() -> None:
    box = Box(weights=[[]])
    box.weights[0].append(box.add_parameter("weight_0_0", Scalar(1.0)))
    assert names(box) == ["weight_0_0"]


def test_a_module_with_several_names_counts_once() -> None:
    leaf = Leaf()
    box = Box(encoder=leaf, layers=[leaf], decoder=leaf)
    assert box.modules() == [box, leaf]
    assert box.children() == [leaf]
    assert box.named_modules() == [("", box), ("encoder", leaf)]
    assert names(box) == ["encoder.weight", "encoder.bias"]


def test_a_module_may_refer_to_its_parent() -> None:
    child = Box(weight=Parameter(1.0))
    parent = Box(child=child)
    child.parent = parent
    assert parent.named_modules() == [("", parent), ("child", child)]
    assert names(parent) == ["child.weight"]
    assert names(child) == ["weight"]
    parent.eval()
    assert not child.training
    assert repr(parent) == "Box(\n  (child): Box(\n    (parent): ...\n  )\n)"


def test_named_modules_lists_parents_first() -> None:
    inner = Leaf()
    middle = Box(layers=[[inner]])
    outer = Box(middle=middle)
    assert outer.named_modules() == [
        ("", outer),
        ("middle", middle),
        ("middle.layers.0.0", inner),
    ]


def test_changes_of_attributes_take_effect() -> None:
    box = Box(a=Parameter(1.0), layers=[Leaf()])
    box.layers.append(Leaf())
    assert "layers.1.weight" in names(box)
    box.layers.clear()
    assert names(box) == ["a"]
    box.a = Leaf()
    assert names(box) == ["a.weight", "a.bias"]
    box.a = 3.0
    assert (names(box), box.children()) == ([], [])
    box.b = Parameter(1.0)
    del box.b
    assert names(box) == []


def test_a_missing_attribute() -> None:
    with pytest.raises(AttributeError, match="Leaf has no attribute 'wieght'; the page"):
        _ = Leaf().wieght  # type: ignore[attr-defined]
    assert not hasattr(Leaf(), "wieght")


def test_works_without_calling_init() -> None:
    class Forgetful(Module):
        def __init__(self) -> None:
            self.weight = Parameter(1.0)

    assert names(Forgetful()) == ["weight"]
    assert Forgetful().training


def test_members_by_kind() -> None:
    tree = Tree(0, 0)
    assert tree._modules == {"left": tree.left, "right": tree.right}
    assert tree._parameters == {"scale": tree.scale}


def test_add_parameter() -> None:
    box = Box()
    value = Scalar(1.0)
    parameter = box.add_parameter("weight_0", value)
    assert box.weight_0 is parameter
    assert parameter.value is value
    assert parameter.name == value.name == "weight_0"
    assert box.add_parameter("same", parameter) is parameter


@pytest.mark.parametrize("name", ["", "a.b", "forward", "training", "_modules"])
def test_invalid_parameter_names(name: str) -> None:
    with pytest.raises(ValueError, match=f"add_parameter: '{name}' is not a valid name .* of Leaf"):
        Leaf().add_parameter(name, 1.0)


def test_copies_and_pickles() -> None:
    tree = Tree(1, 0)
    tree.left.eval()
    for twin in (copy.deepcopy(tree), pickle.loads(pickle.dumps(tree))):
        assert names(twin) == names(tree)
        assert twin.scale is not tree.scale
        assert [m.training for _, m in twin.named_modules()] == [True, False, True]


# Calling, training, showing


def test_a_call_is_forward() -> None:
    assert Tree(0, 0)(3.0, twice=True) == 6.0


def test_a_module_without_forward() -> None:
    with pytest.raises(NotImplementedError, match="Leaf has no method forward"):
        Leaf()()


def test_train_and_eval_set_all_descendants() -> None:
    tree = Box(direct=Tree(0, 0), listed=[[Leaf()], {"key": Leaf()}])
    everything = [module for _, module in tree.named_modules()]
    assert len(everything) == 6
    assert {module.mode for module in everything} == {"train"}
    tree.eval()
    assert {module.training for module in everything} == {False}
    assert {module.mode for module in everything} == {"eval"}
    tree.train()
    assert {module.training for module in everything} == {True}


def test_train_and_eval_return_the_module() -> None:
    tree = Tree(0, 0)
    assert tree.eval() is tree.train() is tree
    assert tree.train(False) is tree
    assert {module.training for module in tree.modules()} == {False}
    assert tree.train(True)(3.0) == 3.0
    assert {module.training for module in tree.modules()} == {True}


def test_apply_visits_children_first() -> None:
    tree, visited = Box(first=Tree(0, 0), last=Leaf()), list[Module]()
    assert tree.apply(visited.append) is tree
    assert visited == [tree.first.left, tree.first.right, tree.first, tree.last, tree]
    assert tree.first.named_children() == [("left", tree.first.left), ("right", tree.first.right)]


def test_forward_hooks() -> None:
    tree, calls = Tree(0, 0), list[Any]()
    observer = tree.register_forward_hook(lambda *call: calls.append(call))
    double = tree.register_forward_hook(lambda module, args, output: 2.0 * output)
    assert tree(3.0, twice=True) == 12.0
    assert calls == [(tree, (3.0,), 6.0)]
    assert tree.modules() == [tree, tree.left, tree.right]
    assert copy.deepcopy(tree)(3.0) == 6.0
    double.remove()
    double.remove()
    assert tree(3.0) == 3.0
    observer.remove()
    with tree.register_forward_hook(lambda module, args, output: -output):
        assert tree(3.0) == -3.0
    assert tree(3.0) == 3.0
    assert len(calls) == 3


def test_a_module_is_frozen_and_loses_its_gradients() -> None:
    box = Box(a=Parameter(tensor([2.0])), b=Parameter(Scalar(2.0)), c=Parameter(1.0))
    for parameter in (box.a, box.b):
        (parameter.value * parameter.value).backward()
        assert float(parameter.grad) == 4.0
    box.zero_grad()
    assert [parameter.grad for parameter in box.parameters()] == [None] * 3
    assert box.requires_grad_(False) is box
    assert [p.requires_grad for p in box.parameters()] == [False] * 3
    assert box.requires_grad_().a.requires_grad
    box.b.requires_grad = False
    assert box.b.value.is_constant()


def test_the_mode_of_one_module() -> None:
    tree = Tree(0, 0)
    tree.left.eval()
    assert (tree.training, tree.left.training, tree.right.training) == (True, False, True)
    assert Leaf().training


def test_repr_is_nested() -> None:
    class Sized(Leaf):
        def extra_repr(self) -> str:
            return "2, 3"

    assert repr(Leaf()) == "Leaf()"
    assert repr(Sized()) == "Sized(2, 3)"
    shown = repr(Box(head=Sized(), blocks=[Tree(0, 0)]))
    assert shown == (
        "Box(\n"
        "  (head): Sized(2, 3)\n"
        "  (blocks.0): Tree(\n"
        "    (left): Leaf()\n"
        "    (right): Leaf()\n"
        "  )\n"
        ")"
    )


def test_repr_shows_settings_beside_members() -> None:
    class Block(Box):
        def extra_repr(self) -> str:
            return "rate=0.5"

    assert repr(Block(inner=Leaf())) == "Block(\n  rate=0.5\n  (inner): Leaf()\n)"


# Parameters


@pytest.mark.parametrize("value", [tensor([1.0]), Scalar(1.0), np.ones(1), 2.0])
def test_a_value_does_not_replace_a_parameter(value: Any) -> None:
    leaf = Leaf()
    with pytest.raises(TypeError, match=r"Leaf.weight is a Parameter.*weight.update\(value\), or"):
        leaf.weight = value
    assert names(leaf) == ["weight", "bias"]
    leaf.weight = Parameter(value)
    leaf.bias = None  # type: ignore[assignment]
    assert names(leaf) == ["weight"]


# Buffers


def test_buffers_are_state_and_no_parameters() -> None:
    inner = Box()
    inner.register_buffer("mean", tensor([1.0, 2.0]))
    inner.register_buffer("count", 3)
    inner.register_buffer("unused", None)
    inner.register_buffer("cache", tensor([9.0]), persistent=False)
    box = Box(inner=inner, weight=Parameter(tensor([4.0])))
    assert [name for name, _ in box.named_buffers()] == ["inner.mean", "inner.count", "inner.cache"]
    assert [str(buffer) for buffer in box.buffers()] == [str(inner.mean), "3", str(inner.cache)]
    assert names(box) == ["weight"]
    state = box.state_dict()
    assert list(state) == ["weight", "inner.mean", "inner.count"]
    other = copy.deepcopy(box)
    other.inner.mean, other.inner.count = tensor([0.0, 0.0]), 0
    assert other.load_state_dict(state) == ([], [])
    assert (other.inner.mean.to_numpy().tolist(), other.inner.count) == ([1.0, 2.0], 3)
    assert inner.mean.is_constant()
    box.to(Reference(np.float32))
    assert inner.mean.dtype == inner.cache.dtype == np.float32


@pytest.mark.parametrize("name", ["", "a.b", "forward"])
def test_invalid_buffer_names(name: str) -> None:
    with pytest.raises(ValueError, match=f"register_buffer: '{name}' is not a valid name .* Leaf"):
        Leaf().register_buffer(name, 1.0)


def test_a_module_moves_to_a_backend_only() -> None:
    with pytest.raises(TypeError, match="to: 'cuda' is not a backend; pass one, such as Tuned"):
        Leaf().to("cuda")  # type: ignore[arg-type]


# Saving and loading


def make(seed: int) -> Box:
    """A module of all kinds of values, float64 and float32."""
    single = Reference(np.float32)
    return Box(
        matrix=Parameter(rand((2, 3), rng=seed)),
        inner=Box(
            vector=Parameter(rand((4,), rng=seed, backend=single)), empty=Parameter(rand((0, 2)))
        ),
        scalars=[Parameter(Scalar(float(seed))), Parameter(0.5 + seed)],
    )


def test_state_has_names_shapes_and_dtypes() -> None:
    state = make(1).state_dict()
    assert {name: (a.shape, a.dtype.name) for name, a in state.items()} == {
        "scalars.0": ((), "float64"),
        "scalars.1": ((), "float64"),
        "matrix": ((2, 3), "float64"),
        "inner.vector": ((4,), "float32"),
        "inner.empty": ((0, 2), "float64"),
    }
    assert [state["scalars.0"].item(), state["scalars.1"].item()] == [1.0, 1.5]


def test_a_state_is_a_copy() -> None:
    module = Box(weight=Parameter(tensor([[1.0, 2.0], [3.0, 4.0]]).permute(1, 0)))
    state = module.state_dict()
    assert state["weight"].flags.c_contiguous
    state["weight"][:] = 7.0
    np.testing.assert_array_equal(module.weight.value.to_numpy(), [[1.0, 3.0], [2.0, 4.0]])
    module.load_state_dict(state)
    state["weight"][:] = 8.0
    np.testing.assert_array_equal(module.weight.value.to_numpy(), np.full((2, 2), 7.0))


def test_a_state_is_loaded_into_another_module() -> None:
    source, target = make(1), make(2)
    places = target.parameters()
    target.load_state_dict(source.state_dict())
    assert target.parameters() == places
    for name, array in source.state_dict().items():
        np.testing.assert_array_equal(target.state_dict()[name], array, strict=True)
    assert target.inner.vector.value.backend == Reference(np.float32)
    assert isinstance(target.scalars[0].value, Scalar)
    assert isinstance(target.scalars[1].value, float)
    assert all(p.value.is_leaf() for p in places if hasattr(p.value, "is_leaf"))


def test_arrays_are_converted_to_the_dtype_of_the_parameter() -> None:
    target = make(1)
    state = target.state_dict()
    state["inner.vector"] = np.arange(4)
    state["matrix"] = np.full((2, 3), 0.1, np.float32)
    target.load_state_dict(state)
    assert target.inner.vector.value.to_numpy().dtype == np.float32
    assert target.matrix.value.to_numpy()[0, 0] == float(np.float32(0.1))


def test_nan_and_infinity_are_restored() -> None:
    module = Box(weight=Parameter(tensor([np.nan, -np.inf])), bias=Parameter(Scalar(np.nan)))
    state = module.state_dict()
    module.load_state_dict(state)
    np.testing.assert_array_equal(module.weight.value.to_numpy(), [np.nan, -np.inf])
    assert np.isnan(module.bias.value.data)


def test_a_frozen_parameter_stays_frozen() -> None:
    module = Box(table=Parameter(tensor([1.0])), scale=Parameter(Scalar(1.0)))
    module.table.value.requires_grad_(False)
    module.scale.value.requires_grad_(False)
    module.load_state_dict({"table": np.array([2.0]), "scale": np.array(3.0)})
    assert (module.table.value.item(), module.scale.value.data) == (2.0, 3.0)
    assert module.table.value.is_constant()
    assert module.scale.value.is_constant()


def test_all_problems_are_reported_and_nothing_is_changed() -> None:
    module = make(1)
    before = module.state_dict()
    state = make(2).state_dict()
    del state["scalars.0"]
    state["inner.vectro"] = state["inner.empty"]
    state["matrix"] = np.zeros((3, 2))
    state["inner.vector"] = np.array(["1", "2", "3", "4"])
    with pytest.raises(ValueError, match="nothing was changed") as failure:
        module.load_state_dict(state)
    assert str(failure.value).splitlines()[1:] == [
        "  missing: 'scalars.0'",
        "  unexpected: 'inner.vectro'",
        "  shape of 'matrix': expected (2, 3), received (3, 2)",
        "  dtype of 'inner.vector': expected real numbers, received <U1",
    ]
    for name, array in module.state_dict().items():
        np.testing.assert_array_equal(array, before[name], strict=True)


def test_a_state_that_is_not_strict() -> None:
    module = Box(kept=Parameter(tensor([1.0])), loaded=Parameter(tensor([1.0])))
    state = {"loaded": np.array([2.0]), "other": np.array([3.0])}
    ignored = module.load_state_dict(state, strict=False)
    assert (ignored.missing_keys, ignored.unexpected_keys) == (["kept"], ["other"])
    assert (module.kept.value.item(), module.loaded.value.item()) == (1.0, 2.0)
    with pytest.raises(ValueError, match=r"shape of 'loaded': expected \(1,\), received \(2,\)"):
        module.load_state_dict({"loaded": np.ones(2)}, strict=False)
    with pytest.raises(TypeError, match=r"expected a dict of arrays, received str; pass load_wei"):
        module.load_state_dict("weights.safetensors")  # type: ignore[arg-type]


def test_a_value_that_cannot_be_saved() -> None:
    module = Box(odd=Parameter(object()))
    with pytest.raises(TypeError, match="the value of parameter 'odd' is of type object"):
        module.state_dict()
    with pytest.raises(TypeError, match="the value of parameter 'odd' is of type object"):
        module.load_state_dict({"odd": np.array(1.0)})


@pytest.mark.parametrize(
    "inner",
    [
        {"deep": {"er": Parameter(1.0)}, "deep.er": Parameter(2.0)},
        {"deep": Box(er=Parameter(1.0)), "deep.er": Parameter(2.0)},
        {"deep": {"er": Leaf()}, "deep.er": Leaf()},
    ],
)
def test_two_members_with_the_same_name(inner: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"two members of one module are named '.*deep.er'"):
        Box(inner=Box(**inner)).parameters()
