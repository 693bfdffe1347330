"""Random generators of a module's tree, and their states as JSON values."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from mt_nn.module import Module


def generators_of(model: Module) -> dict[str, np.random.Generator]:
    """Return the generators that are attributes of a module or of its descendants."""
    return {
        f"{prefix}.{name}" if prefix else name: value
        for prefix, module in model.named_modules()
        for name, value in vars(module).items()
        if isinstance(value, np.random.Generator)
    }


def states_of(generators: Mapping[str, np.random.Generator]) -> dict[str, Any]:
    """Return the states of generators as JSON values, by name."""
    return {name: _encoded(rng.bit_generator.state) for name, rng in generators.items()}


def decoded(state: Any) -> Any:
    """Return the state of a generator from its JSON value."""
    if not isinstance(state, Mapping):
        return state
    if set(state) == {"dtype", "values"}:
        return np.array(state["values"], state["dtype"])
    return {name: decoded(value) for name, value in state.items()}


def _encoded(state: Any) -> Any:
    """Return the state of a generator, with arrays converted to dicts for JSON."""
    if isinstance(state, Mapping):
        return {name: _encoded(value) for name, value in state.items()}
    if isinstance(state, np.ndarray):
        return {"dtype": state.dtype.name, "values": state.tolist()}
    return state.item() if isinstance(state, np.generic) else state
