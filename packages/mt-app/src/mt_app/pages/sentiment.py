"""The page on sentiment: prediction with explanations, and training."""

import html
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
import streamlit as st

from mt_app.announcer import announce
from mt_app.insight.networks import PRETRAINED_SENTENCES, SentenceReader
from mt_app.insight.sentences import (
    SentenceInsight,
    explain_sentence,
    neighbours,
    predict_sentences,
)
from mt_app.jobs import RunView, find_runs
from mt_app.shared import choose_network, job_queue, sentence_reader, sst2
from mt_app.style import page_head, wide_table_hint
from mt_app.tiles import bars
from mt_app.training_view import (
    choose_backend,
    choose_data,
    choose_part,
    choose_size,
    show_pictures,
    start_button,
    training_panel,
)
from mt_models.problems import Evaluation
from mt_models.recipes import SentimentRecipe
from mt_models.training import Settings
from mt_nn import CheckpointError

ASK, SENTENCES, TRAIN = "Ask", "Validation sentences", "Train"
LONGEST = 5000
"""The largest length of a sentence in characters: an address contains the sentence."""
FIRST = "It is a charming film, and nobody who sees it will forget its quiet end."


def render() -> None:
    """Draw the page."""
    page_head(
        "Sentiment",
        "Is a sentence of a film review positive? Kernels of three, four and five words slide over "
        "the sentence, and the network uses only the maximum of each. The prediction is therefore "
        "an exact sum, in which every word has a share.",
        [
            "Insert a “not” before “charming”. Which window changes its sign?",
            "Replace one word by its nearest neighbour: the prediction hardly changes.",
        ],
    )
    part = choose_part([ASK, SENTENCES, TRAIN], "sentiment.part")
    if part == TRAIN:
        _train()
    else:
        _with_network(_validation if part == SENTENCES else _ask)


def _with_network(show: Callable[[SentenceReader], None]) -> None:
    """Let the user choose a network, and call `show` with it."""
    runs = find_runs(job_queue(), "sentiment")
    source = choose_network(PRETRAINED_SENTENCES, runs, "sentiment.network")
    try:
        reader = sentence_reader(source)
    except (CheckpointError, OSError, ValueError) as error:
        st.error(str(error))
        return
    show(reader)


@st.fragment
def _ask(reader: SentenceReader) -> None:
    """Let the user type a sentence, and show the network's prediction."""
    text = st.text_area(
        "Sentence", FIRST, key="sentence", height=80, bind="query-params", persist_state="session"
    )
    if len(text) > LONGEST:
        st.error(
            f"The text has {len(text):,} characters; allowed are {LONGEST:,}. Shorten it, or "
            "classify it with `predict` on the command line."
        )
        return
    try:
        insight = explain_sentence(reader, text)
    except ValueError:
        st.info("Type a sentence of at least one word.")
        return
    negative, positive = reader.classes
    if not any(word.known for word in insight.words):
        st.warning(
            "The network knows no word of this sentence, so it has no answer. Use English words.",
            icon=":material/help:",
        )
        announce("no known word", "sentiment.announcer")
        return
    left, right = st.columns([1, 2], gap="large", vertical_alignment="center")
    predicted = positive if insight.positive >= 0.5 else negative
    kind = "mt-for" if insight.positive >= 0.5 else "mt-against"
    left.html(
        f'<div class="mt-answer mt-word {kind}" data-answer="{html.escape(predicted)}">'
        f"{html.escape(predicted)}</div>"
    )
    right.html(bars([(positive, insight.positive), (negative, 1 - insight.positive)], signed=True))
    share = max(insight.positive, 1 - insight.positive)
    announce(f"{predicted}, {share:.0%}", "sentiment.announcer")
    st.html(_coloured(insight))
    st.caption(f"Blue words push towards {positive}, orange ones towards {negative}.")
    if insight.unknown:
        unknown = ", ".join(insight.unknown)
        st.warning(f"Unknown words, ignored: {unknown}", icon=":material/help:")
    _windows(insight)
    _neighbours(reader, insight)


def _coloured(insight: SentenceInsight) -> str:
    """Return the sentence, each word coloured by its contribution to the logit."""
    limit = max(float(np.abs(insight.word_pushes).max()), 1e-9)
    words = []
    for word, push in zip(insight.words, insight.word_pushes.tolist(), strict=True):
        kind = "mt-for" if push >= 0 else "mt-against"
        unknown = "" if word.known else " mt-unknown"
        strength = round(60 * abs(push) / limit)
        words.append(
            f'<span class="{kind}{unknown}" title="{push:+.3f}" style="--mt-share: {strength}%">'
            f"{html.escape(word.text)}</span>"
        )
    return f'<p class="mt-sentence">{" ".join(words)}</p>'


def _windows(insight: SentenceInsight) -> None:
    """Show the window of each width with the largest contribution, as text and as number."""
    st.header("The windows with the largest contributions")
    for width, windows in insight.windows.items():
        if not windows:
            continue
        best = windows[0]
        inside = range(best.start, best.start + width)
        marked = " ".join(
            f"<mark>{html.escape(word.text)}</mark>" if i in inside else html.escape(word.text)
            for i, word in enumerate(insight.words)
        )
        kind = "mt-for" if best.push >= 0 else "mt-against"
        st.html(
            f'<div class="mt-window {kind}"><b>{width} words</b><p>{marked}</p>'
            f"<span>{best.kernels} of {sum(w.kernels for w in windows)} kernels above zero have "
            f"their maximum here and contribute {best.push:+.2f}</span></div>"
        )
    with st.expander("All windows and their sum"):
        rows = [
            {"words": window.text, "width": width, "kernels": window.kernels, "push": window.push}
            for width, windows in insight.windows.items()
            for window in windows
        ]
        rows.sort(key=lambda row: -abs(float(str(row["push"]))))
        st.dataframe(
            rows,
            hide_index=True,
            column_config={"push": st.column_config.NumberColumn(format="%.3f")},
        )
        st.markdown(
            f"The sum of all contributions and the bias of {insight.bias:+.3f} is the logit "
            f"**{insight.logit:+.3f}**, whose sigmoid is **{insight.positive:.1%}**. "
            "∅ is padding after the last word."
        )


def _neighbours(reader: SentenceReader, insight: SentenceInsight) -> None:
    """Show the words with the most similar vectors."""
    st.header("A word's neighbours")
    rows = {word.text: word.row for word in insight.words if word.known}
    if not rows:
        st.caption("No word of the sentence has a vector.")
        return
    strongest = max(
        (w for w in zip(insight.words, np.abs(insight.word_pushes), strict=True) if w[0].known),
        key=lambda pair: float(pair[1]),
    )[0].text
    chosen = st.pills("Word", list(rows), default=strongest, label_visibility="collapsed")
    if chosen in rows:
        st.html(bars(neighbours(reader, rows[chosen])))
        st.caption("The cosine of the angle between the vectors: 1 means the same direction.")


def _validation(reader: SentenceReader) -> None:
    """Show the predictions for all validation sentences, the worst first."""
    texts, labels = sst2().dev.texts, sst2().dev.labels
    with st.spinner("Reading all sentences …"):
        positive = predict_sentences(reader, texts)
    right = (positive >= 0.5) == (labels == 1)
    st.markdown(
        f"**{right.mean():.2%}** of {len(labels):,} validation sentences right. Select a row to "
        "read the whole sentence."
    )
    _table(texts, positive, labels, sst2().classes)


def _table(
    texts: Sequence[str],
    positive: npt.NDArray[np.floating],
    labels: npt.NDArray[np.integer],
    classes: tuple[str, ...],
) -> None:
    """Show sentences sorted by how wrong the network is, and the selected one in full."""
    error = np.abs(positive - labels)
    order = np.argsort(-error, kind="stable").tolist()
    event = st.dataframe(
        [
            {
                "error": float(error[i]),
                "truth": classes[labels[i]],
                classes[1]: float(positive[i]),
                "sentence": texts[i],
            }
            for i in order
        ],
        hide_index=True,
        height=420,
        on_select="rerun",
        selection_mode="single-row",
        key="sentiment.table",
        column_config={
            "sentence": st.column_config.TextColumn(width="large"),
            classes[1]: st.column_config.ProgressColumn(min_value=0, max_value=1, format="%.2f"),
            "error": st.column_config.NumberColumn(format="%.2f"),
        },
    )
    wide_table_hint()
    for row in event.selection.rows:
        st.markdown(f"**{classes[labels[order[row]]]}**")
        st.text(texts[order[row]])


def _train() -> None:
    """Let the user train a network."""
    data = choose_data(
        "Own texts",
        "sentiment.data",
        "A CSV file with a column of texts and a column of labels, or a folder with train.csv. "
        "Empty: the sentences of SST-2.",
    )
    left, middle, right = st.columns(3)
    with left:
        sizes = [450, 1000, 2000, 4000, 6920]
        samples = choose_size("Training sentences", sizes, 6920, "sentiment.sentences", data)
        epochs = st.slider("Epochs", 1, 20, 8, key="sentiment.epochs", bind="query-params")
    with middle:
        rate = st.select_slider(
            "Learning rate",
            [0.0005, 0.001, 0.002, 0.005, 0.01, 0.05],
            0.005,
            key="sentiment.rate",
            bind="query-params",
        )
        preset = st.selectbox(
            "Responses",
            ["course", "kim2014"],
            format_func={
                "course": "added up, as in the course",
                "kim2014": "side by side, as in Kim's paper",
            }.__getitem__,
            key="sentiment.preset",
            bind="query-params",
        )
    with right:
        backend, dtype = choose_backend("sentiment.backend")
        trainable = st.toggle(
            "Train the word vectors, too", key="sentiment.trainable", bind="query-params"
        )
    recipe = SentimentRecipe(
        backend=backend,
        dtype=dtype,
        optimizer="adam",
        lr=rate,
        weight_decay=0.001,
        schedule="cosine",
        preset="course" if preset == "course" else "kim2014",
        trainable=trainable,
        data=data,
        train_size=samples,
    )
    start_button(recipe, Settings(epochs=epochs, batch_size=50), "sentiment.start")
    training_panel("sentiment", _details, shipped=PRETRAINED_SENTENCES)


def _details(run: RunView) -> None:
    """Show the validation sentences of a run, sorted by error."""
    evaluation: Evaluation | None = run.evaluation()
    if evaluation is None or run.options.get("data") or len(run.classes) != 2:
        show_pictures(run)
        return
    texts = sst2().dev.texts[: len(evaluation.labels)]
    st.markdown("**Validation sentences, the worst first**")
    _table(texts, evaluation.probabilities[:, 1], evaluation.labels, run.classes)
