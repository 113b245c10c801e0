"""One head taken apart, of made-up matrices or of a model's, and a head put into a model that trains here."""

from collections.abc import Sequence
from functools import partial

import numpy as np
import streamlit as st
import torch
from torch import Tensor

from explorer import state
from explorer.explore.tokens import panel as tokenizing
from explorer.figures.matrix import number_grid
from explorer.figures.tokens import escaped, labels, visible
from explorer.figures.vectors import token_vectors
from explorer.lecture.kit.controls import chapter, editable, show_code, unroll
from explorer.lecture.kit.training import losses, train_together, trained
from explorer.shared import loading, texts, widgets
from explorer.shared.chart import chart
from explorer.train.panel import draw_sample
from explorer.train.progress import link_to
from gpt import PRESETS, Run, build_model, load_corpus
from gpt.lecture import OneHead, head_by_hand, masked_softmax, one_head, random_matrices
from gpt.model.attention import Attention
from gpt.text.tokenizer import Tokenizer

NAME, LABEL = "head", "one head"
RECIPE = PRESETS["rung-2"].changed(
    about="One head, trained within seconds", steps=1000, batch_size=64, lr=1e-2, schedule="linear", final_lr=0.0,
    eval_every=250, eval_batches=50, snapshots=8,
)  # fmt: skip
MADE_UP, UNTRAINED, TRAINED = "made up", "untrained", "trained below"
SENTENCE = "the king"
C, SIZE = 4, 4  # features of a made-up token, and of its q, k and v


def taken_apart() -> None:
    """A sentence, whose matrices the head has, and every step of the head for the token that looks."""
    if not chapter(
        "One head taken apart",
        "1:02:00",
        "Step from token to token: each asks with its q, is answered by the k of those before it, and gathers their v.",
    ):
        return
    sentence, source, seed = _controls()
    if not sentence:
        widgets.empty_state("There is no token that could look.", "Type a few letters.")
        return
    found = _made_up(sentence, seed) if source == MADE_UP else _from_model(sentence, source, seed)
    if found is None:
        widgets.empty_state("There is no trained head yet.", "Press *Train* below; it takes a few seconds.")
        return
    x, head = found
    unroll("head", len(sentence) - 1, partial(_looking, list(sentence), x, head))
    show_code(one_head, masked_softmax, head_by_hand, Attention._explicit)


def _controls() -> tuple[str, str, int]:
    """The sentence, whose matrices the head has, and the seed of those that are not trained."""
    longest, sources, wanted = RECIPE.model.block_size, [MADE_UP, UNTRAINED, TRAINED], state.choice("sentence")
    sentence = SENTENCE if wanted is None else wanted[:longest]
    source = state.choice("matrices") if state.choice("matrices") in sources else UNTRAINED
    seed = state.number("seed") or RECIPE.seed
    left, right = st.columns([3, 1], vertical_alignment="bottom")
    left.text_input("Sentence", max_chars=longest, help=LETTERS, **state.bound("sentence", sentence))
    st.segmented_control("The head's matrices are", sources, required=True, **state.bound("matrices", source))
    right.number_input(
        "Seed", 1, tokenizing.MAX_SEED, help=SEED, disabled=source == TRAINED, **state.bound("seed", seed)
    )
    return sentence, source, seed


def _made_up(sentence: str, seed: int) -> tuple[Tensor, OneHead]:
    """Random x and matrices; x can be edited."""
    generator = torch.Generator().manual_seed(seed)
    matrices = random_matrices(C, SIZE, generator)
    with st.expander("Edit x, a row for each token"):
        x = editable(torch.randn(len(sentence), C, generator=generator), f"head:x:{seed}:{len(sentence)}")
    return x, one_head(x, *matrices)


def _from_model(sentence: str, source: str, seed: int) -> tuple[Tensor, OneHead] | None:
    """The numbers of a model's one head on the sentence; None where it has not been trained yet."""
    known = _tokenizer()
    if source == TRAINED:
        run = trained(NAME, LABEL)
        if run is None:
            return None
        model = loading.load_model(f"runs/{run.name}")
    else:
        torch.manual_seed(seed)
        model = build_model(RECIPE.changed(vocab_size=known.vocab_size).model).eval()
    return head_by_hand(model, torch.tensor(known.encode(sentence, replace=loading.stand_in_of(known))))


def _tokenizer() -> Tokenizer:
    return texts.characters(load_corpus(RECIPE.text).text)


def _looking(tokens: Sequence[str], x: Tensor, head: OneHead, at: int) -> None:
    """All that happens while the token `at` looks; its row has a frame."""
    names = labels(tokens)
    st.markdown(f"**Token {widgets.plain(names[at])} looks**")
    _vectors(tokens, x, head, at)
    _weights(tokens, head, at)
    st.markdown("**6 · The weighted sum of v**: what the token takes away", help=OUT)
    _draw_vectors("out", head.out, tokens, at)
    most = int(head.weights[at].argmax())
    widgets.caption(
        f"Token {widgets.plain(names[at])} gives {head.weights[at, most]:.1%} of its weight to {widgets.plain(names[most])}. Its row of "
        f"weights sums to {head.weights[at].sum():.4f} over {at + 1} token{'s' if at else ''}.",
        "1:02:00",
    )


def _vectors(tokens: Sequence[str], x: Tensor, head: OneHead, at: int) -> None:
    """x, the three matrices, and below each matrix what x times it is."""
    has_bias = len(head.matrices[0]) > x.size(1)
    st.markdown(
        f"**1 · Every token makes a query, a key and a value**: x times three matrices{', plus a bias' * has_bias}",
        help=VECTORS,
    )
    first, second = st.columns(4, gap="small"), st.columns(4, gap="small")
    with first[0]:
        st.markdown(f"**x**, {x.size(1)} features each")
        _draw_vectors("x", x, tokens, at)
    features = [str(feature) for feature in range(x.size(1))] + ["bias"] * has_bias
    for above, below, name, matrix, values in zip(
        first[1:], second[1:], "qkv", head.matrices, (head.q, head.k, head.v), strict=True
    ):
        with above:
            st.markdown(f"**W_{name}**, {matrix.size(0)} × {matrix.size(1)}")
            figure = number_grid(matrix.numpy(), rows="feature of x", columns=f"feature of {name}", row_names=features)
            chart(figure, key=f"head:W_{name}", alt=f"The matrix that makes {name}")
        with below:
            st.markdown(f"**{name} = x · W_{name}{' + bias' * has_bias}**, {values.size(1)} features each")
            _draw_vectors(name, values, tokens, at)
    with second[0]:
        if x.size(1) == len(head.matrices[0]) <= C:
            st.caption(_by_hand(tokens, x, head, at))


def _draw_vectors(name: str, values: Tensor, tokens: Sequence[str], at: int) -> None:
    """One vector a token: its numbers where they have room, else colours."""
    if values.size(1) > C:
        figure = token_vectors(values.numpy(), tokens, at)
    else:
        marked, rows = (
            [(at, feature) for feature in range(values.size(1))],
            [escaped(visible(token)) for token in tokens],
        )
        figure = number_grid(values.numpy(), rows="token", columns="feature", marked=marked, row_names=rows)
    chart(figure, key=f"head:{name}", alt=f"{name} of every token")


def _by_hand(tokens: Sequence[str], x: Tensor, head: OneHead, at: int) -> str:
    """The first feature of the token's query, term by term."""
    terms = " + ".join(
        f"{_number(a)} × {_number(b)}" for a, b in zip(x[at].tolist(), head.matrices[0][:, 0].tolist(), strict=True)
    )
    return f"Token {widgets.plain(labels(tokens)[at])}, feature 0 of its q: {terms} ≈ {_number(head.q[at, 0].item())}."


def _number(value: float) -> str:
    return f"({value:.2f})".replace("-", "−") if value < 0 else f"{value:.2f}"


def _weights(tokens: Sequence[str], head: OneHead, at: int) -> None:
    """From q · k to the weights: four matrices, queries down and keys across."""
    T, d = len(tokens), head.q.size(1)
    future = np.triu(np.ones((T, T), dtype=bool), 1)
    dots, scores = (head.q @ head.k.T).numpy(), head.scores.numpy()
    steps = {
        "2 · q · k: how well each key answers each query": (dots, 1),
        f"3 · Divided by √{d}: the scores": (scores, 1),
        "4 · The mask: no key from the future": (np.where(future, np.nan, scores), 1),
        "5 · Softmax: weights, each row sums to 1": (np.where(future, np.nan, head.weights.numpy()), 2),
    }
    axis = [escaped(visible(token)) for token in tokens]
    for first in (0, 2):
        for column, title in zip(st.columns(2, gap="medium"), list(steps)[first : first + 2], strict=True):
            with column:
                st.markdown(f"**{title}**", help=HELP[title[0]])
                values, digits = steps[title]
                marked = [(at, key) for key in range(T) if np.isfinite(values[at, key])]
                figure = number_grid(
                    values, rows="query", columns="key", digits=digits, marked=marked, row_names=axis, column_names=axis
                )
                chart(figure, key=f"head:step:{title[0]}", alt=title)
    st.caption(f"The variance of all {T * T} q · k is {dots.var():.2f}; divided by √{d}, {scores.var():.2f}.")


def inserted() -> None:
    """Rung 2: train a model whose only part beside the embeddings is one head."""
    if not chapter(
        "Inserting one head",
        "1:19:11",
        "The bigram saw one character; this model sees eight, through one head. Train it, and compare with the counted bigram.",
    ):
        return
    about = (
        f"{RECIPE.steps:,} steps of {RECIPE.batch_size} chunks, at a higher learning rate than the lecture's, falling to zero. "
        "Once it is trained, take its head apart above."
    )
    train_together(NAME, {LABEL: RECIPE}, _curves_and_sample, about=about)
    show_code(Attention.forward)


def _curves_and_sample(runs: dict[str, Run]) -> None:
    run = runs.get(LABEL)
    left, right = st.columns([3, 2], gap="medium")
    with left:
        losses(run)
    if run:
        with right:
            draw_sample(run)
            link_to("attention.py", "Attention", ":material/grid_on:", run)


LETTERS = (
    "Up to eight letters, the context of the lecture's first head. What its text has no symbol for is read as a space."
)
SEED = "Of what is made up, or of the untrained model."
VECTORS = "q, the query: what the token looks for. k, the key: what it has to offer. v, the value: what it hands over where it is read."
OUT = "Each row is the mean of the v of the tokens that this one may read, weighted by its row of step 5."
HELP = {
    "2": "The dot product: the features of q times those of k, one by one, added up. Large where the two point the same way.",
    "3": "Sums of more features scatter more widely: of random q and k of variance 1, q · k has as much variance as they have features. "
    "The root of their number brings it back to 1, so that the softmax stays soft.",
    "4": "A token of the future would give away what has to be predicted, so it does not take part.",
    "5": "e to the score, divided by the row's sum: all above 0, and 1 together.",
}
