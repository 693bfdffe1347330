"""The page that shows a network as a tree of modules."""

import numpy as np
import streamlit as st

from mt_app.lessons.modules import NETWORKS, Branch, tree
from mt_app.style import page_head, wide_table_hint
from mt_nn import Module


@st.cache_resource(show_spinner="Building the network …")
def _build(name: str) -> Module:
    return NETWORKS[name](np.random.default_rng(0))


def render() -> None:
    """Draw the page."""
    page_head(
        "Module trees",
        "A network is a module that contains modules. Its parameters are found by a search over "
        "the attributes, whose names are joined by dots. Compare the numbers of parameters: most "
        "of them are often in a single layer.",
        (
            "Switch to evaluation: the mode of every module of the tree changes.",
            "Find the parameters of KimCNN that are not trained.",
        ),
    )
    names = list(NETWORKS)
    name = st.segmented_control(
        "Network", names, default=names[0], key="tree.network", bind="query-params", required=True
    )
    training = st.toggle("training", True, key="tree.training", bind="query-params")
    network = _build(name or names[0])
    # All sessions share the network; this run sets the mode before it reads it.
    if training:
        network.train()
    else:
        network.eval()
    branches = tree(network)
    total = sum(branch.count for branch in branches)
    frozen = sum(h.count for b in branches for h in b.parameters if not h.learnt)
    one, two, three = st.columns(3)
    one.metric("modules", len(branches))
    two.metric("trained parameters", f"{total - frozen:,}")
    three.metric("frozen parameters", f"{frozen:,}")
    st.dataframe(
        _rows(branches, total),
        hide_index=True,
        height="content",
        column_config={
            # Together they are as wide as the page on a small desktop.
            "name": st.column_config.TextColumn("name", width=125),
            "kind": st.column_config.TextColumn("kind", width=375),
            "shape": st.column_config.TextColumn("shape", width=90),
            "numbers": st.column_config.TextColumn("numbers", width=70, alignment="right"),
            "share": st.column_config.ProgressColumn(
                "share", width=100, min_value=0.0, max_value=1.0
            ),
            "mode": st.column_config.TextColumn("mode", width=55),
        },
    )
    wide_table_hint()
    with st.expander("As Python prints it"):
        st.code(repr(network), language=None)


def _rows(branches: list[Branch], total: int) -> dict[str, list[object]]:
    rows: dict[str, list[object]] = {
        key: [] for key in ("name", "kind", "shape", "numbers", "share", "mode")
    }
    for branch in branches:
        # The table would remove ordinary spaces.
        indent = "\u2003" * branch.depth
        mode = "train" if branch.training else "eval"
        kind = f"{branch.kind}({branch.settings})"
        _add(rows, indent + (branch.name or "(the network)"), kind, "", "", None, mode)
        for row in branch.parameters:
            _add(
                rows,
                f"{indent}\u2003{branch.name}.{row.name}".replace("\u2003.", "\u2003"),
                "Parameter" if row.learnt else "Parameter, frozen",
                " × ".join(map(str, row.shape)) or "one number",
                f"{row.count:,}",
                row.count / total if total else 0.0,
                "",
            )
    return rows


def _add(rows: dict[str, list[object]], *values: object) -> None:
    for column, value in zip(rows.values(), values, strict=True):
        column.append(value)
