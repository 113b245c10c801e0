"""One head, step by step, and a model with one head that trains here."""

from collections.abc import Sequence
from functools import partial

import numpy as np
import streamlit as st
import torch
from torch import Tensor

from explorer.choice import Choice
from explorer.figures.matrix import number_grid
from explorer.figures.tokens import escaped, labels, visible
from explorer.figures.vectors import token_vectors
from explorer.lecture.kit.controls import chapter, draw_matrix, editable, show_cell, unroll
from explorer.lecture.kit.training import draw_loss, train_together, trained, trained_model, untrained
from explorer.shared import texts, widgets
from explorer.shared.chart import chart
from explorer.shared.choices import SEED
from explorer.shared.prompt import stand_in_of
from explorer.train.panel import draw_sample
from explorer.train.progress import link_to
from gpt import PRESETS, Run, load_corpus
from gpt.lecture import OneHead, head_by_hand, masked_softmax, one_head, random_matrices, version_4
from gpt.model.attention import Attention

NAME, LABEL = "head", "one head"
RECIPE = PRESETS["rung-2"].changed(
    about="One head, trained within seconds", steps=1000, batch_size=64, lr=1e-2, schedule="linear", final_lr=0.0,
    eval_every=250, eval_batches=50, snapshots=8,
)  # fmt: skip
LECTURES, RANDOM = "the lecture's", "made up"
UNTRAINED, TRAINED = "untrained", "trained below"
SENTENCE = Choice(
    "sentence", high=RECIPE.model.block_size, default="the king", label="Sentence",
    help="Up to eight letters, the context of the lecture's first head. An unknown letter is read as a space.",
)  # fmt: skip
MATRICES = Choice(
    "matrices", options=(LECTURES, RANDOM, UNTRAINED, TRAINED), default=LECTURES, label="Matrices of the head"
)
T, C, SIZE = 8, 4, 4  # tokens of the lecture's example; features of a random token, and of its q, k and v


MOST = 8  # columns of a matrix with numbers; it has a quarter of the page


@chapter(
    "One head taken apart",
    "1:02:00",
    "Step from token to token. Each token asks with its q, the k of earlier tokens answer, and it gathers their v.",
)
def taken_apart() -> None:
    """A sentence, the head's matrices, and each step of the head's computation for one token."""
    sentence, source, seed = _controls()
    if source == LECTURES:
        st.caption("The numbers of the video: x[0] of seed 1337. Its eight tokens have no letters. No scale yet.")
        names = [str(token) for token in range(T)]
        unroll("head", T - 1, partial(_draw_step, names, names, *version_4()))
        show_cell("head/version 4", one_head, masked_softmax, head_by_hand, Attention._explicit)
        return
    if not sentence:
        widgets.empty_state("The sentence is empty.", "Type a few letters.")
        return
    computed = _random_head(sentence, seed) if source == RANDOM else _model_head(sentence, source, seed)
    if computed is None:
        widgets.empty_state("There is no trained head yet.", "Press *Train* below; it takes a few seconds.")
        return
    unroll("head", len(sentence) - 1, partial(_draw_step, list(sentence), labels(sentence), *computed))
    show_cell("head/version 4", one_head, masked_softmax, head_by_hand, Attention._explicit)


def _controls() -> tuple[str, str, int]:
    """The sentence, the source of the head's matrices, and the seed of random or untrained ones."""
    sentence, seed = SENTENCE.read(), SEED.read(low=1, default=RECIPE.seed)
    has_own = SENTENCE.text is not None or SEED.text is not None
    source = MATRICES.read(default=UNTRAINED if has_own else LECTURES)
    is_fixed = MATRICES.text == LECTURES
    left, right = st.columns([3, 1], vertical_alignment="bottom")
    left.text_input(**SENTENCE.bound(sentence, disabled=is_fixed))
    st.segmented_control(options=list(MATRICES.options or ()), required=True, **MATRICES.bound(source))
    help = "Seed of random matrices, or of the untrained model."
    right.number_input(**SEED.bound(seed, help=help, disabled=is_fixed or source == TRAINED, min_value=1))
    return sentence, source, seed


def _random_head(sentence: str, seed: int) -> tuple[Tensor, OneHead]:
    """Random x and matrices; the person can edit x."""
    generator = torch.Generator().manual_seed(seed)
    matrices = random_matrices(C, SIZE, generator)
    with st.expander("Edit x, a row for each token"):
        x = editable(torch.randn(len(sentence), C, generator=generator), f"head:x:{seed}:{len(sentence)}")
    return x, one_head(x, *matrices)


def _model_head(sentence: str, source: str, seed: int) -> tuple[Tensor, OneHead] | None:
    """The numbers of a model's only head on the sentence; None where the model is not trained yet."""
    tokenizer = texts.characters(load_corpus(RECIPE.text).text)
    if source == TRAINED:
        run = trained(NAME, LABEL)
        if run is None:
            return None
        model = trained_model(run)
    else:
        model = untrained(RECIPE.changed(seed=seed))
    return head_by_hand(model, torch.tensor(tokenizer.encode(sentence, replace=stand_in_of(tokenizer))))


def _draw_step(tokens: Sequence[str], names: Sequence[str], x: Tensor, head: OneHead, at: int) -> None:
    """The head's computation for the token `at`; its row has a frame. names: of the tokens in sentences."""
    st.markdown(f"**Token {widgets.plain(names[at])} reads**")
    _vectors(tokens, x, head, at)
    _weights(tokens, head, at)
    st.markdown("**6 · The weighted sum of v**: the head's output", help=OUT)
    _draw_vectors("out", head.out, tokens, at)
    most = int(head.weights[at].argmax())
    widgets.caption(
        f"Token {widgets.plain(names[at])} gives {head.weights[at, most]:.1%} of its weight to "
        f"{widgets.plain(names[most])}. Its row of weights sums to {head.weights[at].sum():.4f} over "
        f"{widgets.count(at + 1, 'token')}.",
        "1:02:00",
    )


def _vectors(tokens: Sequence[str], x: Tensor, head: OneHead, at: int) -> None:
    """x, the three matrices, and their products with x."""
    has_bias = len(head.matrices[0]) > x.size(1)
    products = f"x times three matrices{', plus a bias' * has_bias}"
    st.markdown(f"**1 · Every token makes a query, a key and a value**: {products}", help=VECTORS)
    first, second = st.columns(4, gap="small"), st.columns(4, gap="small")
    with first[0]:
        st.markdown(f"**x**, {x.size(1)} features each")
        _draw_vectors("x", x, tokens, at)
    features = [str(feature) for feature in range(x.size(1))] + ["bias"] * has_bias
    vectors = (head.q, head.k, head.v)
    for above, below, name, matrix, values in zip(first[1:], second[1:], "qkv", head.matrices, vectors, strict=True):
        with above:
            title, axes = f"W_{name}, {matrix.size(0)} × {matrix.size(1)}", ("feature of x", f"feature of {name}")
            draw_matrix(
                title, matrix, f"head:W_{name}", rows=axes[0], columns=axes[1], row_names=features, most_numbers=MOST
            )
        with below:
            st.markdown(f"**{name} = x · W_{name}{' + bias' * has_bias}**, {values.size(1)} features each")
            _draw_vectors(name, values, tokens, at)
    with second[0]:
        if x.size(1) == len(head.matrices[0]) <= C:
            st.caption(_by_hand(tokens, x, head, at))


def _draw_vectors(name: str, values: Tensor, tokens: Sequence[str], at: int) -> None:
    """A vector for each token: numbers where there is room, else colours."""
    if values.size(1) > C:
        figure = token_vectors(values.numpy(), tokens, at)
    else:
        marked, rows = [(at, i) for i in range(values.size(1))], [escaped(visible(token)) for token in tokens]
        figure = number_grid(values.numpy(), rows="token", columns="feature", marked=marked, row_names=rows)
    chart(figure, key=f"head:{name}", alt=f"{name} of every token")


def _by_hand(tokens: Sequence[str], x: Tensor, head: OneHead, at: int) -> str:
    """The first feature of the token's query, term by term."""
    factors = zip(x[at].tolist(), head.matrices[0][:, 0].tolist(), strict=True)
    terms = " + ".join(f"{_number(a)} × {_number(b)}" for a, b in factors)
    return f"Token {widgets.plain(labels(tokens)[at])}, feature 0 of its q: {terms} ≈ {_number(head.q[at, 0].item())}."


def _number(value: float) -> str:
    return f"({value:.2f})".replace("-", "−") if value < 0 else f"{value:.2f}"


def _weights(tokens: Sequence[str], head: OneHead, at: int) -> None:
    """From q · k to the weights: four matrices with a row for each query and a column for each key."""
    T, d = len(tokens), head.q.size(1)
    future = np.triu(np.ones((T, T), dtype=bool), 1)
    dots, scores = (head.q @ head.k.T).numpy(), head.scores.numpy()
    is_scaled = not np.allclose(dots, scores)
    division = f"Divided by √{d}" if is_scaled else f"Not divided by √{d} here"
    steps = {
        "2 · q · k: how well each key matches each query": (dots, 1),
        f"3 · {division}: the scores": (scores, 1),
        "4 · The mask: no key from the future": (np.where(future, -np.inf, scores), 1),
        "5 · Softmax: weights, each row sums to 1": (np.where(future, np.nan, head.weights.numpy()), 2),
    }
    axis = [escaped(visible(token)) for token in tokens]
    for first in (0, 2):
        for column, title in zip(st.columns(2, gap="medium"), list(steps)[first : first + 2], strict=True):
            with column:
                st.markdown(f"**{title}**", help=HELP[title[0]])
                values, digits = steps[title]
                marked = [(at, key) for key in range(T) if np.isfinite(values[at, key])]
                names = {"rows": "query", "columns": "key", "row_names": axis, "column_names": axis}
                figure = number_grid(values, digits=digits, marked=marked, **names)
                chart(figure, key=f"head:step:{title[0]}", alt=title)
    st.caption(f"The variance of all {T * T} q · k is {dots.var():.2f}; divided by √{d}, {dots.var() / d:.2f}.")


@chapter(
    "Inserting one head",
    "1:19:11",
    "The bigram reads one character. This model reads eight, through one head. Train it, and compare with the "
    "counted bigram.",
)
def inserted() -> None:
    """Rung 2: train a model whose only layer is one head."""
    about = (
        f"{RECIPE.steps:,} steps of {RECIPE.batch_size} chunks, at a higher learning rate than the lecture's, falling "
        "to zero. After training, look into its head above."
    )
    train_together(NAME, {LABEL: RECIPE}, _curves_and_sample, about=about)
    show_cell("head/model", Attention.forward)


def _curves_and_sample(runs: dict[str, Run]) -> None:
    run = runs.get(LABEL)
    left, right = st.columns([3, 2], gap="medium")
    with left:
        draw_loss(run, NAME, LABEL)
    if run:
        with right:
            draw_sample(run)
            link_to("attention.py", "Attention", ":material/grid_on:", run)


VECTORS = "q, the query: what the token looks for. k, the key: what it offers. v, the value: what its readers get."
OUT = "Each row is a weighted mean of the v that this token may read. The weights are its row of step 5."
HELP = {
    "2": "The dot product: multiply each feature of q by the same feature of k, and add. It is large if both point "
    "the same way.",
    "3": "Sums of more features vary more: for random q and k of variance 1, the variance of q · k is the number of "
    "features. "
    "Dividing by its root brings the variance back to 1, so the softmax does not saturate.",
    "4": "A token from the future is the answer to the prediction, so it gets no weight.",
    "5": "e to the score, divided by the sum of its row: every weight is above 0, and each row sums to 1.",
}
