"""The figure of a formula's graph, after some steps of backpropagation."""

from mt_app.drawing import INK, CellStyle, Drawing, number
from mt_app.lessons.backpropagation import Graph, Node
from mt_app.lessons.layered import lay_out
from mt_app.theme import DERIVATIVE

WIDTH = 88.0
HEIGHT = 54.0
ACROSS = 116.0
DOWN = 104.0
SIGNS = {"Add": "+", "Mul": "×", "Neg": "−", "Inv": "1 / ·", "Div": "/", "LT": "<", "EQ": "="}


def draw_graph(graph: Graph, steps: int) -> Drawing:
    """Draw a graph after a number of steps of backpropagation.

    Values are in the boxes. Derivatives are below them, in violet: the sum that a node has
    received so far. The node that passes its derivative on is framed, and its edges are violet.
    """
    drawing = Drawing()
    picture = lay_out([node.inputs for node in graph.nodes])
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
    path[0] = (path[0][0] + _side(path[0], path[1]), path[0][1] + HEIGHT / 2)
    path[-1] = (path[-1][0] + _side(path[-1], path[-2]), path[-1][1] - HEIGHT / 2)
    if used:
        # Derivatives go against the direction of the computation.
        drawing.arrow(path[::-1], colour=DERIVATIVE, width=2.5)
    else:
        drawing.arrow(path)


def _side(end: tuple[float, float], other: tuple[float, float]) -> float:
    """Return the horizontal distance from the middle of a box to the end of an edge."""
    return max(-1.0, min(1.0, (other[0] - end[0]) / ACROSS)) * WIDTH / 4


def _draw_node(
    drawing: Drawing, node: Node, x: float, y: float, derivative: float | None, visited: bool
) -> None:
    if node.constant:
        style, label = CellStyle(strength=0.0, ghost=True), ""
    elif node.leaf:
        style, label = CellStyle(INK, 0.14), node.label
    else:
        style, label = CellStyle(INK, 0.06), SIGNS.get(node.label, node.label)
    if visited:
        style = CellStyle(style.fill, style.strength, INK)
    drawing.cell(x - WIDTH / 2, y - HEIGHT / 2, "", style, width=WIDTH, height=HEIGHT)
    lines = [(label, INK, False), (number(node.value), INK, True)]
    if derivative is not None:
        lines.append((f"d = {number(derivative)}", DERIVATIVE, True))
    lines = [line for line in lines if line[0]]
    for i, (text, colour, strong) in enumerate(lines):
        down = y + (i - (len(lines) - 1) / 2) * 16
        drawing.text(x, down, text, anchor="middle", colour=colour, strong=strong)


def _draw_handed(
    drawing: Drawing,
    graph: Graph,
    nodes: tuple[tuple[float, float], ...],
    handed: tuple[tuple[int, float], ...],
    node: int,
) -> None:
    """Draw the derivative that each input receives; a node used twice receives two numbers."""
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
            colour=DERIVATIVE,
            strong=True,
        )
