"""The pictures of module 6: parts of the data, and an all-reduce around a ring."""

import numpy as np

from minitorch.distributed import epoch_part
from mt_nn.distributed import Rank, Simulator
from tools.diagrams.picture import CELL, Picture, Tone

TONES: tuple[Tone, ...] = ("blue", "orange", "green")


def parts_picture() -> Picture:
    """Task 6.1: eight examples in the order of two epochs, divided among three ranks."""
    picture = Picture(
        "Eight examples in the random orders of two epochs. In each epoch the first three "
        "positions belong to rank 0, the next three to rank 1, and the last two to rank 2. So each "
        "example belongs to one rank in each epoch, and the parts of two epochs differ.",
        300,
    )
    width = CELL + 4
    picture.heading(360, 28, "examples of three ranks")
    for epoch in range(2):
        top, position = 70 + 100 * epoch, 0
        picture.text(90, top + 24, f"epoch {epoch}")
        for rank in range(3):
            part = epoch_part(8, rank, 3, seed=1, epoch=epoch)
            left = 150 + position * width + rank * 24
            for number in part:
                picture.cell(150 + position * width + rank * 24, top, str(number), TONES[rank])
                position += 1
            picture.note(left + len(part) * width / 2, top + 60, f"rank {rank}")
    picture.note(360, 276, "the sizes differ by at most one; all ranks compute the same order")
    return picture


def ring_picture() -> Picture:
    """Task 6.2: three chunks on three ranks, after each step of a ring."""
    stages = _stages()
    picture = Picture(
        "All-reduce in a ring of three ranks. Each rank has three chunks; the numbers say how many "
        "ranks are in the sum of a chunk. After two steps each rank has one whole sum, and after "
        "two further steps it has all of them.",
        330,
    )
    titles = ("at first", "1 step", "2 steps", "3 steps", "4 steps")
    for number, (title, counts) in enumerate(zip(titles, stages, strict=True)):
        left = 74 + number * 132
        picture.heading(left + 54, 34, title)
        for rank, row in enumerate(counts):
            for chunk, count in enumerate(row):
                tone: Tone = "green" if count == 3 else "orange" if count == 2 else "plain"
                picture.cell(left + chunk * 36, 60 + rank * 74, f"{count:g}", tone, width=34)
    for rank in range(3):
        picture.note(34, 84 + rank * 74, f"rank {rank}")
    picture.note(360, 286, "two steps add up; two further steps spread the sums, which are green")
    picture.note(360, 308, "each rank sends one chunk to the next rank in each step")
    return picture


def _stages() -> list[list[list[float]]]:
    """Return the number of ranks in the sum of each chunk, (stage, rank, chunk)."""

    def program(ranks: Rank) -> list[list[float]]:
        rank, counts = ranks.rank, np.ones(3)
        stages = [counts.tolist()]
        for step in range(4):
            # As in `ring_all_reduce`, with one element in each chunk.
            sent, place = (rank - step) % 3, (rank - step - 1) % 3
            received = np.zeros(1)
            ranks.exchange(counts[sent : sent + 1].copy(), (rank + 1) % 3, received, (rank - 1) % 3)
            counts[place] = received[0] + (counts[place] if step < 2 else 0.0)
            stages.append(counts.tolist())
        return stages

    by_rank = Simulator(3).run(program)
    return [[stages[number] for stages in by_rank] for number in range(5)]


PICTURES = {"tasks/6.1": parts_picture, "tasks/6.2": ring_picture}
