"""The pictures of module 2: strides, broadcasting, loops over layouts, gradients, batches."""

from mt_tensor import index_to_position
from tools.diagrams.picture import CELL, Picture, Tone


def layout_picture() -> Picture:
    """Task 2.1: one storage, two ways to read it."""
    picture = Picture(
        "One storage with the elements 0 to 5, read as a matrix of shape (2, 3) with strides "
        "(3, 1), and as its transpose of shape (3, 2) with strides (1, 3): the memory is the same.",
        340,
    )
    picture.heading(150, 28, "shape (2, 3), strides (3, 1)")
    picture.heading(560, 28, "permuted: (3, 2), strides (1, 3)")
    marked = (1, 2)
    matrix = [[index_to_position((i, j), (3, 1)) for j in range(3)] for i in range(2)]
    turned = [[index_to_position((i, j), (1, 3)) for j in range(2)] for i in range(3)]
    picture.grid(90, 66, matrix, lambda i, j: "orange" if (i, j) == marked else "blue")
    picture.grid(520, 56, turned, lambda i, j: "orange" if (j, i) == marked else "blue")
    picture.text(150, 170, "index (1, 2)", code=True)
    picture.text(560, 196, "index (2, 1)", code=True)
    left = 360 - 3 * CELL
    for position in range(6):
        tone: Tone = "orange" if position == 5 else "blue"
        picture.cell(left + position * CELL, 240, str(position), tone)
    picture.text(left - 14, 260, "storage", code=True, anchor="end")
    picture.arrow((215, 140), (left + 5 * CELL + 12, 237), "orange", bend=-16)
    picture.arrow((560, 160 + 50), (left + 5 * CELL + 30, 237), "orange", bend=-6)
    picture.text(215, 306, "1 · 3 + 2 · 1 = 5", "orange", code=True)
    picture.text(505, 306, "2 · 1 + 1 · 3 = 5", "orange", code=True)
    return picture


def broadcasting_picture() -> Picture:
    """Task 2.2: shapes are aligned at the right, and dimensions of size 1 repeat."""
    picture = Picture(
        "A column of shape (3, 1) and a row of shape (4) broadcast to the shape (3, 4): the column "
        "is repeated to the right, the row downwards. The repeats take no memory.",
        330,
    )
    column, row = [10.0, 20.0, 30.0], [1.0, 2.0, 3.0, 4.0]
    top = 92
    sums = [[x + y for y in row] for x in column]

    def column_tone(i: int, j: int) -> Tone:
        return ("blue" if i == 1 else "plain") if j == 0 else "ghost"

    def row_tone(i: int, j: int) -> Tone:
        return ("blue" if j == 2 else "plain") if i == 0 else "ghost"

    picture.grid(30, top, [[x] * 4 for x in column], column_tone)
    picture.text(212, top + 60, "+", size=22)
    picture.grid(234, top, [row] * 3, row_tone)
    picture.text(416, top + 60, "=", size=22)
    picture.grid(
        440, top, sums, lambda i, j: "green" if (i, j) == (1, 2) else "plain", step=46, size=15
    )
    picture.heading(110, 66, "(3, 1)")
    picture.heading(314, 66, "(4,)")
    picture.heading(532, 66, "(3, 4)")
    picture.text(110, top + 140, "(1, 2) → (1, 0)", "blue", code=True)
    picture.text(314, top + 140, "(1, 2) → (2,)", "blue", code=True)
    picture.text(532, top + 156, "(1, 2)", "green", code=True)
    picture.note(360, 288, "aligned at the right: equal sizes match, size 1 repeats, a size")
    picture.note(360, 306, "missing at the left is 1; dashed elements take no memory")
    picture.note(360, 28, "the index of the result gives the index of each operand")
    return picture


def operations_picture() -> Picture:
    """Task 2.3: one loop over ordinals serves every memory layout."""
    picture = Picture(
        "One iteration of the loop of zip: the ordinal 4 becomes the index (1, 1) of the result. "
        "The strides of each operand give a position in its storage; the function is applied.",
        330,
    )
    picture.cell(24, 120, "ordinal 4", "blue", width=106)
    picture.arrow((130, 140), (176, 140))
    picture.note(153, 122, "shape")
    picture.cell(178, 120, "(1, 1)", "blue", width=84)
    a, b = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0], [10.0, 40.0, 20.0, 50.0, 30.0, 60.0]
    position_a = index_to_position((1, 1), (3, 1))
    position_b = index_to_position((1, 1), (1, 2))
    for top, name, storage, strides, position in (
        (50, "a", a, "(3, 1)", position_a),
        (190, "b", b, "(1, 2)", position_b),
    ):
        for i, value in enumerate(storage):
            tone: Tone = "orange" if i == position else "plain"
            picture.cell(350 + i * CELL, top, f"{value:g}", tone)
        side = -14 if name == "a" else 54
        picture.text(470, top + side, f"storage of {name}, strides {strides}", size=13)
    picture.arrow((262, 130), (350 + position_a * CELL + 8, 92), "orange", bend=-8)
    picture.arrow((262, 150), (350 + position_b * CELL + 6, 188), "orange", bend=8)
    picture.node(622, 140, "fn", "blue", radius=24)
    picture.arrow((350 + position_a * CELL + 36, 92), (600, 128), "plain", bend=-4)
    picture.arrow((350 + position_b * CELL + 36, 188), (600, 152), "plain", bend=4)
    picture.arrow((646, 140), (664, 140))
    picture.cell(666, 120, f"{a[position_a] + b[position_b]:g}", "green", width=44)
    picture.note(360, 288, "the storages may lie in any order: b is a transposed matrix")
    picture.note(360, 306, "map has one operand, zip two, reduce walks along one dimension")
    return picture


def gradients_picture() -> Picture:
    """Task 2.4: what was copied forward is summed on the way back."""
    picture = Picture(
        "Forward, a row of three numbers is added to both rows of a matrix: each number is used "
        "twice. Backward, the gradient of the row is the sum of the gradient's rows.",
        330,
    )
    row = [1.0, 2.0, 3.0]
    arriving = [[0.5, 1.0, -1.0], [2.0, 1.0, 4.0]]
    picture.heading(190, 28, "forward: copied")
    picture.heading(530, 28, "backward: summed")
    picture.row(130, 60, row, "blue")
    picture.text(112, 80, "b", code=True, size=16)
    for i in range(3):
        picture.arrow((150 + i * CELL, 102), (150 + i * CELL, 158), "blue")
    picture.grid(130, 160, [row, row], "ghost")
    picture.text(190, 262, "shape (3,) → (2, 3)", code=True)
    picture.grid(460, 160, arriving, "orange", step=46)
    picture.row(460, 60, [sum(column) for column in zip(*arriving, strict=True)], "orange", step=46)
    picture.text(442, 80, "∂b", code=True, size=16, anchor="end")
    for i in range(3):
        middle = 483 + i * 46
        picture.arrow((middle, 160), (middle, 143), "orange")
        picture.node(middle, 131, "+", "orange", radius=11)
        picture.arrow((middle, 119), (middle, 102), "orange")
    picture.text(530, 274, "shape (2, 3) → (3,)", code=True)
    picture.note(
        360, 310, "a number that was used twice receives two contributions, and they add up"
    )
    return picture


def training_tensors_picture() -> Picture:
    """Task 2.5: all points in one operation."""
    picture = Picture(
        "A layer for a whole batch: the matrix of points, shape (N, 2), times the weights, shape "
        "(2, H), plus the bias gives the matrix of activations, shape (N, H), in one operation.",
        310,
    )
    points = [["·", "·"] for _ in range(5)]
    picture.grid(50, 50, points, lambda i, _: "blue" if i == 2 else "plain", step=38)
    picture.text(144, 145, "@", code=True, size=18)
    picture.grid(166, 107, [["·"] * 4 for _ in range(2)], "orange", step=38)
    picture.text(338, 145, "+", code=True, size=18)
    picture.grid(358, 126, [["·"] * 4], "orange", step=38)
    picture.text(530, 145, "→", size=20)
    picture.grid(
        550, 50, [["·"] * 4 for _ in range(5)], lambda i, _: "green" if i == 2 else "plain", step=38
    )
    picture.heading(88, 28, "points")
    picture.heading(242, 84, "weights")
    picture.heading(434, 84, "bias")
    picture.heading(626, 28, "activations")
    picture.text(88, 262, "(N, 2)", code=True)
    picture.text(242, 206, "(2, H)", code=True)
    picture.text(434, 206, "(H,)", code=True)
    picture.text(626, 262, "(N, H)", code=True)
    picture.note(360, 290, "a point is a row: all rows in one product, with the same weights")
    return picture


PICTURES = {
    "tasks/2.1": layout_picture,
    "tasks/2.2": broadcasting_picture,
    "tasks/2.3": operations_picture,
    "tasks/2.4": gradients_picture,
    "tasks/2.5": training_tensors_picture,
}
