"""Kernel that draws the next token of a text.

For a small vocabulary, the calls of NumPy from Python would take several times as long::

    logits            most probable first        probabilities     intervals, and a number u
    2.1 0.3 1.7   →   2.1 1.7 │ 0.3          →   0.6 0 0.4     →   ├─────────┼──────┤
                              └ not drawn                               ↑ u: the first token
"""

import math

import numpy as np
import numpy.typing as npt

from mt_kernels_cpu.compiling.jit import strict_kernel

NO_TOKEN = -1
"""Result if no token can be drawn."""


@strict_kernel
def draw(
    scores: npt.NDArray[np.float64],
    order: npt.NDArray[np.int64],
    temperature: float,
    top_k: int,
    top_p: float,
    u: float,
) -> int:
    """Replace logits by the probabilities of their tokens, and return the token at a number u.

    Sorting is left to NumPy: compiling it would take seconds.

    Args:
        scores: The logits, (tokens,).
        order: All tokens, the most probable first; empty for `top_k` and `top_p` that keep all.
        temperature: The divisor of the logits; 0 gives the most probable token the probability 1.
        top_k: The number of the most probable tokens that may be drawn.
        top_p: The total probability of the most probable tokens that may be drawn.
        u: A number in [0, 1). The intervals between the sums of the probabilities, divided by the
            last sum, belong to the tokens.

    Returns:
        `NO_TOKEN`, and changes nothing, if a logit is NaN or infinite; -∞ is a token that is never
        drawn.
    """
    best, is_known = 0, len(scores) > 0
    for i in range(len(scores)):
        is_known = is_known and scores[i] < math.inf
        best = i if scores[i] > scores[best] else best
    if not is_known or scores[best] == -math.inf:
        return NO_TOKEN
    top, total = scores[best], 0.0
    for i in range(len(scores)):
        if temperature == 0.0:
            scores[i] = 1.0 if i == best else 0.0
        else:
            scores[i] = math.exp((scores[i] - top) / temperature)
        total += scores[i]
    if len(order) > 0:
        total = 0.0
        for token in order[:top_k]:
            total += scores[token]
        # A token may be drawn if it is among the first and those before it do not reach the limit.
        limit = top_p * total if top_p < 1.0 else math.inf
        before, total = 0.0, 0.0
        for rank in range(len(order)):
            power = scores[order[rank]]
            if rank < top_k and before < limit:
                total += power
            else:
                scores[order[rank]] = 0.0
            before += power
    for i in range(len(scores)):
        scores[i] /= total
    last = 0.0
    for i in range(len(scores)):
        last += scores[i]
    token, end = 0, scores[0]
    while end / last <= u:
        token += 1
        end += scores[token]
    return token
