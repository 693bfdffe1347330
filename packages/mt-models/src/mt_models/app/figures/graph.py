"""The graph of a formula, and how far backpropagation has come in it."""

from mt_models.app.drawing import INK, Drawing, Look, number
from mt_models.app.lessons.backpropagation import Graph, Node
from mt_models.app.lessons.layered import place
from mt_models.app.theme import BLUE, ORANGE

WIDTH = 88.0
HEIGHT = 46.0
ACROSS = 104.0
DOWN = 92.0
SIGNS = {"Add": "+", "Mul": "×", "Neg": "−", "Inv": "1 / ·", "LT": "<", "EQ": "="}


def draw_graph(graph: Graph, steps: int) -> Drawing:
    """Draw a graph after so many steps of backpropagation.

    Values are in the boxes, in ink. Derivatives are beside them, orange: what a node has received
    so far. The node that hands its derivative on is framed, and so are the edges it uses.
    """
    drawing = Drawing()
    picture = place([node.inputs for node in graph.nodes])
    pending = graph.pending(steps) if steps else {}
    now = graph.visits[steps - 1] if steps else None
    handing = {at for at, _ in now.handed} if now else set()
    for (start, end), points in picture.edges.items():
        used = now is not None and now.node == end and start in handing
        _draw_edge(drawing, points, used)
    for at, node in enumerate(graph.nodes):
        across, down = picture.nodes[at]
        visited = now is not None and now.node == at
        _draw_node(drawing, node, across * ACROSS, down * DOWN, pending.get(at), visited)
    if now is not None:
        _draw_handed(drawing, graph, picture.nodes, now.handed, now.node)
    return drawing


def _draw_edge(drawing: Drawing, points: tuple[tuple[float, float], ...], used: bool) -> None:
    path = [(x * ACROSS, y * DOWN) for x, y in points]
    (x0, y0), (x1, y1) = path[0], path[-1]
    path[0], path[-1] = (x0, y0 + HEIGHT / 2), (x1, y1 - HEIGHT / 2)
    if used:
        # Derivatives flow against the computation.
        drawing.arrow(path[::-1], colour=ORANGE, width=2.5)
    else:
        drawing.arrow(path)


def _draw_node(
    drawing: Drawing, node: Node, x: float, y: float, derivative: float | None, visited: bool
) -> None:
    label = SIGNS.get(node.label, node.label)
    if node.constant:
        look, text = Look(strength=0.0, ghost=True), number(node.value)
    elif node.leaf:
        look, text = Look(BLUE, 0.2), f"{label} = {number(node.value)}"
    else:
        look, text = Look(INK, 0.06), f"{label}  {number(node.value)}"
    if visited:
        look = Look(look.fill, look.strength, ORANGE)
    left, top = x - WIDTH / 2, y - HEIGHT / 2
    drawing.cell(left, top, "", look, width=WIDTH, height=HEIGHT)
    drawing.text(x, y - (8 if derivative is not None else 0), text, anchor="middle")
    if derivative is not None:
        drawing.text(
            x, y + 11, f"d = {number(derivative)}", size=12, anchor="middle", colour=ORANGE
        )


def _draw_handed(
    drawing: Drawing,
    graph: Graph,
    nodes: tuple[tuple[float, float], ...],
    handed: tuple[tuple[int, float], ...],
    node: int,
) -> None:
    """Write what each input receives beside it; a node used twice receives two numbers."""
    for at in dict.fromkeys(receiver for receiver, _ in handed):
        x, y = nodes[at]
        shares = " ".join(f"{value:+.3g}" for receiver, value in handed if receiver == at)
        side = 6 if x >= nodes[node][0] else -6
        drawing.text(
            x * ACROSS + side,
            y * DOWN + HEIGHT / 2 + 12,
            shares,
            size=12,
            anchor="start" if side > 0 else "end",
            colour=ORANGE,
            strong=True,
        )
