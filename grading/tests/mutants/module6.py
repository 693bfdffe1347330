"""Mistakes and right styles of module 6: parts of the data, and gradients averaged over a ring."""

from grading.tests.mutants.mutant import Mutant, mutant
from grading.tests.mutants.rewriting import Rewrite

FILE = "minitorch/distributed.py"

PART = "    return range(start, start + short + (rank < more))\n"
ORDER = "    return [int(i) for i in np.random.default_rng([seed, epoch]).permutation(count)]\n"
CHOSEN = "    return [order[position] for position in partition(count, rank, size)]\n"
WHOLE = "    return whole\n"
CHUNKS = "    chunks = np.array_split(buffer, size)\n"
ADDING = """\
        _pass_on(chunks[(rank - step) % size], received[: own.size], communicator)
        own += received[: own.size]
"""
SPREADING = """\
        _pass_on(chunks[(rank + 1 - step) % size], chunks[(rank - step) % size], communicator)
"""
EVEN = """\
        communicator.send(outgoing, (rank + 1) % size)
        communicator.receive(incoming, (rank - 1) % size)
"""
ODD = """\
        communicator.receive(incoming, (rank - 1) % size)
        communicator.send(outgoing, (rank + 1) % size)
"""
BARRIER = "\n        communicator.barrier()\n"
WEIGHTED = "    weighted = [np.ravel(gradient) * count for gradient in gradients]\n"
FLAT = "    flat = np.concatenate([*weighted, [float(count)]])\n"
SUMMED = "    ring_all_reduce(flat, communicator)\n"
NUMBERS = "[i for r in range(len(parts)) for i in epoch_part(count, r, len(parts), seed, epoch)]"


def parts(name: str, old: str, new: str, cause: str | None, group: str) -> Mutant:
    return mutant("6.1", name, FILE, old, new, cause, group=group)


def ring(
    name: str, old: str, new: str, cause: str | None = None, group: str = "ring_all_reduce"
) -> Mutant:
    return mutant("6.2", name, FILE, old, new, cause, group=group)


def average(name: str, cause: str, *rewrites: tuple[str, str]) -> Mutant:
    changed = tuple(Rewrite(FILE, old, new) for old, new in rewrites)
    return Mutant("6.2", name, changed, cause, group="average_gradients")


MUTANTS: list[Mutant] = [
    parts(
        "a dropped remainder",
        PART,
        "    return range(rank * short, (rank + 1) * short)\n",
        "remainder is dropped",
        "partition",
    ),
    parts(
        "every n-th position without the remainder",
        PART,
        "    return range(rank, count - more, size)\n",
        "remainder is dropped",
        "partition",
    ),
    parts(
        "the remainder on the last rank",
        PART,
        "    return range(rank * short, count if rank == size - 1 else (rank + 1) * short)\n",
        "takes the whole remainder",
        "partition",
    ),
    parts(
        "parts of the rounded-up size",
        PART,
        "    length = -(-count // size)\n"
        "    return range(min(rank * length, count), min((rank + 1) * length, count))\n",
        "rounded-up size",
        "partition",
    ),
    parts(
        "overlapping parts",
        PART,
        "    return range(start, min(start + short + (rank < more) + 1, count))\n",
        "overlap by one",
        "partition",
    ),
    parts(
        "parts without their last position",
        PART,
        "    return range(start, start + short + (rank < more) - 1)\n",
        "lacks its last position",
        "partition",
    ),
    parts("all positions", PART, "    return range(count)\n", "takes all positions", "partition"),
    parts(
        "the first positions",
        PART,
        "    return range(short + (rank < more))\n",
        "takes the first positions",
        "partition",
    ),
    parts(
        "a start that ignores the longer parts",
        "    start = rank * short + min(rank, more)\n",
        "    start = rank * short\n",
        "do not move the start",
        "partition",
    ),
    parts("a longer part too many", "(rank < more)", "(rank <= more)", "too many", "partition"),
    parts("no shuffle", ORDER, "    return range(count)\n", "not shuffled", "epoch_order"),
    parts(
        "a shuffle by the global generator",
        ORDER,
        "    return np.random.permutation(count).tolist()\n",
        "state of a generator",
        "epoch_order",
    ),
    parts("an order without the epoch", "[seed, epoch]", "seed", "on the epoch", "epoch_order"),
    parts("an order without the seed", "[seed, epoch]", "epoch", "on the seed", "epoch_order"),
    parts(
        "numbers drawn with replacement",
        ".permutation(count)",
        ".choice(count, count)",
        "with replacement",
        "epoch_order",
    ),
    parts(
        "numbers from 1 on",
        ".permutation(count)",
        ".permutation(range(1, count + 1))",
        "begin at 1",
        "epoch_order",
    ),
    parts(
        "a dropped last example",
        ".permutation(count)",
        ".permutation(max(count - 1, 0))",
        "last example is missing",
        "epoch_order",
    ),
    parts(
        "a rotation only",
        ORDER,
        "    first = int(np.random.default_rng([seed, epoch]).integers(max(count, 1)))\n"
        "    return [*range(first, count), *range(first)]\n",
        "Not every order",
        "epoch_order",
    ),
    parts(
        "another order on each rank",
        "    order = epoch_order(count, seed, epoch)\n",
        "    order = epoch_order(count, seed + rank, epoch)\n",
        "different orders",
        "epoch_part",
    ),
    parts(
        "the same part in each epoch",
        CHOSEN,
        "    return list(partition(count, rank, size))\n",
        "same in every epoch",
        "epoch_part",
    ),
    parts(
        "parts of a multiple of the number of ranks",
        "in partition(count, rank, size)]",
        "in partition(count - count % size, rank, size)]",
        "belong to no rank",
        "epoch_part",
    ),
    parts("all examples", CHOSEN, "    return order\n", "all examples", "epoch_part"),
    parts(
        "parts one behind the other",
        WHOLE,
        "    return np.concatenate(list(parts))\n",
        "joined in the order of the ranks",
        "reassemble",
    ),
    parts(
        "rows read in place of written",
        WHOLE,
        f"    return np.concatenate(list(parts))[{NUMBERS}]\n",
        "read rows",
        "reassemble",
    ),
    parts(
        "the order of the first epoch",
        "len(parts), seed, epoch))] = values",
        "len(parts), seed, 0))] = values",
        None,
        "reassemble",
    ),
    ring("a mean in place of a sum", CHUNKS, f"    buffer /= size\n{CHUNKS}", "is a sum"),
    ring("reduce without gather", SPREADING, "        pass\n", "some elements only"),
    ring(
        "a gather that ends too early",
        f"    for step in range(size - 1):\n{SPREADING}",
        f"    for step in range(size - 2):\n{SPREADING}",
        "some elements only",
    ),
    ring(
        "rank 0's buffer on all ranks",
        CHUNKS,
        "    if rank > 0:\n        communicator.receive(buffer, rank - 1)\n"
        "    if rank < size - 1:\n        communicator.send(buffer, rank + 1)\n"
        f"    return\n{CHUNKS}",
        "buffer of rank 0",
    ),
    ring("a sum in a copy", CHUNKS, f"    buffer = buffer.copy()\n{CHUNKS}", "do not change"),
    ring(
        "received numbers in place of own ones",
        "        own += received[: own.size]\n",
        "        own[:] = received[: own.size]\n",
        "of one rank only",
    ),
    ring(
        "a chunk received over one's own",
        ADDING,
        "        _pass_on(chunks[(rank - step) % size], own, communicator)\n        own += own\n",
        "written over your own",
    ),
    ring(
        "uneven lengths truncated",
        CHUNKS,
        "    chunks = np.split(buffer[: len(buffer) - len(buffer) % size], size)\n",
        "last elements are left out",
    ),
    ring(
        "a wrong chunk",
        "        own = chunks[(rank - step - 1) % size]\n",
        "        own = chunks[(rank - step + 1) % size]\n",
    ),
    ring(
        "one step too few",
        "    received = np.empty_like(chunks[0])\n    for step in range(size - 1):\n",
        "    received = np.empty_like(chunks[0])\n    for step in range(size - 2):\n",
        "of one rank only",
    ),
    ring("all ranks send first", "if rank % 2 == 0:", "if rank >= 0:", "All ranks send first"),
    ring("all ranks receive first", "if rank % 2 == 0:", "if rank < 0:", "receive first"),
    Mutant(
        "6.2",
        "a deadlock on an odd number of ranks",
        (
            Rewrite(FILE, EVEN, EVEN.replace("\n", BARRIER, 1)),
            Rewrite(FILE, ODD, ODD.replace("\n", BARRIER, 1)),
        ),
        "in `barrier`",
        group="ring_all_reduce",
    ),
    ring(
        "whole buffers around the ring",
        CHUNKS,
        "    passed, incoming = buffer.copy(), np.empty_like(buffer)\n"
        "    for _ in range(size - 1):\n"
        "        _pass_on(passed, incoming, communicator)\n"
        "        buffer += incoming\n"
        "        passed = incoming.copy()\n"
        f"    return\n{CHUNKS}",
        "Too much is sent",
        "messages",
    ),
    ring(
        "all messages to rank 0",
        CHUNKS,
        "    other = np.empty_like(buffer)\n"
        "    for peer in range(1, size):\n"
        "        if rank == 0:\n"
        "            communicator.receive(other, peer)\n"
        "            buffer += other\n"
        "        elif rank == peer:\n"
        "            communicator.send(buffer, 0)\n"
        "    for peer in range(1, size):\n"
        "        if rank == 0:\n"
        "            communicator.send(buffer, peer)\n"
        "        elif rank == peer:\n"
        "            communicator.receive(buffer, 0)\n"
        f"    return\n{CHUNKS}",
        "others than its neighbour",
        "messages",
    ),
    ring(
        "the collective operation of the communicator",
        CHUNKS,
        f"    return communicator.all_reduce(buffer)\n{CHUNKS}",
        "no collective operations",
    ),
    average("sum for mean", "not divided", ("flat[:-1] / flat[-1]", "flat[:-1]")),
    average(
        "a sum without weights",
        "sum of the gradients",
        ("np.ravel(gradient) * count", "np.ravel(gradient) * 1.0"),
        ("flat[:-1] / flat[-1]", "flat[:-1]"),
    ),
    average(
        "a mean of the ranks",
        "count the same",
        ("np.ravel(gradient) * count", "np.ravel(gradient) * 1.0"),
        ("[float(count)]", "[1.0]"),
    ),
    average(
        "a division by the number of ranks",
        "divided by the number of ranks",
        ("flat[:-1] / flat[-1]", "flat[:-1] / communicator.size"),
    ),
    average(
        "a division by the own number of examples",
        "this rank's examples",
        ("flat[:-1] / flat[-1]", "flat[:-1] / max(count, 1)"),
    ),
    average(
        "rank 0's gradient broadcast",
        "gradients of rank 0",
        (SUMMED, f"    if communicator.rank > 0:\n        flat *= 0.0\n{SUMMED}"),
    ),
    average("own gradients", "keeps its own", (SUMMED, "")),
    average("flat gradients", "are flat", ("piece.reshape(np.shape(gradient))", "piece")),
    average(
        "gradients scaled in place",
        "changed in place",
        (
            WEIGHTED,
            "    for gradient in gradients:\n        gradient *= count\n"
            "    weighted = [np.ravel(gradient) for gradient in gradients]\n",
        ),
    ),
    average(
        "an all-reduce for each gradient",
        "all-reduce of its own",
        (
            FLAT + SUMMED,
            "    for each in weighted:\n        ring_all_reduce(each, communicator)\n"
            "    total = np.array([float(count)])\n    ring_all_reduce(total, communicator)\n"
            "    flat = np.concatenate([*weighted, total])\n",
        ),
    ),
]

EXCHANGE = """\
    communicator.exchange(outgoing, (rank + 1) % size, incoming, (rank - 1) % size)
    return
"""

STYLES: dict[str, tuple[str, tuple[tuple[str, str], ...]]] = {
    "every n-th position": ("6.1", ((PART, "    return range(rank, count, size)\n"),)),
    "longer parts at the end": (
        "6.1",
        (
            (
                PART,
                "    return [count - 1 - i for i in range(start, start + short + (rank < more))]\n",
            ),
        ),
    ),
    "parts by NumPy": (
        "6.1",
        ((PART, "    return np.array_split(np.arange(count), size)[rank]\n"),),
    ),
    "an order by Python's generator": (
        "6.1",
        (
            (
                ORDER,
                "    import random\n\n    numbers = list(range(count))\n"
                "    random.Random(1000 * seed + epoch).shuffle(numbers)\n    return numbers\n",
            ),
        ),
    ),
    "a seeded global generator": (
        "6.1",
        (
            (
                ORDER,
                "    np.random.seed(1000 * seed + epoch)\n"
                "    return np.random.permutation(count)\n",
            ),
        ),
    ),
    "rows sorted by their numbers": (
        "6.1",
        (
            (
                WHOLE,
                f"    return np.concatenate(list(parts))[np.argsort({NUMBERS}, kind='stable')]\n",
            ),
        ),
    ),
    "send and receive at the same time": (
        "6.2",
        (("    if rank % 2 == 0:\n", f"{EXCHANGE}    if rank % 2 == 0:\n"),),
    ),
    "one rank that receives first": ("6.2", (("if rank % 2 == 0:", "if rank > 0:"),)),
    "the other direction": (
        "6.2",
        (
            (
                "    rank, size = communicator.rank, communicator.size\n    chunks",
                "    size = communicator.size\n    rank = size - 1 - communicator.rank\n    chunks",
            ),
            (EVEN, EVEN.replace("+", "#").replace("-", "+").replace("#", "-")),
            (ODD, ODD.replace("+", "#").replace("-", "+").replace("#", "-")),
        ),
    ),
    "a buffer padded to equal chunks": (
        "6.2",
        (
            (
                CHUNKS,
                "    padded = np.zeros(-(-len(buffer) // size) * size)\n"
                "    padded[: len(buffer)] = buffer\n    chunks = np.split(padded, size)\n",
            ),
            (
                SPREADING,
                f"{SPREADING}    buffer[:] = padded[: len(buffer)]\n",
            ),
        ),
    ),
    "an all-reduce of the number of examples": (
        "6.2",
        (
            (
                WEIGHTED,
                "    total = np.array([float(count)])\n    ring_all_reduce(total, communicator)\n"
                "    weighted = [np.ravel(g) * (count / total[0]) for g in gradients]\n",
            ),
            ("[*weighted, [float(count)]]", "[*weighted, [float(communicator.rank == 0)]]"),
        ),
    ),
    "a generator of gradients": (
        "6.2",
        (("    return [\n        piece.reshape", "    yield from [\n        piece.reshape"),),
    ),
}
"""Right solutions that differ from ours: the task, and what is changed."""
