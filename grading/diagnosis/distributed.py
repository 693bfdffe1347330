"""Mistakes in the parts of the data and in averaging gradients over ranks: tasks 6.1 and 6.2."""

from collections.abc import Callable, Sequence

import numpy as np

from grading.checking.finding import Finding
from grading.diagnosis.mistakes import Mistake, modelled, plain, raising, same_values
from grading.protocol.messages import Array, Plain, Request, Response

PARTS = ("6.1",)
RING = ("6.2",)

Part = Callable[[int, int, int], Sequence[int]]
"""Returns the positions of a rank, given the number of positions, the rank, and the ranks."""


def cut(cause: str, wrong: Part) -> Mistake:
    """Return a mistake in `partition`."""

    def model(request: Request) -> Response:
        count, size = request.options["count"], request.options["size"]
        return plain(request, [list(wrong(count, rank, size)) for rank in range(size)])

    return modelled(PARTS, cause, r"distributed\.partition", model)


def _start(count: int, rank: int, size: int) -> int:
    """Return where the part of a rank begins if parts are consecutive."""
    return rank * (count // size) + min(rank, count % size)


def _rounded_up(count: int, rank: int, size: int) -> range:
    length = -(-count // size)
    return range(min(rank * length, count), min((rank + 1) * length, count))


def _rest_at_the_end(count: int, rank: int, size: int) -> range:
    length = count // size
    return range(rank * length, count if rank == size - 1 else (rank + 1) * length)


def _one_rank_more(count: int, rank: int, size: int) -> range:
    start = _start(count, rank, size)
    return range(start, start + count // size + (rank <= count % size))


def _unmoved(count: int, rank: int, size: int) -> range:
    start = rank * (count // size)
    return range(start, start + count // size + (rank < count % size))


def recognised(
    tasks: tuple[str, ...], cause: str, operation: str, fits: Callable[[Finding], bool]
) -> Mistake:
    """Return a mistake that is recognised by a wrong response."""

    def explains(finding: Finding) -> bool | None:
        if finding.request.operation != f"distributed.{operation}" or finding.response is None:
            return None
        return True if not finding.right and fits(finding) else None

    return Mistake(tasks, cause, explains)


def saying(tasks: tuple[str, ...], cause: str, operation: str, words: str) -> Mistake:
    """Return a mistake that is recognised by the sentence of a check."""
    return recognised(tasks, cause, operation, lambda finding: words in finding.sentence)


def _lists(finding: Finding) -> Plain:
    assert finding.response is not None
    return finding.response.plain


def ordered(cause: str, fits: Callable[[list[int], int], bool]) -> Mistake:
    """Return a mistake in `epoch_order`; `fits` gets an order and the number of examples."""

    def all_fit(finding: Finding) -> bool:
        count = finding.request.options["count"]
        return count > 1 and all(fits(order, count) for order in _lists(finding))

    return recognised(PARTS, cause, "orders", all_fit)


def _drawn_with_replacement(finding: Finding) -> bool:
    """Return whether all orders have the right length and range, and one has a number twice."""
    count, orders = finding.request.options["count"], _lists(finding)
    possible = all(len(each) == count and set(each) <= set(range(count)) for each in orders)
    return possible and any(len(set(each)) < count for each in orders)


def _equal_for(which: int) -> Callable[[Finding], bool]:
    """Return a function that recognises orders that are equal for all seeds (0) or epochs (1)."""

    def fits(finding: Finding) -> bool:
        pairs = finding.request.options["of"]
        values, others = ({pair[i] for pair in pairs} for i in (which, 1 - which))
        orders = {tuple(order) for order in _lists(finding)}
        return len(values) > 1 and len(others) == 1 and len(orders) == 1

    return fits


def _some_orders(finding: Finding) -> bool:
    """Return whether several orders of three examples occur, but not all."""
    several = len({tuple(order) for order in _lists(finding)}) > 1
    return several and "of the 6 orders of three examples occur" in finding.sentence


def of_parts(cause: str, fits: Callable[[list[list[int]], int, int], bool]) -> Mistake:
    """Return a mistake in `epoch_part`; `fits` gets the parts, and the numbers of examples, ranks.

    It fits if it fits all epochs of a request.
    """

    def all_fit(finding: Finding) -> bool:
        count, size = finding.request.options["count"], finding.request.options["size"]
        return all(fits(parts, count, size) for parts in _lists(finding))

    return recognised(PARTS, cause, "parts", all_fit)


def _own_orders(parts: list[list[int]], count: int, size: int) -> bool:
    """Return whether each part has distinct numbers and their sizes are right, but they overlap."""
    whole = [number for part in parts for number in part]
    distinct = all(len(set(part)) == len(part) for part in parts)
    return distinct and len(whole) == count > len(set(whole))


def _without_the_rest(parts: list[list[int]], count: int, size: int) -> bool:
    whole = [number for part in parts for number in part]
    return len(set(whole)) == len(whole) == count - count % size < count


def _all_examples(parts: list[list[int]], count: int, size: int) -> bool:
    return size > 1 and count > 0 and all(sorted(part) == list(range(count)) for part in parts)


def rebuilt(cause: str, wrong: Callable[[Array, list[int]], Array]) -> Mistake:
    """Return a mistake in `reassemble`; `wrong` gets rows in the order of ranks, their numbers."""

    def explains(finding: Finding) -> bool | None:
        response = finding.response
        if finding.request.operation != "distributed.reassembled" or response is None:
            return None
        order = [number for part in response.plain for number in part]
        values = finding.request.arrays[0]
        if sorted(order) != list(range(len(values))):
            return None
        return same_values(response.arrays[0], wrong(values[np.array(order, int)], order))

    return Mistake(PARTS, cause, explains, predicts=True)


Sums = Callable[[Array], Array]
"""Returns the buffers of all ranks after an all-reduce, given those before; (ranks, length)."""


def reduced(cause: str, wrong: Sums) -> Mistake:
    """Return a mistake in the sums of `ring_all_reduce`."""

    def model(request: Request) -> Response | None:
        before = np.array(request.arrays)
        if request.options.get("calls", 1) != 1 or len(before) < 2 or not before.size:
            return None
        return Response(request, tuple(np.broadcast_to(wrong(before), before.shape)))

    return modelled(RING, cause, r"distributed\.ring", model)


def _only_first(before: Array) -> Array:
    after = before.copy()
    after[0] = before.sum(axis=0)
    return after


def _without_the_tail(before: Array) -> Array:
    after = before.copy()
    whole = before.shape[1] - before.shape[1] % len(before)
    after[:, :whole] = before[:, :whole].sum(axis=0)
    return after


def ringed(cause: str, fits: Callable[[Array, Array], bool]) -> Mistake:
    """Return a mistake in `ring_all_reduce`; `fits` gets the buffers before and after, by rank."""

    def explains(finding: Finding) -> bool | None:
        request, response = finding.request, finding.response
        if request.operation != "distributed.ring" or response is None or finding.right:
            return None
        before, after = np.array(request.arrays), np.array(response.arrays)
        if len(before) < 2 or not before.size or request.options.get("calls", 1) != 1:
            return None
        if np.allclose(after, before.sum(axis=0)):
            return None
        return fits(before, after)

    return Mistake(RING, cause, explains)


def _of_one_rank(factor: Callable[[int], int]) -> Callable[[Array, Array], bool]:
    """Return a function that recognises elements of single ranks, times a factor."""

    def fits(before: Array, after: Array) -> bool:
        wanted = before * factor(len(before))
        return bool(np.isclose(after[:, None], wanted[None]).any(axis=1).all())

    return fits


def _whole_sums_on_some_ranks(before: Array, after: Array) -> bool:
    whole = np.isclose(after, before.sum(axis=0))
    return bool(whole.any(axis=0).all())


def _too_much_in_a_ring(finding: Finding) -> bool:
    receivers = _lists(finding)["receivers"]
    return "a rank sends" in finding.sentence and all(len(to) <= 1 for to in receivers)


def _other_bits(finding: Finding) -> bool:
    assert finding.response is not None
    near = np.allclose(finding.response.arrays, sum(finding.request.arrays))
    return bool(near) and "receive different results" in finding.sentence


Means = Callable[[Array, Array], Array]
"""Returns the gradients on all ranks, given those of each rank, (ranks, n), and the counts."""


def averaged(cause: str, wrong: Means) -> Mistake:
    """Return a mistake in `average_gradients`."""

    def model(request: Request) -> Response:
        counts = np.array(request.options["counts"], float)
        each = len(request.arrays) // len(counts)
        flat = np.array([np.concatenate([np.ravel(g) for g in own]) for own in _rows(request)])
        after = np.broadcast_to(wrong(flat, counts), flat.shape)
        ends = np.cumsum([array.size for array in request.arrays[:each]])[:-1]
        pieces = [piece for row in after for piece in np.split(row, ends)]
        shaped = [p.reshape(a.shape) for p, a in zip(pieces, request.arrays, strict=True)]
        return Response(request, tuple(shaped))

    return modelled(RING, cause, r"distributed\.average", model)


def _rows(request: Request) -> list[tuple[Array, ...]]:
    """Return the gradients of each rank."""
    each = len(request.arrays) // len(request.options["counts"])
    return [request.arrays[i : i + each] for i in range(0, len(request.arrays), each)]


def _is_flat(finding: Finding) -> bool:
    right, received = finding.expected, finding.received
    if not isinstance(right, np.ndarray) or not isinstance(received, np.ndarray):
        return False
    return right.ndim != 1 and received.shape == (right.size,)


def deadlock(cause: str, words: str, without: Sequence[str]) -> Mistake:
    """Return a mistake that is recognised by what the ranks of a deadlock wait for."""

    def explains(finding: Finding) -> bool | None:
        if "Deadlock" not in finding.kinds:
            return None
        return words in finding.sentence and not any(each in finding.sentence for each in without)

    return Mistake(RING, cause, explains)


DROPPED = "The remainder is dropped: the last count % size positions belong to no rank."

MISTAKES = [
    # partition
    cut(DROPPED, lambda c, r, s: range(r * (c // s), (r + 1) * (c // s))),
    cut(DROPPED, lambda c, r, s: range(r, c - c % s, s)),
    cut(
        "The last rank takes the whole remainder. Give several ranks one position of it each.",
        _rest_at_the_end,
    ),
    cut(
        "All parts have the rounded-up size, so the last ones are too short or empty.", _rounded_up
    ),
    cut(
        "Parts overlap by one position: the end of a range is not part of it.",
        lambda c, r, s: range(_start(c, r, s), min(_start(c, r + 1, s) + 1, c)),
    ),
    cut(
        "Parts overlap by one position: the end of a range is not part of it.",
        lambda c, r, s: range(_start(c, r, s), _start(c, r + 1, s) + 1),
    ),
    cut(
        "Each part lacks its last position: the end of a range is not part of it.",
        lambda c, r, s: range(_start(c, r, s), _start(c, r + 1, s) - 1),
    ),
    cut("Every rank takes all positions.", lambda c, r, s: range(c)),
    cut(
        "Every rank takes the first positions. Add the lengths of the parts before it.",
        lambda c, r, s: range(_start(c, r + 1, s) - _start(c, r, s)),
    ),
    cut(
        "The ranks are counted from 1. The first rank is 0.",
        lambda c, r, s: range(_start(c, r + 1, s), _start(c, r + 2, s)),
    ),
    cut(
        "The longer parts do not move the start of the parts behind them. Add min(rank, count % "
        "size) to the start.",
        _unmoved,
    ),
    cut("One rank too many has a longer part: compare the rank with `<`.", _one_rank_more),
    # epoch_order
    ordered(
        "The order is not random: the numbers are not shuffled.",
        lambda order, count: order == list(range(count)),
    ),
    recognised(
        PARTS,
        "Numbers are drawn with replacement. Use a permutation of all numbers.",
        "orders",
        _drawn_with_replacement,
    ),
    ordered(
        "The numbers begin at 1. Examples are numbered from 0.",
        lambda order, count: sorted(order) == list(range(1, count + 1)),
    ),
    ordered(
        "The last example is missing in the order.",
        lambda order, count: sorted(order) == list(range(count - 1)),
    ),
    saying(
        PARTS,
        "The order depends on the state of a generator, so that each rank has another one. Create "
        "a generator from seed and epoch.",
        "orders",
        "two calls with the same arguments return different orders",
    ),
    recognised(PARTS, "The order does not depend on the epoch.", "orders", _equal_for(1)),
    recognised(PARTS, "The order does not depend on the seed.", "orders", _equal_for(0)),
    recognised(
        PARTS,
        "Not every order is possible. Shuffle the numbers, and do not only rotate or swap some.",
        "orders",
        _some_orders,
    ),
    # epoch_part
    of_parts(
        "The ranks have different orders, so their parts overlap. Take the parts of one order.",
        _own_orders,
    ),
    of_parts("The last count % size examples belong to no rank.", _without_the_rest),
    of_parts("Every rank takes all examples.", _all_examples),
    saying(
        PARTS,
        "The parts are the same in every epoch. Take the numbers of `epoch_order`.",
        "parts",
        "a rank has the same examples in two epochs",
    ),
    # reassemble
    rebuilt(
        "The parts are joined in the order of the ranks. Write each row to the place of its "
        "example.",
        lambda rows, order: rows,
    ),
    rebuilt(
        "You read rows at the numbers of the examples. Write the rows to these places.",
        lambda rows, order: rows[np.array(order, int)],
    ),
    # ring_all_reduce
    reduced(
        "The sum is divided by the number of ranks. All-reduce is a sum.",
        lambda before: before.mean(axis=0),
    ),
    reduced(
        "The buffers do not change. Write the sums into the buffer that you get.",
        lambda before: before,
    ),
    reduced("All ranks get the buffer of rank 0. Add the buffers.", lambda before: before[0]),
    reduced(
        "Only rank 0 has the sums. Send them around the ring, too.",
        _only_first,
    ),
    reduced(
        "The last elements are left out: the length is not a multiple of the number of ranks.",
        _without_the_tail,
    ),
    ringed(
        "The received numbers are written over your own before the addition, so they count twice. "
        "Receive into an array of its own.",
        _of_one_rank(lambda size: 2 ** (size - 1)),
    ),
    ringed(
        "The sums contain the numbers of one rank only. Add what you receive to your own numbers, "
        "in n - 1 steps.",
        _of_one_rank(lambda size: 1),
    ),
    ringed(
        "Each rank has the sums of some elements only. Send the sums around the ring in n - 1 "
        "further steps.",
        _whole_sums_on_some_ranks,
    ),
    recognised(
        RING,
        "Too much is sent. In each step, send one chunk of the buffer.",
        "ring",
        _too_much_in_a_ring,
    ),
    saying(
        RING,
        "A rank sends to others than its neighbour. Send to (rank + 1) % size only.",
        "ring",
        "each has to send to the next one only",
    ),
    recognised(
        RING,
        "The ranks add up in different orders, so their results differ in the last bits. Compute "
        "each sum on one rank and copy it.",
        "ring",
        _other_bits,
    ),
    # average_gradients
    averaged(
        "You return the sum of the gradients. Divide by the number of examples of all ranks.",
        lambda g, c: g.sum(axis=0),
    ),
    averaged(
        "The weighted sum is not divided by the number of examples of all ranks.",
        lambda g, c: c @ g,
    ),
    averaged(
        "All ranks count the same, but they have different numbers of examples. Weight each "
        "gradient by its number.",
        lambda g, c: g.mean(axis=0),
    ),
    averaged(
        "The weighted sum is divided by the number of ranks. Divide by the number of all examples.",
        lambda g, c: c @ g / len(c),
    ),
    averaged(
        "The weighted sum is divided by the number of this rank's examples. Add up the numbers of "
        "all ranks, too.",
        lambda g, c: (c @ g)[None] / np.maximum(c, 1.0)[:, None],
    ),
    averaged("All ranks get the gradients of rank 0. Average them.", lambda g, c: g[0]),
    averaged("Each rank keeps its own gradients.", lambda g, c: g),
    recognised(
        RING, "The gradients are flat. Give each of them its shape again.", "average", _is_flat
    ),
    saying(
        RING,
        "The gradients are changed in place. Compute with new arrays.",
        "average",
        "changes the gradients that it gets",
    ),
    saying(
        RING,
        "Each gradient has an all-reduce of its own. Put all of them into one buffer.",
        "average",
        "all of them fit into one buffer",
    ),
    # Messages
    deadlock(
        "All ranks send first, and none receives. Let some of them receive first, for example "
        "those with odd numbers.",
        "waits to send",
        ["waits to receive", "has returned", "for the others in"],
    ),
    deadlock(
        "All ranks receive first, and none sends. Let some of them send first, for example those "
        "with even numbers.",
        "waits to receive",
        ["waits to send", "has returned", "for the others in"],
    ),
    deadlock(
        "A rank returns while others wait for its messages. All ranks need the same number of "
        "steps.",
        "has returned",
        [],
    ),
    deadlock("Some ranks are in `barrier` while others wait for their messages.", "in barrier", []),
    deadlock("Ranks wait for each other in a circle.", "waits", []),
    raising(
        RING,
        "A rank receives a chunk into a place that is too short. Receive the chunk that the rank "
        "before it sends in this step.",
        r"distributed\..*",
        "CommunicationError",
        message="which receives at most",
    ),
    raising(
        RING,
        "The communicator has no collective operations. Write them with `send` and `receive`.",
        r"distributed\..*",
        "AttributeError",
        message="the communicator has no attribute",
    ),
]
