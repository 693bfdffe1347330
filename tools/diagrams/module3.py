"""The pictures of module 3: the same loops on many threads."""

from tools.diagrams.picture import CELL, Picture, Tone

THREADS: tuple[Tone, ...] = ("blue", "orange", "green", "faint")


def parallel_picture() -> Picture:
    """Task 3.1: each thread processes a part of the ordinals with a private index."""
    picture = Picture(
        "The ordinals 0 to 11 are divided among four threads, three for each. Each thread "
        "computes indices in private memory and writes elements that no other thread writes.",
        310,
    )
    left = 360 - 6 * CELL
    picture.text(360, 28, "for ordinal in prange(12):", code=True, size=15)
    for ordinal in range(12):
        picture.cell(left + ordinal * CELL, 50, str(ordinal), THREADS[ordinal // 3])
        picture.cell(left + ordinal * CELL, 226, "", THREADS[ordinal // 3])
    for thread, tone in enumerate(THREADS):
        middle = left + (thread * 3 + 1.5) * CELL
        picture.box(middle - 54, 112, 108, 84, tone, corner=8)
        picture.heading(middle, 130, f"thread {thread}")
        picture.text(middle, 153, "index = …", code=True, size=13)
        picture.note(middle, 176, "private")
        for i in (-1, 0, 1):
            picture.arrow((middle + i * CELL, 92), (middle + i * 30, 111))
            picture.arrow((middle + i * 30, 197), (middle + i * CELL, 224))
    picture.text(left - 10, 246, "out", code=True, anchor="end")
    picture.note(360, 288, "no two threads write the same element, so no thread waits")
    return picture


def matrix_multiply_picture() -> Picture:
    """Task 3.2: an element of the product is a row times a column."""
    picture = Picture(
        "One element of a matrix product is the sum over a row of the first matrix times a column "
        "of the second. Two positions advance, each by its stride; elements are independent.",
        350,
    )
    a = [[1.0, 2.0, 3.0, 4.0], [0.0, 1.0, 2.0, 1.0], [2.0, 0.0, 1.0, 3.0]]
    b = [[1.0, 2.0, 0.0], [3.0, 1.0, 1.0], [0.0, 2.0, 1.0], [1.0, 0.0, 2.0]]
    row, column = 1, 2
    product = [[sum(a[i][k] * b[k][j] for k in range(4)) for j in range(3)] for i in range(3)]
    left, top = 60, 185
    picture.grid(left, top, a, lambda i, _: "blue" if i == row else "plain")
    picture.grid(left + 200, 20, b, lambda _, j: "orange" if j == column else "plain")
    picture.grid(
        left + 200, top, product, lambda i, j: "green" if (i, j) == (row, column) else "plain"
    )
    picture.frame(left, top + row * CELL, 4 * CELL, CELL, "blue")
    picture.frame(left + 200 + column * CELL, 20, CELL, 4 * CELL, "orange")
    picture.arrow((left + 160, top + 60), (left + 198, top + 60), "blue")
    picture.heading(left + 80, top - 16, "a, shape (3, 4)")
    picture.heading(left + 330, 30, "b, shape (4, 3)", anchor="start")
    terms = " + ".join(f"{a[row][k]:g}·{b[k][column]:g}" for k in range(4))
    picture.text(left + 340, top + 44, terms, code=True, anchor="start")
    picture.text(
        left + 340,
        top + 70,
        f"= {product[row][column]:g}",
        "green",
        code=True,
        anchor="start",
        strong=True,
    )
    picture.note(left + 340, 96, "in the inner loop, one position", anchor="start")
    picture.note(left + 340, 114, "grows by a's stride, one by b's:", anchor="start")
    picture.note(left + 340, 132, "no index is computed", anchor="start")
    picture.note(360, 328, "rows of the product are divided among the threads")
    return picture


def cuda_picture() -> Picture:
    """Task 3.3: a block sums its elements in shared memory, in halves."""
    picture = Picture(
        "A sum in shared memory: eight threads of a block copy an element each; then half of them "
        "add the element of another, then a quarter, until one sum remains. All wait each time.",
        370,
    )
    values = [3.0, 1.0, 7.0, 0.0, 4.0, 1.0, 6.0, 3.0]
    left, step = 150.0, 50.0
    picture.heading(left + 4 * step, 28, "one block, eight threads")
    width, top = 8, 50
    while True:
        for i in range(8):
            tone: Tone = "ghost" if i >= width else ("green" if width == 1 else "blue")
            picture.cell(
                left + i * step, top, f"{values[i]:g}" if i < width else "", tone, width=step
            )
        picture.note(left - 16, top + 20, f"{width} sums" if width > 1 else "the sum", anchor="end")
        if width == 1:
            break
        width //= 2
        for i in range(width):
            x = left + (i + 0.5) * step
            picture.arrow((x - 5, top + 40), (x - 5, top + 78), "blue")
            picture.arrow((x + width * step, top + 40), (x + 8, top + 78), "orange")
            values[i] += values[i + width]
        picture.text(
            left + 8 * step + 12, top + 60, "syncthreads()", code=True, size=13, anchor="start"
        )
        top += 80
    picture.note(360, 350, "three steps instead of seven; all threads share the memory")
    return picture


def tiles_picture() -> Picture:
    """Task 3.4: a block computes a tile of the product, one pair of tiles after the other."""
    picture = Picture(
        "A block of threads computes a tile of the product. Pair by pair, tiles along a row of the "
        "first matrix and a column of the second are copied to shared memory and multiplied there.",
        370,
    )
    size, tile = 6, 28.0
    left, top, gap = 40.0, 184.0, 190.0

    def first(i: int, j: int) -> Tone:
        return ("blue" if j // 2 == 1 else "faint") if i // 2 == 1 else "plain"

    def second(i: int, j: int) -> Tone:
        return ("orange" if i // 2 == 1 else "faint") if j // 2 == 1 else "plain"

    def product(i: int, j: int) -> Tone:
        return "green" if i // 2 == 1 and j // 2 == 1 else "plain"

    empty = [[""] * size for _ in range(size)]
    picture.grid(left, top, empty, first, step=tile)
    picture.grid(left + gap, 10, empty, second, step=tile)
    picture.grid(left + gap, top, empty, product, step=tile)
    picture.arrow((left + 4, top - 12), (left + 164, top - 12), "blue")
    picture.arrow((left + gap - 12, 14), (left + gap - 12, 174), "orange")
    picture.box(458, 60, 226, 150, "faint", corner=9)
    picture.heading(571, 80, "shared memory")
    picture.grid(482, 100, [["", ""], ["", ""]], "blue", step=36)
    picture.text(571, 136, "@", code=True, size=18)
    picture.grid(588, 100, [["", ""], ["", ""]], "orange", step=36)
    picture.note(571, 192, "for all threads of the block")
    picture.arrow((left + gap + 116, 84), (478, 122), "orange", bend=6)
    picture.arrow((left + 113, top + 66), (484, 176), "blue", bend=14)
    picture.arrow((560, 211), (left + gap + 116, top + 84), "green", bend=-10)
    picture.note(571, 262, "each element is read from")
    picture.note(571, 280, "global memory once for the tile,")
    picture.note(571, 298, "instead of once for each thread")
    return picture


def training_fast_picture() -> Picture:
    """Task 3.5: the network stays, the backend is exchanged."""
    picture = Picture(
        "The same network and the same gradients on any backend: a Tensor carries a Backend, "
        "and plain Python, compiled loops and kernels of a GPU all offer the same operations.",
        310,
    )
    rows = [
        ("TensorMLP", "the network of task 2.5"),
        ("Tensor, Function", "gradients"),
        ("Backend", "map, zip, reduce, matmul, …"),
    ]
    for i, (name, description) in enumerate(rows):
        top = 26 + i * 66
        picture.box(190, top, 340, 46, "blue" if i < 2 else "orange", corner=7)
        picture.text(206, top + 23, name, code=True, anchor="start", size=15)
        picture.note(516, top + 23, description, anchor="end")
        if i:
            picture.arrow((360, top - 18), (360, top - 1))
    backends: tuple[tuple[str, str, Tone], ...] = (
        ("reference", "plain Python loops", "plain"),
        ("fast", "compiled, all cores", "green"),
        ("cuda", "thousands of threads", "plain"),
    )
    for i, (name, description, tone) in enumerate(backends):
        middle = 140 + i * 220
        picture.arrow((360 + (i - 1) * 60, 205), (middle, 236), dashed=tone != "green")
        picture.box(middle - 92, 238, 184, 52, tone, corner=7)
        picture.text(middle, 254, name, code=True, size=15)
        picture.note(middle, 275, description)
    return picture


PICTURES = {
    "tasks/3.1": parallel_picture,
    "tasks/3.2": matrix_multiply_picture,
    "tasks/3.3": cuda_picture,
    "tasks/3.4": tiles_picture,
    "tasks/3.5": training_fast_picture,
}
