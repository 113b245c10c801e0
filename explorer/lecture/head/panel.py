"""One head, step by step."""

from dataclasses import replace
from functools import partial

import streamlit as st
import torch
from torch import Tensor

from explorer.choice import Choice
from explorer.figures.tokens import labels
from explorer.lecture.head.stages import STAGE, STAGES, Apart, draw_stage
from explorer.lecture.kit.controls import WALK, chapter, editable, show_cell, unroll
from explorer.lecture.kit.training import finished_model, trained, trained_model, untrained
from explorer.shared import texts, widgets
from explorer.shared.choices import SEED
from explorer.shared.prompt import stand_in_of
from gpt import PRESETS, load_corpus
from gpt.lecture import OneHead, head_by_hand, masked_softmax, one_head, random_matrices, version_4
from gpt.model.attention import Attention

NAME, LABEL = "head", "one head"
RECIPE = PRESETS["rung-2"].changed(
    about="One head, trained within seconds", steps=1000, batch_size=64, lr=1e-2, schedule="linear", final_lr=0.0,
    eval_every=250, eval_batches=50, snapshots=8,
)  # fmt: skip
LECTURES, RANDOM = "the lecture's", "made up"
UNTRAINED, TRAINED = "untrained", "trained"
SENTENCE = Choice(
    "sentence", high=RECIPE.model.block_size, default="the king", label="Sentence",
    help="Up to eight letters, the context of the lecture's first head. An unknown letter is read as a space.",
)  # fmt: skip
MATRICES = Choice(
    "matrices", options=(LECTURES, RANDOM, UNTRAINED, TRAINED), default=LECTURES, label="Matrices of the head",
    help="The lecture's: the numbers of the video, x[0] of seed 1337. Its eight tokens have no letters. No scale yet.",
)  # fmt: skip
TOKEN = replace(WALK, default=None, label="Token that reads")
T, C, SIZE = 8, 4, 4  # tokens of the lecture's example; features of a random token, and of its q, k and v


@chapter(
    "One head taken apart",
    "1:02:00",
    "Walk the six stages with the arrow keys. The token asks with its q, the k of earlier tokens answer, and it "
    "gathers their v.",
)
def taken_apart() -> None:
    """A sentence, the head's matrices, and the stages of the head's computation for one token."""
    place = st.columns([9, 5, 3, 3], vertical_alignment="bottom")
    sentence, source, seed = _controls(*place[:3])
    walk = st.container()  # above the editor of x, which is read first
    if source == LECTURES:
        tokens, names, computed = *2 * [[str(token) for token in range(T)]], version_4()
    elif not sentence:
        widgets.empty_state("The sentence is empty.", "Type a few letters.")
        return
    else:
        tokens, names = list(sentence), labels(sentence)
        computed = _random_head(sentence, seed) if source == RANDOM else _model_head(sentence, source, seed)
    if source == TRAINED and trained(NAME, LABEL) is None:
        st.caption("A finished run of ours. Train yours on the page *Several heads*, in seconds.")
    at = TOKEN.read(high=len(tokens) - 1, default=len(tokens) - 1)
    place[3].selectbox(
        options=range(len(tokens)), format_func=names.__getitem__, **TOKEN.bound(at, dict(enumerate(names)))
    )
    with walk:
        unroll("head", len(STAGES), partial(draw_stage, Apart(tokens, names, *computed, at)), STAGE)
    show_cell("head/version 4", one_head, masked_softmax, head_by_hand, Attention._explicit)


def _controls(left, middle, right) -> tuple[str, str, int]:
    """The sentence, the source of the head's matrices, and the seed of random or untrained ones."""
    sentence, seed = SENTENCE.read(), SEED.read(low=1, default=RECIPE.seed)
    has_own = SENTENCE.text is not None or SEED.text is not None
    source = MATRICES.read(default=UNTRAINED if has_own else LECTURES)
    is_fixed = MATRICES.text == LECTURES
    left.segmented_control(options=list(MATRICES.options or ()), required=True, **MATRICES.bound(source))
    middle.text_input(**SENTENCE.bound(sentence, disabled=is_fixed))
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


def _model_head(sentence: str, source: str, seed: int) -> tuple[Tensor, OneHead]:
    """The numbers of a model's only head on the sentence."""
    tokenizer = texts.characters(load_corpus(RECIPE.text).text)
    if source == TRAINED:
        run = trained(NAME, LABEL)
        model = trained_model(run) if run else finished_model(NAME, LABEL, RECIPE)
    else:
        model = untrained(RECIPE.changed(seed=seed))
    return head_by_hand(model, torch.tensor(tokenizer.encode(sentence, replace=stand_in_of(tokenizer))))
