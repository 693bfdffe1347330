"""Continuation of texts by a trained language model, token by token."""

import math
from collections.abc import Iterable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mt_autodiff import Seed, no_grad
from mt_kernels_cpu.sampling import NO_TOKEN, draw
from mt_models.networks import GPT, evaluating
from mt_models.tokenizers import REPLACEMENT, Ids, Tokenizer


@dataclass(frozen=True, slots=True, eq=False)
class NextToken:
    """A drawn token.

    Attributes:
        number: The number of the token.
        probabilities: The probabilities from which it was drawn, (vocabulary,).
        window: The numbers of the tokens that the network read before it.
    """

    number: int
    probabilities: npt.NDArray[np.float64]
    window: tuple[int, ...]


def next_probabilities(
    logits: npt.NDArray[np.floating],
    *,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float = 1.0,
) -> npt.NDArray[np.float64]:
    r"""Return the probabilities from which the next token is drawn.

    Args:
        logits: The logits of the network, (vocabulary,).
        temperature: The divisor of the logits; 0 gives the most probable token the probability 1.
        top_k: The number of the most probable tokens that may be drawn; None for all.
        top_p: The total probability of the most probable tokens that may be drawn: the fewest
            tokens that reach it (Holtzman et al. 2020, "The Curious Case of Neural Text
            Degeneration", section 3.1).

    Raises:
        ValueError: A setting is out of range, or a logit is NaN or infinite; $-\infty$ is a
            token that is never drawn.

    >>> next_probabilities(np.log([0.5, 0.25, 0.25]), top_k=1)
    array([1., 0., 0.])
    """
    _check_settings(temperature, top_k, top_p)
    return _drawn(logits, temperature, top_k, top_p, 0.0)[1]


_EVERY = np.empty(0, np.int64)
"""The order of tokens for `draw` if all may be drawn."""


def _drawn(
    logits: npt.NDArray[np.floating],
    temperature: float,
    top_k: int | None,
    top_p: float,
    u: float,
) -> tuple[int, npt.NDArray[np.float64]]:
    """Return the token at a number of [0, 1), and the probabilities; see `next_probabilities`."""
    probabilities = np.array(logits, np.float64)
    kept = len(probabilities) if top_k is None else top_k
    order = _EVERY
    if kept < len(probabilities) or top_p < 1.0:
        # The sort is stable: of equal logits the first tokens count as more probable.
        order = (-probabilities).argsort(kind="stable")
    token = draw(probabilities, order, float(temperature), kept, float(top_p), u)
    if token == NO_TOKEN:
        raise ValueError(
            "the logits of the network are NaN or infinite; train it again with a lower rate"
        )
    return token, probabilities


def generate_tokens(
    model: GPT,
    ids: Sequence[int] | Ids,
    *,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float = 1.0,
    seed: Seed = None,
    cached: bool = True,
) -> Iterator[NextToken]:
    """Yield tokens that continue a sequence, without an end.

    The network reads at most `context` tokens. If the sequence becomes longer, it forgets the older
    half of them, and continues from the other half until these are full again. This way the keys
    and values of a token are computed about twice, not once for each later token, because learnt
    positions make them depend on the place of the token in the window.

    Args:
        model: The network.
        ids: The token numbers of the beginning, at least one. The last `context` of them count.
        temperature: See `next_probabilities`; so are `top_k` and `top_p`.
        top_k: The number of tokens that may be drawn.
        top_p: The total probability of the tokens that may be drawn.
        seed: The seed of the draws, or a generator.
        cached: True stores keys and values of earlier tokens. False computes the whole window for
            each token; the tokens are equal, up to rounding.

    Raises:
        ValueError: There is no token to begin with, or a setting is out of range.
    """
    _check_settings(temperature, top_k, top_p)
    window = [int(number) for number in ids][-model.context :]
    if not window:
        raise ValueError("generate: there is no token to begin with; pass at least one")
    return _tokens(model, window, temperature, top_k, top_p, np.random.default_rng(seed), cached)


def _tokens(
    model: GPT,
    window: list[int],
    temperature: float,
    top_k: int | None,
    top_p: float,
    rng: np.random.Generator,
    cached: bool,
) -> Iterator[NextToken]:
    """Yield the tokens of `generate_tokens`; that function checks the arguments at the call."""
    cache = model.new_cache() if cached else None
    new = window
    while True:
        if len(window) > model.context:
            window = window[-max(1, model.context // 2) :]
            new = window
            if cache is not None:
                cache.clear()
        logits = cache.logits(new[0]) if cache is not None and len(new) == 1 else None
        if logits is None:
            # The mode is set for each token: between two tokens the caller may train the network.
            with evaluating(model) if model.training else nullcontext(), no_grad():
                logits = model.next_logits([window if cache is None else new], cache)
        # The same draw as `rng.choice`, which spends most of its time on checks of its arguments.
        number, probabilities = _drawn(
            logits.to_numpy()[0], temperature, top_k, top_p, rng.random()
        )
        token = NextToken(number, probabilities, tuple(window))
        new = [number]
        window = [*window, number]
        yield token


def generate(
    model: GPT,
    tokenizer: Tokenizer,
    prompt: str,
    *,
    length: int = 500,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float = 1.0,
    seed: Seed = None,
    stop: str | Sequence[str] = (),
    cached: bool = True,
) -> Iterator[str]:
    """Yield pieces of the text that continues a prompt, as soon as they are certain.

    Args:
        model: The network.
        tokenizer: Its tokenizer.
        prompt: The beginning. The pieces do not contain it. An empty prompt means a line end, or
            the first token of a vocabulary without line ends.
        length: The largest number of tokens.
        temperature: See `next_probabilities`; so are `top_k` and `top_p`.
        top_k: The number of tokens that may be drawn.
        top_p: The total probability of the tokens that may be drawn.
        seed: The seed of the draws, or a generator.
        stop: A text, or several, at which the continuation ends: before the one that is complete
            first.
        cached: See `generate_tokens`.

    Raises:
        ValueError: The prompt has characters that the tokenizer lacks, a stop string is empty, or a
            setting is out of range.
    """
    if length < 0:
        raise ValueError(f"generate: length is {length}; it must be 0 or more")
    # The characters of a string are strings, too.
    stop = [stop] if isinstance(stop, str) else stop
    if not all(stop):
        raise ValueError("generate: a stop string is empty; pass texts of at least one character")
    ids = tokenizer.encode(prompt) if prompt else _start(tokenizer)
    tokens = generate_tokens(
        model,
        ids,
        temperature=temperature,
        top_k=top_k,
        top_p=top_p,
        seed=seed,
        cached=cached,
    )
    numbers = (next(tokens).number for _ in range(length))
    return _until(stop, _decoded(tokenizer, numbers))


def _start(tokenizer: Tokenizer) -> Ids:
    """Return the token with which a text begins that has no prompt."""
    return np.array([tokenizer.tokens.index("\n") if "\n" in tokenizer.tokens else 0])


def _decoded(tokenizer: Tokenizer, numbers: Iterable[int]) -> Iterator[str]:
    """Yield the text of tokens; a character of several tokens is yielded when it is complete."""
    waiting: list[int] = []
    for number in numbers:
        waiting.append(number)
        text = tokenizer.decode(waiting)
        # A character of UTF-8 has at most four bytes.
        if not text.endswith(REPLACEMENT) or len(waiting) >= 4:
            yield text
            waiting.clear()
    if waiting:
        yield tokenizer.decode(waiting)


def _until(stop: Sequence[str], pieces: Iterable[str]) -> Iterator[str]:
    """Yield pieces up to the first stop string. What may begin one waits for the next piece."""
    if not stop:
        yield from filter(None, pieces)
        return
    text = ""
    for piece in pieces:
        text += piece
        found = [at for at in map(text.find, stop) if at >= 0]
        if found:
            text = text[: min(found)]
            break
        held = max(
            (n for end in stop for n in range(1, len(end)) if text.endswith(end[:n])), default=0
        )
        if ready := text[: len(text) - held]:
            yield ready
        text = text[len(text) - held :]
    if text:
        yield text


def _check_settings(temperature: float, top_k: int | None, top_p: float) -> None:
    if not 0.0 <= temperature < math.inf:
        raise ValueError(f"generate: temperature is {temperature}; it must be 0 or more, finite")
    if top_k is not None and top_k < 1:
        raise ValueError(f"generate: top_k is {top_k}; it must be 1 or more, or None for all")
    if not 0.0 < top_p <= 1.0:
        raise ValueError(f"generate: top_p is {top_p}; it must be above 0 and at most 1")
