"""The page on language models: a text continued token by token, attention, and training."""

import html
from collections.abc import Callable, Sequence

import numpy as np
import streamlit as st

from mt_app.announcer import announce
from mt_app.insight.texts import Step, Weights, attention_maps, continue_text, visible
from mt_app.jobs import RunView, find_runs
from mt_app.shared import choose_network, job_queue, language_model
from mt_app.stepper import stepper
from mt_app.style import page_head
from mt_app.tiles import Tile, bars, heat, tiles
from mt_app.training_view import (
    choose_backend,
    choose_data,
    choose_part,
    start_button,
    training_panel,
)
from mt_models.prediction import PRETRAINED_TEXT, LanguageModel
from mt_models.recipes import TextRecipe
from mt_models.training import Settings
from mt_nn import CheckpointError

CONTINUE, TRAIN = "Continue", "Train"
LONGEST = 2000
"""The largest length of a beginning in characters: an address contains the beginning."""
FIRST = "ROMEO:\nWhat light"
CANDIDATES = 8
"""The number of tokens whose probabilities are shown."""
BATCH, EPOCHS = 12, 8


def render() -> None:
    """Draw the page."""
    page_head(
        "Text",
        "A language model assigns a probability to every token that can come next, draws one, and "
        "reads the longer text again. Each attention head decides from which earlier tokens a "
        "position collects information.",
        (
            "Set the temperature to 0: the most probable token always wins, and the text soon "
            "repeats itself.",
            "Step to the token after a colon or a line end, and look for a head that finds it.",
            "Train a network, and read what it writes after every epoch.",
        ),
    )
    part = choose_part([CONTINUE, TRAIN], "text.part")
    if part == TRAIN:
        _train()
    else:
        _with_network()


def _with_network() -> None:
    """Let the user choose a network and type a beginning, and show its continuation."""
    source = choose_network(
        PRETRAINED_TEXT, find_runs(job_queue(), TextRecipe.problem), "text.network"
    )
    try:
        model = language_model(source)
    except (CheckpointError, ImportError, OSError, ValueError) as error:
        st.error(str(error))
        return
    known = model.tokenizer.tokens
    beginning = st.text_area(
        "Beginning", FIRST, key="text.beginning", height=90, bind="query-params"
    ).replace("\r\n", "\n")
    if len(beginning) > LONGEST:
        st.error(
            f"The text has {len(beginning):,} characters; allowed are {LONGEST:,}. Shorten it: the "
            f"network reads only its last {model.network.context} tokens."
        )
        return
    if not beginning:
        st.info("Type a beginning of at least one character.")
        return
    first, second, third, fourth = st.columns(4)
    length = first.slider("Tokens", 10, 300, 80, 10, key="text.length", bind="query-params")
    temperature = second.slider(
        "Temperature", 0.0, 2.0, 0.8, 0.1, key="text.temperature", bind="query-params"
    )
    choices = [1, 2, 3, 5, 10, 20, 50, len(known)]
    best = third.select_slider(
        "Draw from the best",
        sorted(choice for choice in set(choices) if choice <= len(known)),
        len(known),
        key="text.best",
        bind="query-params",
    )
    seed = fourth.number_input("Seed", 0, 999, 0, key="text.seed", bind="query-params")
    try:
        steps = _steps(model, beginning, length, temperature, int(best), int(seed))
    except ValueError as error:
        st.error(f"{str(error)[:1].upper()}{str(error)[1:]}.")
        return
    texts = [model.tokenizer.decode([step.number]) for step in steps]
    st.html(_text(beginning, texts, [step.probability for step in steps]))
    st.caption("The stronger the blue of a token, the more probable it was.")
    announce(beginning + "".join(texts), "text.announcer")
    st.header("Token by token")
    stepper("text.step", len(steps), _drawing(model, beginning, steps, texts), name="token")


def _steps(
    model: LanguageModel,
    beginning: str,
    length: int,
    temperature: float,
    best: int | None = None,
    seed: int = 0,
) -> tuple[Step, ...]:
    """Return the continuation; a repetition with the same inputs computes nothing."""
    # Models are compared by identity: a run that goes on has another one after each epoch.
    key = (model, beginning, length, temperature, best, seed)
    kept = st.session_state.get("text.kept")
    if kept is None or kept[0] != key:
        steps = continue_text(
            model, beginning, length=length, temperature=temperature, top_k=best, seed=seed
        )
        st.session_state["text.kept"] = kept = (key, steps)
    steps_of: tuple[Step, ...] = kept[1]
    return steps_of


def _text(
    beginning: str,
    texts: Sequence[str],
    shares: Sequence[float],
    current: int | None = None,
    *,
    largest: float = 1.0,
) -> str:
    """Return a beginning and tokens, each coloured by its share.

    Args:
        beginning: A text without colours.
        texts: The tokens.
        shares: A number from 0 to 1 for each token.
        current: The index of the token with a frame.
        largest: The number with the strongest colour.
    """
    tokens = []
    for at, (text, share) in enumerate(zip(texts, shares, strict=True)):
        kind = ' class="mt-current"' if at == current else ""
        shown = visible(text) if at == current else text
        tokens.append(
            f'<span{kind} title="{share:.1%}" style="--mt-share: {round(60 * share / largest)}%">'
            f"{html.escape(shown)}</span>"
        )
    return f'<p class="mt-tokens">{html.escape(beginning)}{"".join(tokens)}</p>'


def _drawing(
    model: LanguageModel, beginning: str, steps: Sequence[Step], texts: Sequence[str]
) -> Callable[[int], None]:
    """Return the function that shows the step with a number."""

    def draw(at: int) -> None:
        step = steps[at]
        shares = [each.probability for each in steps[: at + 1]]
        left, right = st.columns([3, 2], gap="large")
        left.html(_text(beginning, texts[: at + 1], shares, at))
        numbers = step.likeliest(CANDIDATES)
        right.html(
            bars(
                [
                    (visible(model.tokenizer.decode([each])), float(step.probabilities[each]))
                    for each in numbers
                ],
                numbers.index(step.number),
            )
        )
        right.caption(f"The most probable tokens; {visible(texts[at])} was drawn.")
        _attention(model, step)

    return draw


def _attention(model: LanguageModel, step: Step) -> None:
    """Show from which tokens each head collected information for a token."""
    maps = attention_maps(model, step.window)
    layers, heads = maps.shape[:2]
    st.header("Attention")
    layer = 1
    if layers > 1:
        layer = int(
            st.segmented_control(
                "Layer",
                list(range(1, layers + 1)),
                default=1,
                key="text.layer",
                bind="query-params",
                required=True,
            )
            or 1
        )
    read = [model.tokenizer.decode([number]) for number in step.window]
    for head in range(heads):
        weights = maps[layer - 1, head, -1]
        st.html(
            f'<p class="mt-head">Head {head + 1}: {_summary(read, weights)}</p>'
            f"{_text('', read, weights.tolist(), largest=float(weights.max()))}"
        )
    st.caption(
        f"The {len(read)} tokens that the network read. The last one attends: the stronger the "
        "blue, the more it takes from this token; the strongest is the largest weight of the head. "
        "The weights of a head have the sum 1."
    )
    with st.expander(f"All {layers * heads} heads as matrices"):
        for at in range(layers):
            pictures = [
                Tile(
                    heat(maps[at, head], 1.0),
                    f"Attention of layer {at + 1}, head {head + 1}, {len(read)} positions",
                    f"{at + 1}.{head + 1}",
                )
                for head in range(heads)
            ]
            st.html(tiles(pictures, "8rem", one_row=True))
        st.caption(
            "Layer and head. A row is a position that attends, a column one that it reads. Above "
            "the diagonal are later tokens, which the mask hides."
        )


def _summary(read: Sequence[str], weights: Weights) -> str:
    """Return the position with the largest weight in words, as HTML."""
    best = int(np.argmax(weights))
    back = len(read) - 1 - best
    where = "itself" if back == 0 else f"{back} token{'s' if back > 1 else ''} back"
    return f"most from <b>{html.escape(visible(read[best]))}</b>, {where} ({weights[best]:.0%})"


def _train() -> None:
    """Let the user train a network."""
    data = choose_data(
        "Own text", "text.data", "A text file in UTF-8. Empty: the plays of tiny Shakespeare."
    )
    left, middle, right = st.columns(3)
    with left:
        steps = st.select_slider(
            "Steps", [80, 200, 400, 1000, 2000, 4000], 400, key="text.steps", bind="query-params"
        )
        context = st.select_slider(
            "Context", [16, 32, 64, 128], 64, key="text.context", bind="query-params"
        )
    with middle:
        layers = st.slider("Layers", 1, 6, 2, key="text.layers", bind="query-params")
        heads = st.select_slider("Heads", [1, 2, 4, 8], 4, key="text.heads", bind="query-params")
    with right:
        width = st.select_slider(
            "Width", [32, 64, 128, 256], 64, key="text.width", bind="query-params"
        )
        rate = st.select_slider(
            "Learning rate",
            [0.0003, 0.001, 0.002, 0.005],
            0.002,
            key="text.rate",
            bind="query-params",
        )
    backend, dtype = choose_backend("text.backend")
    recipe = TextRecipe(
        backend=backend,
        dtype=dtype,
        lr=rate,
        data=data,
        width=width,
        heads=heads,
        layers=layers,
        context=context,
        epoch_size=steps * BATCH // EPOCHS,
        warmup=min(100, steps // 10),
    )
    start_button(recipe, Settings(epochs=EPOCHS, batch_size=BATCH, clip=1.0), "text.start")
    training_panel(
        TextRecipe.problem,
        _details,
        judged_by="validation tokens",
        details_first=True,
        shipped=PRETRAINED_TEXT,
    )


def _details(run: RunView) -> None:
    """Show what the latest network of a run writes."""
    best = run.best
    if best is None or not run.has_network:
        st.caption("After the first epoch, a text of the network appears here.")
        return
    try:
        model = language_model(run.source)
        steps = _steps(model, _opening(model), 200, 0.8)
    except (CheckpointError, ImportError, OSError, ValueError) as error:
        st.error(str(error))
        return
    texts = [model.tokenizer.decode([step.number]) for step in steps]
    st.markdown(
        f"Loss of a validation token **{best.validation_loss:.4f}** after epoch {best.epoch}. The "
        "network of this epoch writes:"
    )
    st.html(_text("", texts, [step.probability for step in steps]))


def _opening(model: LanguageModel) -> str:
    """Return the beginning of a sample: a line end, if the vocabulary has one."""
    tokens = model.tokenizer.tokens
    return "\n" if "\n" in tokens else tokens[0]
